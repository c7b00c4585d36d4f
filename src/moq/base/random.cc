#include "moq/base/random.h"

#include <sys/random.h>

#include <cerrno>

#include "moq/base/result.h"

namespace moq {

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  ssize_t got = 0;
  // A signal may interrupt it only before the kernel's pool is ready, early in the boot.
  do {
    got = getrandom(&value, sizeof value, 0);
  } while (got < 0 && errno == EINTR);
  MOQ_ASSERT(got == sizeof value);
  return value;
}

}  // namespace moq
