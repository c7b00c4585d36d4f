# libmoq: all that an application links, as one library, of the modules' own objects. In a release only:
#   moq_shared   build/release/lib/libmoq.so, the C ABI and no other symbol
#   moq_static   build/release/lib/libmoq.a, the C ABI and the C++ API
# Everywhere:
#   moq_api      what C++ examples and applications in this tree link: libmoq.a in a release, the modules
#                elsewhere, so that a debug build need not link them twice
#   moq_c        the same for those in C: libmoq.so in a release
# What `cmake --install build/release` puts in place is in install.cmake.
set(MOQ_API_MODULES base kio transport io http tls quic webtransport qmux websocket net hang mux av native capi)

add_library(moq_api INTERFACE)
add_library(moq_c INTERFACE)
set(objects "")
set(links fmt::fmt Threads::Threads)
foreach(module IN LISTS MOQ_API_MODULES)
  if(NOT TARGET moq_${module})
    continue()
  endif()
  list(APPEND objects $<TARGET_OBJECTS:moq_${module}>)
  get_property(module_links GLOBAL PROPERTY MOQ_LINKS_${module})
  list(APPEND links ${module_links})
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    target_link_libraries(moq_api INTERFACE moq_${module})
  endif()
endforeach()
list(REMOVE_DUPLICATES links)
target_include_directories(moq_c INTERFACE "${PROJECT_SOURCE_DIR}/src/moq/capi")

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND TARGET moq_capi)
  add_library(moq_shared SHARED ${objects})
  set_target_properties(moq_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    EXPORT_NAME moq LINK_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/libmoq.map")
  target_link_libraries(moq_shared PRIVATE moq_flags ${links})
  target_include_directories(moq_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_options(moq_shared PRIVATE
    "LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/libmoq.map"
    # A symbol that nothing defines is an error here, not at an application's start.
    LINKER:--no-undefined
    # The library's thread never ends, so its code has to stay after dlclose.
    LINKER:-z,nodelete)

  add_library(moq_static STATIC ${objects})
  target_link_libraries(moq_static PUBLIC moq_flags ${links})

  foreach(library IN ITEMS moq_shared moq_static)
    set_target_properties(${library} PROPERTIES OUTPUT_NAME moq LINKER_LANGUAGE CXX)
  endforeach()
  target_link_libraries(moq_api INTERFACE moq_flags moq_static)
  target_link_libraries(moq_c INTERFACE moq_shared)
  include(install)
elseif(TARGET moq_capi)
  target_link_libraries(moq_c INTERFACE moq_capi)
endif()
