# What `cmake --install` puts in place: see libmoq.cmake, which includes this in a release.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS moq_shared EXPORT moq)
install(TARGETS moq_static)
if(TARGET moq-av)
  # Loaded from beside libmoq, never linked: without the name that a linker looks for.
  install(TARGETS moq-av LIBRARY NAMELINK_SKIP)
endif()
foreach(program IN ITEMS moq moq-relay)
  if(TARGET ${program})
    install(TARGETS ${program})
  endif()
endforeach()

# Those of libmoq's modules, without what is internal or of tests.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/src" "src/moq/*.h")
list(FILTER headers INCLUDE REGEX "^moq/(base|kio|transport|io|net|hang|mux|native)/")
list(FILTER headers EXCLUDE REGEX "/(internal|interleave)/|_test\\.h$|test_support\\.h$")
foreach(header IN LISTS headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES "src/${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${folder}")
endforeach()

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/moq")
install(EXPORT moq NAMESPACE moq:: FILE moqTargets.cmake DESTINATION "${package_folder}")
file(CONFIGURE OUTPUT moqConfig.cmake @ONLY CONTENT [[
include(CMakeFindDependencyMacro)
find_dependency(fmt)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/moqTargets.cmake")
]])
# Before 1.0 each minor version may change the interface.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/moqConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/moqConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/moqConfigVersion.cmake"
  DESTINATION "${package_folder}")

# The prefix is where moq.pc lies, so that the whole may be moved. What libmoq.a links stands under private.
file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
file(CONFIGURE OUTPUT moq.pc @ONLY CONTENT [[
prefix=${pcfiledir}/@up@
Name: moq
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Requires: fmt
Requires.private: libngtcp2 libngtcp2_crypto_gnutls gnutls libnghttp3 zlib
Cflags: -I${prefix}/@CMAKE_INSTALL_INCLUDEDIR@ -pthread
Libs: -L${prefix}/@CMAKE_INSTALL_LIBDIR@ -lmoq -pthread
]])
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/moq.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
