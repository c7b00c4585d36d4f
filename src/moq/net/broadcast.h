#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "moq/net/track.h"

namespace moq::net::broadcast {

struct State;
class Consumer;

/// A subscriber's wish for a track that has no writer yet. Dropping it refuses with `not_found` if
/// a handler of the broadcast was asked; a route of an origin gives it back, for its session may
/// end at any moment.
class TrackRequest {
 public:
  TrackRequest(std::shared_ptr<track::State> state, std::shared_ptr<State> home);
  TrackRequest(TrackRequest&&) noexcept = default;
  TrackRequest& operator=(TrackRequest&&) = delete;
  ~TrackRequest();
  [[nodiscard]] const std::string& name() const;
  /// Serves the track. If it was served before (its route was lost), its groups are still there and
  /// `info` must have the old timescale, else the track ends as `restarted`.
  Result<track::Producer> accept(const track::Info& info) &&;
  /// Refuses: readers get `error`.
  void reject(const Error& error) &&;
  /// Puts it back for the next route or handler.
  void give_back() &&;
  /// Ready once nobody wants the track any more, or a better route should serve it.
  kio::Poll<kio::Unit> poll_unwanted(const kio::Waiter& waiter) const;
  /// The track was served before: readers hold groups of it, and `resume_point()` tells where to go
  /// on.
  [[nodiscard]] std::optional<track::Info> former_info() const;
  /// What all subscribers together want now; none if there are none, but fetches or questions.
  [[nodiscard]] std::optional<track::Subscription> demand() const;

 private:
  std::shared_ptr<track::State> state_;
  std::shared_ptr<State> home_;
};

/// Answers requests for tracks that the producer did not create beforehand.
class Dynamic {
 public:
  explicit Dynamic(std::shared_ptr<State> state);
  Dynamic(Dynamic&&) noexcept = default;
  Dynamic& operator=(Dynamic&&) = delete;
  ~Dynamic();
  /// The next request; fails once the broadcast is closed.
  kio::Poll<Result<TrackRequest>> poll_requested_track(const kio::Waiter& waiter);
  auto requested_track() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_requested_track(waiter); });
  }

 private:
  std::shared_ptr<State> state_;
};

/// Sees which tracks a broadcast has: those that somebody writes. Keeps none of them.
class Tracks {
 public:
  struct Track {
    std::string name;
    std::uint64_t route = 0;  ///< That serves it, in an origin; 0 = none, it is written here.
  };

  explicit Tracks(std::shared_ptr<State> state) : state_(std::move(state)) {}
  /// First each track that is there, then each that begins; one that ended, and began again, again.
  /// Fails once the broadcast is closed.
  kio::Poll<Result<Track>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  std::shared_ptr<State> state_;
  std::map<std::string, std::weak_ptr<track::State>> told_;
  std::deque<Track> next_;
};

/// Writes a broadcast: a set of tracks by name. Dropping its last clone closes it: tracks go on
/// until their own producers end, but no new subscription finds them.
class Producer {
 public:
  Producer();
  explicit Producer(std::shared_ptr<State> state);
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&& other) noexcept;
  ~Producer();
  [[nodiscard]] Producer clone() const;

  /// A new track. Fails with `duplicate` if the name is being written, `closed` after `close()`.
  Result<track::Producer> create_track(std::string_view name, const track::Info& info = {});
  /// From now on requests for unknown tracks are passed to the handle instead of failing.
  [[nodiscard]] Dynamic dynamic() const;
  [[nodiscard]] Consumer consume() const;
  void close(const Error& error = Error(Code::closed, "the broadcast ended"));

  /// Ready while somebody holds a consumer; fails once closed.
  kio::Poll<Result<void>> poll_used(const kio::Waiter& waiter) const;
  kio::Poll<Result<void>> poll_unused(const kio::Waiter& waiter) const;

 private:
  void release();
  std::shared_ptr<State> state_;
};

/// Reads a broadcast. Consumers obtained from an origin live on over changes of the route.
class Consumer {
 public:
  explicit Consumer(std::shared_ptr<State> state);
  Consumer(Consumer&&) noexcept = default;
  Consumer& operator=(Consumer&& other) noexcept;
  ~Consumer();
  [[nodiscard]] Consumer clone() const;

  /// Reads a track; all readers of one name share one source. A name that nobody writes or can be
  /// asked for gives a track that fails with `not_found` at its first poll.
  [[nodiscard]] track::Consumer subscribe(std::string_view name,
                                          const track::Subscription& subscription = {}) const;
  /// Asks for one group without subscribing.
  [[nodiscard]] track::Fetch fetch(std::string_view name, std::uint64_t sequence,
                                   std::uint8_t priority = 0) const;
  /// Asks for a track's properties without subscribing.
  [[nodiscard]] track::InfoRequest info(std::string_view name) const;
  /// Follows which tracks there are.
  [[nodiscard]] Tracks tracks() const { return Tracks(state_); }
  /// Ready, with its error, once the broadcast is closed.
  kio::Poll<Error> poll_closed(const kio::Waiter& waiter) const;
  auto closed() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_closed(waiter); });
  }
  [[nodiscard]] bool same_broadcast(const Consumer& other) const { return state_ == other.state_; }
  /// For origins.
  [[nodiscard]] const std::shared_ptr<State>& state() const { return state_; }

 private:
  void release();
  std::shared_ptr<State> state_;
};

}  // namespace moq::net::broadcast
