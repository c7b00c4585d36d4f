#pragma once

#include <sys/types.h>

#include <cstdint>

#include "moq/base/result.h"
#include "moq/base/time.h"

namespace moq::bench {

/// What a process has used so far, from /proc.
struct ProcessSample {
  Duration cpu{};                      ///< User and system time of all its threads.
  std::uint64_t rss_bytes = 0;         ///< Resident now,
  std::uint64_t peak_rss_bytes = 0;    ///< and at most.
  std::uint64_t context_switches = 0;  ///< Of all its threads, both kinds.
};

/// Fails with `not_found` if there is no such process.
Result<ProcessSample> sample_process(pid_t pid);

}  // namespace moq::bench
