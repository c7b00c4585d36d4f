#pragma once

#include <optional>

#include "moq/capi/internal/task.h"
#include "moq/net/track.h"

namespace moq::capi {

/// Starts a watcher of whether anybody reads `track`, which is there if `call` is good so far.
/// Returns its handle.
std::int32_t watch_demand(Call& call, std::optional<net::track::Producer> track, Callback callback);

}  // namespace moq::capi
