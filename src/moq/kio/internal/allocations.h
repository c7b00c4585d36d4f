#pragma once

#include <cstddef>

namespace moq::kio {

/// For tests of steady states: how often the calling thread has allocated so far.
std::size_t allocations();

}  // namespace moq::kio
