#pragma once

#include <string>

/// For tests alone: where the tree and what is built of it are. Functions and not macros, so that a
/// test compiles to the same object in each checkout and comes from the compiler's cache.
namespace moq {

/// The root of the sources.
std::string test_source_dir();
/// Where the programs are built.
std::string test_bin_dir();

}  // namespace moq
