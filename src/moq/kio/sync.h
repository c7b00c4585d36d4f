#pragma once

#ifdef MOQ_INTERLEAVE
#include "moq/kio/interleave/scheduler.h"
#else
#include <atomic>
#include <mutex>
#endif

namespace moq::kio {

// All that kio's threads meet at. The interleaving tests compile kio with twins that let a
// scheduler choose, at each lock and each atomic access, which thread goes on.
#ifdef MOQ_INTERLEAVE
using Mutex = interleave::Mutex;
template <typename T>
using Atomic = interleave::Atomic<T>;
#else
using Mutex = std::mutex;
template <typename T>
using Atomic = std::atomic<T>;
#endif

}  // namespace moq::kio
