#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "moq/net/moqt/internal/connection.h"

namespace moq::net::moqt {

/// What is listed in our origin below a prefix, as a peer is told of it: a broadcast that went is
/// told a moment later, in case it comes back; one that started over, as gone and come.
class AnnounceFeed {
 public:
  struct Event {
    Path path;  ///< Whole, from the session's root.
    bool live = false;
  };

  AnnounceFeed(Connection& connection, const Path& prefix, const Exclude& exclude);

  /// The next change: first all there is.
  Poll<Event> poll_next(const Waiter& waiter);

 private:
  void apply(origin::Update update);
  void retract(const Path& path);

  Connection& connection_;
  const Path prefix_;
  origin::Announced announced_;
  std::deque<Event> events_;
  std::map<Path, std::weak_ptr<broadcast::State>> live_;
  std::map<Path, TimePoint> retracted_;  ///< To be told at that time.
  kio::Timer timer_;
};

}  // namespace moq::net::moqt
