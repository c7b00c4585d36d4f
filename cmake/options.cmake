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

set(MOQ_CODECS ON CACHE BOOL "Build libmoq-av, the codecs on FFmpeg that libmoq loads when it needs some")

set(MOQ_BENCH OFF CACHE BOOL "Build the microbenchmarks")

find_program(MOQ_CCACHE ccache)
if(MOQ_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${MOQ_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${MOQ_CCACHE}")
endif()

# Flags of every target of ours, as one interface library.
add_library(moq_flags INTERFACE)
target_compile_options(moq_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror $<$<CONFIG:Debug>:-fvisibility=hidden>)
target_include_directories(moq_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A release exports the C++ API from libmoq.so; calls inside the library stay direct all the same.
  # At -O2, g++ 12 also sees overlapping copies in std::string's operator+ (PR 105651).
  target_compile_options(moq_flags INTERFACE
    $<$<CONFIG:Release>:-fno-semantic-interposition> $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-Wno-restrict>)
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
