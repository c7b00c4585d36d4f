#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "moq/net/moqt/internal/requests.h"

namespace moq::net::moqt {

/// A track that the peer offers by PUBLISH, which is a subscription that it begins itself: it rests
/// until somebody here wants the track, and then serves that one follower.
///
/// Belongs to the session's executor.
class PushedTrack {
 public:
  using Reply = Result<std::optional<Message>>;

  /// Accepts `request`, which is a Publish.
  PushedTrack(Connection& connection, IncomingRequest request);

  [[nodiscard]] const Publish& offer() const { return request_.as<Publish>(); }
  /// Takes in what the peer says of it; ready once that ends, or the track does, and whoever
  /// followed it is through.
  Poll<kio::Unit> poll_over(const Waiter& waiter);

  /// Once over: the peer did not end it by PUBLISH_DONE.
  [[nodiscard]] bool broken_off() const { return left_.has_value(); }

  // For its follower.

  /// Whether one may begin: nobody else has, and the peer has not ended it.
  [[nodiscard]] bool free() const { return !followed_ && !ended(); }
  /// Asks for its objects, from the next one on. `priority` is that of the wire.
  void begin(std::uint8_t priority);
  void set_priority(std::uint8_t priority);
  /// Nobody wants it any more.
  void end();
  /// What a subscription would hear: first a SubscribeOk, later PublishDone or how the peer broke
  /// it off.
  Poll<Reply> poll_reply(const Waiter& waiter);

 private:
  [[nodiscard]] bool ended() const { return done_.has_value() || left_.has_value(); }
  [[nodiscard]] LocationFilter filter() const;
  /// Says whether objects are wanted, and how soon.
  void update();

  const Draft draft_;
  IncomingRequest request_;
  bool forward_ = false;  ///< As the peer knows it.
  bool followed_ = false;
  bool greeted_ = false;   ///< The follower has had its SubscribeOk.
  std::uint8_t priority_;  ///< On the wire.
  std::optional<PublishDone> done_;
  std::optional<Error> left_;  ///< Why the peer says no more.
  kio::WaiterList on_change_;
};

}  // namespace moq::net::moqt
