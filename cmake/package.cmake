# Packages for Debian and its like: `cpack -G DEB` in build/release puts them into build/release/packages. The parts are the
# components of install.cmake; what only a package has stands here and in packaging/.
set(CPACK_PACKAGE_VENDOR "libmoq")
set(CPACK_PACKAGE_CONTACT "libmoq <libmoq@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # Each package has its own.
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/packages")
set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENTS_ALL "")

set(packaging "${PROJECT_SOURCE_DIR}/packaging")
set(same_version "(= ${PROJECT_VERSION})")
set(library libmoq${PROJECT_VERSION_MAJOR})
moq_gzip(packaging/changelog)

# moq_package(COMPONENT NAME SECTION section TEXT "first line\n more" [WITH component] [FIELDS field value ...]
# [CONTROL file ...]): the component (and the one that only a package has) as the package NAME, with the control fields and files.
macro(moq_package COMPONENT NAME)
  cmake_parse_arguments(PACKAGE "" "SECTION;TEXT;WITH" "FIELDS;CONTROL" ${ARGN})
  string(TOUPPER "${COMPONENT}-package" group)
  foreach(component IN ITEMS ${COMPONENT} ${PACKAGE_WITH})
    list(APPEND CPACK_COMPONENTS_ALL ${component})
    string(TOUPPER ${component} upper)
    set(CPACK_COMPONENT_${upper}_GROUP ${COMPONENT}-package)
  endforeach()
  set(CPACK_DEBIAN_${group}_PACKAGE_NAME ${NAME})
  set(CPACK_DEBIAN_${group}_PACKAGE_SECTION ${PACKAGE_SECTION})
  set(CPACK_DEBIAN_${group}_DESCRIPTION "${PACKAGE_TEXT}")
  set(CPACK_DEBIAN_${group}_PACKAGE_CONTROL_EXTRA ${PACKAGE_CONTROL})
  set(fields ${PACKAGE_FIELDS})
  while(fields)
    list(POP_FRONT fields field value)
    set(CPACK_DEBIAN_${group}_PACKAGE_${field} "${value}")
  endwhile()
  install(FILES packaging/copyright "${CMAKE_CURRENT_BINARY_DIR}/changelog.gz"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${NAME}" COMPONENT ${COMPONENT} EXCLUDE_FROM_ALL)
endmacro()

set(about "Media over QUIC carries live media with low delay over QUIC and WebTransport.")

moq_package(libmoq ${library} SECTION libs
  TEXT "Media over QUIC, shared library\n${about}\nThis is the library that programs in C and C++ are linked with. A session\nreconnects by itself, and what it carries goes on."
  FIELDS SUGGESTS "libmoq-av${PROJECT_VERSION_MAJOR} ${same_version}"
  CONTROL "${packaging}/triggers")

moq_package(libmoq-dev libmoq-dev SECTION libdevel
  TEXT "Media over QUIC, files for development\n${about}\nThis package has moq.h, the headers of the C++ API, the static library, and\nwhat pkg-config and CMake ask for. The packages recommended are for the static\nlibrary alone."
  FIELDS DEPENDS "${library} ${same_version}"
    RECOMMENDS "libfmt-dev, libgnutls28-dev, libnghttp3-dev, libngtcp2-crypto-gnutls-dev, libngtcp2-dev, zlib1g-dev")

if(TARGET moq-av)
  moq_package(libmoq-av libmoq-av${PROJECT_VERSION_MAJOR} SECTION libs
    TEXT "Media over QUIC, codecs\n${about}\nlibmoq loads this component when a program hands it raw sound or pictures, or\nasks for some. The codecs are those of FFmpeg."
    FIELDS DEPENDS "${library} ${same_version}"
    CONTROL "${packaging}/triggers")
endif()

moq_package(moq moq SECTION video
  TEXT "Media over QUIC, command line\n${about}\nThe program moq publishes what it reads, fMP4 or H.264 as ffmpeg writes it,\nand writes what it watches.")

# An absolute path, so in a component that no plain `cmake --install` has.
install(FILES packaging/moq-relay/relay.toml DESTINATION /etc/moq COMPONENT moq-relay-service EXCLUDE_FROM_ALL)
install(FILES packaging/moq-relay/moq-relay.service DESTINATION lib/systemd/system COMPONENT moq-relay-service EXCLUDE_FROM_ALL)
set(control "${packaging}/moq-relay")
moq_package(moq-relay moq-relay WITH moq-relay-service SECTION net
  TEXT "Media over QUIC, relay\n${about}\nThe relay takes broadcasts from publishers and other relays, and serves each\nto any number of subscribers. /etc/moq/relay.toml sets it up; then\n\"systemctl enable --now moq-relay\" starts it."
  CONTROL "${control}/conffiles" "${control}/postinst" "${control}/prerm" "${control}/postrm")

include(CPack)
