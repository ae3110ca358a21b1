# find_package(latchkey CONFIG REQUIRED [COMPONENTS verify client])
#
#   latchkey::verify   judges tokens and keeps revocations, without gRPC
#   latchkey::client   AuthClient, OfflineValidator, ServerGuard,
#                      ServiceCredentials; needs gRPC and Protobuf
#
# Without COMPONENTS: what was installed. Headers are "client/...".
include(CMakeFindDependencyMacro)

set(latchkey_verify_FOUND TRUE)
set(latchkey_client_FOUND FALSE)
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/latchkeyClient.cmake)
  set(latchkey_client_FOUND TRUE)
endif()
set(_latchkey_wanted ${latchkey_FIND_COMPONENTS})
if(NOT _latchkey_wanted AND latchkey_client_FOUND)
  set(_latchkey_wanted verify client)
endif()
foreach(_latchkey_component IN LISTS _latchkey_wanted)
  if(NOT latchkey_${_latchkey_component}_FOUND
      AND latchkey_FIND_REQUIRED_${_latchkey_component})
    set(latchkey_FOUND FALSE)
    set(latchkey_NOT_FOUND_MESSAGE
      "latchkey has no component ${_latchkey_component} here")
    return()
  endif()
endforeach()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)
find_dependency(absl)
find_dependency(OpenSSL)
find_dependency(PkgConfig)
if(NOT TARGET PkgConfig::sodium)
  pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/latchkeyVerify.cmake)

if(client IN_LIST _latchkey_wanted AND latchkey_client_FOUND)
  # gRPC's package file asks for Protobuf itself; Debian's Protobuf has only
  # CMake's own module, which must be found first.
  find_dependency(Protobuf)
  find_dependency(gRPC CONFIG)
  include(${CMAKE_CURRENT_LIST_DIR}/latchkeyClient.cmake)
endif()
