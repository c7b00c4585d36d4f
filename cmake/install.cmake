# What `cmake --install` puts in place, in components, each of them also a package of package.cmake:
#   libmoq     libmoq.so.0          libmoq-dev  headers, libmoq.a, the link libmoq.so, moq.pc, moq-cpp.pc, the CMake package
#   libmoq-av  libmoq-av.so.0       moq, moq-relay  the programs and their man pages
# All of it may be moved afterwards. libmoq.cmake includes this in a release.
include(CMakePackageConfigHelpers)

# What libmoq.a needs from the system, in the order of linking: for moq.pc and for the CMake package. libmoq.so names its own.
set(MOQ_STATIC_LIBRARIES ngtcp2_crypto_gnutls ngtcp2 gnutls nghttp3 z stdc++ m dl pthread)
# The same as archives, for a program that carries all of it: for moq.pc. p11-kit has none anywhere; a GnuTLS without it needs none.
set(MOQ_ARCHIVES moq ngtcp2_crypto_gnutls ngtcp2 nghttp3 gnutls hogweed nettle gmp tasn1 idn2 unistring z stdc++)
set(MOQ_ARCHIVES_REST p11-kit m dl pthread)

install(TARGETS moq_shared EXPORT moq LIBRARY COMPONENT libmoq NAMELINK_COMPONENT libmoq-dev)
install(TARGETS moq_static COMPONENT libmoq-dev)
if(TARGET moq-av)
  # Loaded from beside libmoq, never linked: without the name that a linker looks for.
  install(TARGETS moq-av LIBRARY COMPONENT libmoq-av NAMELINK_SKIP)
endif()

find_program(MOQ_GZIP gzip REQUIRED)
function(moq_gzip source)
  cmake_path(GET source FILENAME name)
  add_custom_command(OUTPUT ${name}.gz DEPENDS "${PROJECT_SOURCE_DIR}/${source}" VERBATIM
    COMMAND "${MOQ_GZIP}" -9nc "${PROJECT_SOURCE_DIR}/${source}" > ${name}.gz)
  add_custom_target(moq_gzip_${name} ALL DEPENDS "${CMAKE_CURRENT_BINARY_DIR}/${name}.gz")
endfunction()

foreach(program IN ITEMS moq moq-relay)
  if(TARGET ${program})
    install(TARGETS ${program} COMPONENT ${program})
    moq_gzip(man/${program}.1)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${program}.1.gz" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1"
      COMPONENT ${program})
  endif()
endforeach()

# moq.h for C, and the C++ API: headers of libmoq's modules, without what is internal or of tests.
install(FILES src/moq/capi/moq.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT libmoq-dev)
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/src" "src/moq/*.h")
list(FILTER headers INCLUDE REGEX "^moq/(base|kio|transport|io|http|net|hang|mux|native)/")
list(FILTER headers EXCLUDE REGEX "/(internal|interleave)/|_test\\.h$|(test|fuzz)_support\\.h$|/testing_[^/]*$")
foreach(header IN LISTS headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES "src/${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${folder}" COMPONENT libmoq-dev)
endforeach()

# find_package(moq): moq::moq, moq::static and moq::cpp. Before 1.0 each minor version may change the interface.
set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/moq")
install(EXPORT moq NAMESPACE moq:: FILE moqTargets.cmake DESTINATION "${package_folder}" COMPONENT libmoq-dev)
file(RELATIVE_PATH MOQ_PREFIX_FROM_PACKAGE "/${package_folder}" "/")
configure_file(cmake/moqConfig.cmake.in moqConfig.cmake @ONLY)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/moqConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/moqConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/moqConfigVersion.cmake"
  DESTINATION "${package_folder}" COMPONENT libmoq-dev)

# pkg-config: moq for C, moq-cpp for the C++ API.
file(RELATIVE_PATH MOQ_PREFIX_FROM_PC "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
list(TRANSFORM MOQ_STATIC_LIBRARIES PREPEND -l OUTPUT_VARIABLE MOQ_STATIC_FLAGS)
list(JOIN MOQ_STATIC_FLAGS " " MOQ_STATIC_FLAGS)
list(TRANSFORM MOQ_ARCHIVES REPLACE "(.+)" "-l:lib\\1.a")
list(TRANSFORM MOQ_ARCHIVES_REST PREPEND -l)
list(JOIN MOQ_ARCHIVES " " MOQ_ARCHIVES)
list(JOIN MOQ_ARCHIVES_REST " " MOQ_ARCHIVES_REST)
foreach(file IN ITEMS moq.pc moq-cpp.pc)
  configure_file(cmake/${file}.in ${file} @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT libmoq-dev)
endforeach()

include(package)
