#pragma once

#include <memory>
#include <optional>

#include "moq/capi/internal/call.h"
#include "moq/net/origin.h"

namespace moq::capi {

/// The object of an origin handle. Its handle of the C++ API is only cloned from, which any number
/// of threads may do.
struct Origin {
  explicit Origin(net::origin::Producer shared) : producer(std::move(shared)) {}
  const net::origin::Producer producer;
};

/// What was announced, or ended.
struct Announcement {
  net::Path path;
  bool active = false;
};

/// The object of a broadcast-consumer handle.
struct BroadcastConsumer {
  net::broadcast::Consumer broadcast;
  net::Path path;                ///< From the root of
  net::origin::Consumer origin;  ///< where its catalog may refer to other broadcasts.
};

/// A path as C callers write it.
std::optional<net::Path> parse_path(Call& call, const char* path, std::uintptr_t size);

}  // namespace moq::capi
