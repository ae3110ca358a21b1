# Everything the project links, all from Debian, all by find_package, so that
# a newer version of any of them works too.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
if(LATCHKEY_EDGE)
  # gRPC's package file asks for Protobuf itself; Debian's Protobuf has only
  # CMake's own module, which must be found first.
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_package(CLI11 CONFIG REQUIRED)
  find_package(nlohmann_json REQUIRED)
  # Sanitizers bring an allocator of their own.
  if(NOT LATCHKEY_SANITIZE AND NOT LATCHKEY_FUZZ)
    pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
  endif()
  pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd)
  pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)
endif()
if(LATCHKEY_TESTS)
  find_package(GTest REQUIRED)
  find_package(nlohmann_json REQUIRED)
endif()
