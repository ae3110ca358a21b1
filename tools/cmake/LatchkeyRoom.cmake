# Settings of our own code, and latchkey_room / latchkey_test, which declare
# one target per room with its headers and sources listed by hand.

# Compile options of our code; generated code does not use them.
add_library(latchkey_options INTERFACE)
target_compile_options(latchkey_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wno-unused-parameter
  -Wno-missing-field-initializers
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports maybe-uninitialized inside std::optional and std::function
  # of its own library at -O2 (its bug 80635); clang's presets cover these.
  target_compile_options(latchkey_options INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(LATCHKEY_PRECOMPILE)
  # Lets ccache look through a precompiled header.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(latchkey_options INTERFACE -fpch-preprocess)
  else()
    target_compile_options(latchkey_options INTERFACE
      "SHELL:-Xclang -fno-pch-timestamp")
  endif()
  # Some of what rooms link asks for it, and it sets a macro.
  add_compile_options(-pthread)
endif()
# Tests are compiled for a quick build; what they test is as the preset says.
# Not under a sanitizer, where some would take minutes.
add_library(latchkey_test_options INTERFACE)
target_link_libraries(latchkey_test_options INTERFACE latchkey_options)
if(NOT LATCHKEY_SANITIZE)
  target_compile_options(latchkey_test_options INTERFACE -O0)
endif()

if(LATCHKEY_THREAD_SAFETY)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "LATCHKEY_THREAD_SAFETY needs clang")
  endif()
  target_compile_options(latchkey_options INTERFACE
    -Wthread-safety -Wthread-safety-beta)
endif()
if(LATCHKEY_SANITIZE)
  add_compile_options(-fsanitize=${LATCHKEY_SANITIZE}
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LATCHKEY_SANITIZE})
endif()
if(LATCHKEY_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "LATCHKEY_FUZZ needs clang")
  endif()
  # Every room tells libFuzzer which of its branches were taken.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Headers of others that most files include, parsed once per build instead of
# once per file: more than half the time of a build. Our own code still includes
# what it uses; the presets without this (release, tsa) see to it.
#
# A precompiled header serves what is compiled with the same flags, so there are
# four: of rooms and of tests, and some of each speak gRPC.
set(LATCHKEY_COMMON_HEADERS <algorithm> <array> <atomic> <cstddef> <cstdint>
  <fstream> <functional> <memory> <optional> <string> <thread> <utility> <vector>
  <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/strings/str_split.h>
  <absl/time/time.h>)
set(LATCHKEY_GRPC_HEADERS <grpcpp/grpcpp.h> <google/protobuf/message.h>)
set(LATCHKEY_TEST_HEADERS <gmock/gmock.h> <gtest/gtest.h>)

# latchkey_precompiled(NAME ROOM|TEST LINK ... HEADERS ...)
function(latchkey_precompiled name kind)
  cmake_parse_arguments(SET "" "" "LINK;HEADERS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/precompiled/${name}.cc)
  if(kind STREQUAL "TEST")
    file(CONFIGURE OUTPUT ${source} CONTENT "int main() {}\n")
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE latchkey_test_options ${SET_LINK})
  else()
    file(CONFIGURE OUTPUT ${source} CONTENT "")
    add_library(${name} OBJECT ${source})
    target_link_libraries(${name} PRIVATE latchkey_options ${SET_LINK})
  endif()
  target_precompile_headers(${name} PRIVATE ${SET_HEADERS})
endfunction()

