#include "moq/kio/internal/allocations.h"

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t count = 0;
}  // namespace

// Replaced in the whole test program; over malloc, so that the sanitizers still watch.
void* operator new(std::size_t size) {
  ++count;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace moq::kio {

std::size_t allocations() { return count; }

}  // namespace moq::kio
