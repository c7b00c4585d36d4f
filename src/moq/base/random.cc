#include "moq/base/random.h"

#include <sys/random.h>

#include "moq/base/result.h"

namespace moq {

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  MOQ_ASSERT(getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

}  // namespace moq
