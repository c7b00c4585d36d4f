#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/kio/waiter.h"
#include "moq/net/broadcast.h"

/// How a session follows a track of its peer, whatever the protocol: when it tries again, when it
/// gives up, and what becomes of groups that break off.
namespace moq::net {

/// A track that nobody reads keeps its cache for this long, as with Rust peers.
inline constexpr Duration kUnusedLinger = 30s;
/// The least wait for groups that are still on their way when the subscription ends.
inline constexpr Duration kLateGroups = 1s;
/// Within this time of the peer's answer newer groups show whether those that it left out are too
/// old.
inline constexpr Duration kLookAtLeftOut = 100ms;
/// Groups that one subscription fetches because its peer began above them. Ours: some minutes of
/// video, some seconds of audio in groups of one frame.
inline constexpr std::size_t kMaxLeftOut = 256;

/// What the peer last said of a broadcast that it announced.
struct Announcing {
  bool live = true;         ///< It still announces it.
  std::uint64_t times = 1;  ///< How often it has, counting changes of the route.
  kio::WaiterList on_change;

  /// Another word of it: for those that wait for the broadcast to come back, or to be over.
  void tell() {
    ++times;
    on_change.wake();
  }
};

/// Counts the failures of one track's subscription.
class FollowRetry {
 public:
  /// Counts a failure; whether the track has failed for its readers. `resumed`: another route
  /// served it before. `known`: this peer has had it.
  bool gives_up(const Error& error, bool resumed, bool known);
  void reset() { failures_ = 0; }
  /// The wait before the next attempt, after a failure.
  [[nodiscard]] Duration delay() const;

 private:
  std::uint32_t failures_ = 0;  ///< In a row.
};

/// Gives a request back unless it was answered.
struct PendingRequest {
  std::optional<broadcast::TrackRequest> request;
  explicit PendingRequest(broadcast::TrackRequest taken) : request(std::move(taken)) {}
  PendingRequest(const PendingRequest&) = delete;
  PendingRequest& operator=(const PendingRequest&) = delete;
  ~PendingRequest() {
    if (request) std::move(*request).give_back();
  }
  broadcast::TrackRequest take() { return *std::exchange(request, std::nullopt); }
};

/// A group that is left for the next writer unless it is ended otherwise.
struct SuspendedGroup {
  std::optional<group::Producer> producer;
  explicit SuspendedGroup(group::Producer group) : producer(std::move(group)) {}
  SuspendedGroup(const SuspendedGroup&) = delete;
  SuspendedGroup& operator=(const SuspendedGroup&) = delete;
  ~SuspendedGroup() {
    if (producer) std::move(*producer).suspend();
  }
  group::Producer take() { return *std::exchange(producer, std::nullopt); }
};

/// The same for the frame in it.
struct SuspendedFrame {
  std::optional<frame::Producer> producer;
  explicit SuspendedFrame(frame::Producer frame) : producer(std::move(frame)) {}
  SuspendedFrame(const SuspendedFrame&) = delete;
  SuspendedFrame& operator=(const SuspendedFrame&) = delete;
  ~SuspendedFrame() {
    if (producer) std::move(*producer).suspend();
  }
  frame::Producer take() { return *std::exchange(producer, std::nullopt); }
};

}  // namespace moq::net
