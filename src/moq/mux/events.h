#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

namespace moq::mux {

/// A media track is read or written from now on.
struct TrackBegan {
  std::string name;
  std::string codec;
  std::string container;  ///< `legacy`, `cmaf` or `loc`.
  bool operator==(const TrackBegan&) const = default;
};

/// A group went through: an importer finished it, an exporter gave out its last frame.
struct GroupDone {
  std::string track;
  std::uint64_t sequence = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  bool operator==(const GroupDone&) const = default;
};

/// An exporter will not deliver these groups, inclusive.
struct GroupsLost {
  std::string track;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string reason;  ///< `too old`, `dropped by peer`, `undecodable`.
  bool operator==(const GroupsLost&) const = default;
};

using Event = std::variant<TrackBegan, GroupDone, GroupsLost>;

/// What happened, for logs, until somebody takes it. An owner that never looks loses the oldest.
class EventQueue {
 public:
  static constexpr std::size_t kMaxEvents = 1024;

  void push(Event event) {
    if (events_.size() == kMaxEvents) events_.pop_front();
    events_.push_back(std::move(event));
  }
  std::optional<Event> pop() {
    if (events_.empty()) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::deque<Event> events_;
};

/// How much went through.
struct Progress {
  std::uint64_t frames = 0;               ///< Of video, or of audio if there is none.
  std::uint64_t bytes = 0;                ///< Payload of all tracks.
  std::optional<std::uint64_t> media_us;  ///< Presentation time of the newest frame.
};

}  // namespace moq::mux
