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

# latchkey_room(NAME SOURCES ... HEADERS ... PUBLIC ... PRIVATE ...)
# A room is a static library; include paths start at the project's root.
function(latchkey_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_sources(${name} PUBLIC FILE_SET HEADERS
    BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${ROOM_HEADERS})
  target_link_libraries(${name} PUBLIC ${ROOM_PUBLIC}
    PRIVATE latchkey_options ${ROOM_PRIVATE})
  # Every header compiles alone: target all_verify_interface_header_sets.
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# latchkey_test(NAME LABEL unit|e2e|slow SOURCES ... LINK ...)
function(latchkey_test name)
  cmake_parse_arguments(TEST "" "LABEL" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE latchkey_options ${TEST_LINK}
    GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    LATCHKEY_VECTORS="${CMAKE_SOURCE_DIR}/tests/vectors")
  add_test(NAME ${name} COMMAND ${name})
  # Hung is not slow: the limit only ends what would never end.
  set_tests_properties(${name} PROPERTIES LABELS ${TEST_LABEL} TIMEOUT 900)
endfunction()
