#pragma once

#include <optional>

#include "moq/capi/internal/call.h"
#include "moq/net/track.h"

namespace moq::capi {

/// What the structures of the C API say of a raw track; for NULL, and where they say nothing,
/// priority 0 and microseconds.
std::optional<net::track::Info> read_info(Call& call, const moq_track_info* info);
std::optional<net::track::Info> read_info(Call& call, const moq_track_info_v2* info);

}  // namespace moq::capi