if(LATCHKEY_PRECOMPILE)
  set(common absl::statusor absl::strings absl::time)
  latchkey_precompiled(latchkey_pch_room ROOM LINK ${common}
    HEADERS ${LATCHKEY_COMMON_HEADERS})
  latchkey_precompiled(latchkey_pch_test TEST LINK ${common} GTest::gmock
    HEADERS ${LATCHKEY_COMMON_HEADERS} ${LATCHKEY_TEST_HEADERS})
  if(LATCHKEY_EDGE)
    latchkey_precompiled(latchkey_pch_grpc_room ROOM
      LINK ${common} gRPC::grpc++
      HEADERS ${LATCHKEY_COMMON_HEADERS} ${LATCHKEY_GRPC_HEADERS})
    latchkey_precompiled(latchkey_pch_grpc_test TEST
      LINK ${common} gRPC::grpc++ GTest::gmock
      HEADERS ${LATCHKEY_COMMON_HEADERS} ${LATCHKEY_GRPC_HEADERS}
        ${LATCHKEY_TEST_HEADERS})
  endif()
endif()

# Gives a target the precompiled header of its kind (room or test) that fits
# what it links.
function(latchkey_use_precompiled name kind)
  if(NOT LATCHKEY_PRECOMPILE)
    return()
  endif()
  if("${ARGN}" MATCHES "gRPC::|latchkey_(rpc|server|cli|bench|bench_engine|harness)(;|$)")
    set(kind grpc_${kind})
  endif()
  target_precompile_headers(${name} REUSE_FROM latchkey_pch_${kind})
endfunction()

# latchkey_room(NAME SOURCES ... HEADERS ... PRIVATE_HEADERS ... PUBLIC ...
#   PRIVATE ...)
# A room is a static library; include paths start at the project's root. Of
# rooms that are installed, PRIVATE_HEADERS stay here.
function(latchkey_room name)
  cmake_parse_arguments(ROOM ""
    "" "SOURCES;HEADERS;PRIVATE_HEADERS;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  set(own_headers ${ROOM_HEADERS})
  set(header_only ${ROOM_HEADERS})
  list(TRANSFORM ROOM_SOURCES REPLACE "\\.cc$" ".h" OUTPUT_VARIABLE of_sources)
  list(REMOVE_ITEM header_only ${of_sources})
  if(header_only)
    list(REMOVE_ITEM own_headers ${header_only})
  endif()
  foreach(set IN ITEMS own_headers header_only)
    if(${set})
      target_sources(${name} PUBLIC FILE_SET ${set} TYPE HEADERS
        BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${${set}})
    endif()
  endforeach()
  if(ROOM_PRIVATE_HEADERS)
    target_sources(${name} PRIVATE FILE_SET private_headers TYPE HEADERS
      BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${ROOM_PRIVATE_HEADERS})
  endif()
  # What its headers are written in, though, is: an installed room says so.
  target_compile_features(${name} PUBLIC cxx_std_20)
  # How we compile is no business of who links an installed room.
  target_link_libraries(${name} PUBLIC ${ROOM_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:latchkey_options> ${ROOM_PRIVATE})
  latchkey_use_precompiled(${name} room ${ROOM_PUBLIC} ${ROOM_PRIVATE})
  # Every header compiles alone. One with a .cc shows it there, since that
  # includes it first (include_rules.py) and the tsa preset precompiles nothing;
  # the others show it in the target all_verify_interface_header_sets.
  if(header_only)
    set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON
      INTERFACE_HEADER_SETS_TO_VERIFY header_only)
  endif()
endfunction()

# latchkey_test(NAME LABEL unit|e2e|slow SOURCES ... LINK ...)
function(latchkey_test name)
  cmake_parse_arguments(TEST "" "LABEL" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE latchkey_test_options ${TEST_LINK}
    GTest::gmock GTest::gtest_main)
  latchkey_use_precompiled(${name} test ${TEST_LINK})
  target_compile_definitions(${name} PRIVATE
    LATCHKEY_VECTORS="${CMAKE_SOURCE_DIR}/tests/vectors")
  add_test(NAME ${name} COMMAND ${name})
  # Hung is not slow: the limit only ends what would never end.
  set_tests_properties(${name} PROPERTIES LABELS ${TEST_LABEL} TIMEOUT 900)
endfunction()
