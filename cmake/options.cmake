# How everything is compiled: the language, the warnings, the sanitizers.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

set(MOQ_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them (address,undefined or thread)")

# Where Debian and its like look for libraries: below any prefix, not below /usr alone.
if(EXISTS /etc/debian_version AND CMAKE_LIBRARY_ARCHITECTURE)
  set(CMAKE_INSTALL_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}" CACHE PATH "Folder of the libraries, below the prefix")
endif()

set(MOQ_BENCH OFF CACHE BOOL "Build the microbenchmarks")

set(MOQ_PCH OFF CACHE BOOL "Precompile the headers of others that most sources include (g++ alone)")
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(MOQ_PCH OFF)
endif()

find_program(MOQ_CCACHE ccache)
if(MOQ_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${MOQ_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${MOQ_CCACHE}")
  if(MOQ_PCH)
    # Without these, ccache leaves alone what uses a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${MOQ_CCACHE}")
  endif()
endif()

# Flags of every target of ours, as one interface library.
add_library(moq_flags INTERFACE)
target_compile_options(moq_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
  # libmoq shows what moq.h marks, and nothing else; no more does a library that libmoq.a is linked into.
  -fvisibility=hidden
  # A program that links libmoq.a gets the functions that it reaches, not all of what a file holds.
  $<$<CONFIG:Release>:-ffunction-sections> $<$<CONFIG:Release>:-fdata-sections>)
target_link_options(moq_flags INTERFACE
  $<$<CONFIG:Release>:LINKER:--gc-sections> $<$<CONFIG:Release>:LINKER:--as-needed>)
target_include_directories(moq_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # At -O2, g++ 12 sees overlapping copies in std::string's operator+ (PR 105651).
  target_compile_options(moq_flags INTERFACE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-Wno-restrict>)
  # g++ 12 misreads optional and variant members as uninitialised at -O1 and above.
  target_compile_options(moq_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized -Wno-missing-field-initializers -fcoroutines>)
else()
  # The same leave: what designated initialisers leave out is meant to have its default.
  target_compile_options(moq_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers -Wno-missing-designated-field-initializers>)
endif()
if(MOQ_SANITIZE)
  add_compile_options(-fsanitize=${MOQ_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MOQ_SANITIZE})
endif()
