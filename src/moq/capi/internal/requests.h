#pragma once

#include <memory>
#include <optional>
#include <string>

#include "moq/capi/internal/broadcast.h"
#include "moq/kio/shared.h"
#include "moq/net/broadcast.h"

namespace moq::capi {

/// What became of a request for a track, for who serves its groups from before on.
struct Answer {
  bool given = false;
  std::optional<net::track::Producer> track;  ///< Once accepted.
};

/// The object of a track request's handle. Dropping it refuses the request.
struct TrackRequest {
  TrackRequest(std::shared_ptr<Broadcast> owner, net::broadcast::TrackRequest asked)
      : broadcast(std::move(owner)), name(asked.name()), request(std::move(asked)) {}
  ~TrackRequest() { answer(std::nullopt); }
  TrackRequest(const TrackRequest&) = delete;
  TrackRequest& operator=(const TrackRequest&) = delete;

  void answer(std::optional<net::track::Producer> track);

  const std::shared_ptr<Broadcast> broadcast;
  const std::string name;
  Guarded<net::broadcast::TrackRequest> request;
  kio::Shared<Answer> answered{Answer{}};
};

/// The object of a group request's handle. Dropping it refuses the request.
struct GroupRequest {
  GroupRequest(net::track::GroupRequest asked, std::uint64_t scale)
      : sequence(asked.sequence()),
        priority(asked.priority()),
        timescale(scale),
        request(std::move(asked)) {}

  const std::uint64_t sequence;
  const std::uint8_t priority;
  /// Groups are made whole: what a reader skips is left out on the way to it.
  const std::uint64_t frame_start = 0;
  const std::uint64_t timescale;
  Guarded<net::track::GroupRequest> request;
};

}  // namespace moq::capi
