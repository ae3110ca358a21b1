# What `cmake --install` puts where:
#
#   component latchkey       bin/latchkeyd, bin/latchkey, bin/latchkey-agent
#   component latchkey-dev   include/latchkey, lib/liblatchkey_*.a,
#                            lib/cmake/latchkey, share/latchkey/proto
#
# The package gives latchkey::verify (a verifier without gRPC) and
# latchkey::client; its rooms are spelled latchkey::latchkey_ROOM.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(latchkey_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/latchkey)
set(latchkey_include_dir ${CMAKE_INSTALL_INCLUDEDIR}/latchkey)

# latchkey_install_rooms(EXPORT ROOM...)
function(latchkey_install_rooms export)
  install(TARGETS ${ARGN} EXPORT ${export}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT latchkey-dev
    FILE_SET own_headers DESTINATION ${latchkey_include_dir}
      COMPONENT latchkey-dev
    FILE_SET header_only DESTINATION ${latchkey_include_dir}
      COMPONENT latchkey-dev)
  install(EXPORT ${export} NAMESPACE latchkey:: FILE ${export}.cmake
    DESTINATION ${latchkey_package_dir} COMPONENT latchkey-dev)
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Who links them may have another compiler, or none of this.
    foreach(room IN LISTS ARGN)
      get_target_property(type ${room} TYPE)
      if(NOT type STREQUAL "INTERFACE_LIBRARY")
        target_compile_options(${room} PRIVATE -ffat-lto-objects)
      endif()
    endforeach()
  endif()
endfunction()

add_library(latchkey_verify_package INTERFACE)
target_link_libraries(latchkey_verify_package INTERFACE
  latchkey_follow latchkey_verify latchkey_base)
set_target_properties(latchkey_verify_package PROPERTIES EXPORT_NAME verify)
latchkey_install_rooms(latchkeyVerify
  latchkey_base latchkey_verify latchkey_follow latchkey_verify_package)

if(LATCHKEY_EDGE)
  set_target_properties(latchkey_client PROPERTIES EXPORT_NAME client)
  target_include_directories(latchkey_proto SYSTEM PUBLIC
    $<INSTALL_INTERFACE:${latchkey_include_dir}>)
  latchkey_install_rooms(latchkeyClient latchkey_proto latchkey_client)
  install(DIRECTORY ${CMAKE_BINARY_DIR}/proto/latchkey/v1
    DESTINATION ${latchkey_include_dir}/latchkey COMPONENT latchkey-dev
    FILES_MATCHING PATTERN "*.pb.h")
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/proto/latchkey/v1
    DESTINATION ${CMAKE_INSTALL_DATADIR}/latchkey/proto/latchkey
    COMPONENT latchkey-dev FILES_MATCHING PATTERN "*.proto")
  install(TARGETS latchkeyd latchkey latchkey-agent
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT latchkey)
endif()

# Before 1.0 a new minor version may break who links this.
write_basic_package_version_file(
  ${CMAKE_BINARY_DIR}/package/latchkeyConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_SOURCE_DIR}/tools/cmake/latchkeyConfig.cmake
  ${CMAKE_BINARY_DIR}/package/latchkeyConfigVersion.cmake
  DESTINATION ${latchkey_package_dir} COMPONENT latchkey-dev)
