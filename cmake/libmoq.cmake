# libmoq: all that an application links, as one library, of the modules' own objects.
#   moq_shared, moq_static   build/PRESET/lib/libmoq.so, libmoq.a; in a release only
#   moq_api                  what examples and applications in this tree link: the shared library in a
#                            release, the modules elsewhere, so that a debug build need not link them twice
# `cmake --install build/release` puts both libraries, the public headers, the programs, a CMake package
# (moq::moq) and moq.pc in place.
set(MOQ_API_MODULES base kio transport io quic webtransport net hang mux av native)

add_library(moq_api INTERFACE)
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

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND objects)
  add_library(moq_shared SHARED ${objects})
  set_target_properties(moq_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_link_libraries(moq_shared PUBLIC fmt::fmt Threads::Threads PRIVATE ${links})
  target_compile_features(moq_shared INTERFACE cxx_std_23)
  target_include_directories(moq_shared INTERFACE $<INSTALL_INTERFACE:include>)
  # A symbol that nothing defines is an error here, not at an application's start.
  target_link_options(moq_shared PRIVATE LINKER:--no-undefined)

  add_library(moq_static STATIC ${objects})
  target_link_libraries(moq_static PUBLIC moq_flags ${links})

  foreach(library IN ITEMS moq_shared moq_static)
    set_target_properties(${library} PROPERTIES OUTPUT_NAME moq LINKER_LANGUAGE CXX)
  endforeach()
  set_target_properties(moq_shared PROPERTIES EXPORT_NAME moq)
  target_link_libraries(moq_api INTERFACE moq_flags moq_shared)
  include(install)
endif()
