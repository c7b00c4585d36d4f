#pragma once

#include <cstdint>
#include <optional>

#include "moq/base/result.h"

namespace moq::mux {

/// When one track of an import begins its next group, and under which number. Video groups begin at
/// key frames; audio groups with them, or when they have lasted for long.
class GroupSchedule {
 public:
  /// `longest`: how long an audio group lasts at most, in the track's units; 0 = one frame.
  explicit GroupSchedule(std::uint64_t longest) : longest_(longest) {}

  /// The next frame of audio begins a group. From here on, audio groups do not end by their length:
  /// whoever cuts says when.
  void cut() { due_ = steered_ = true; }
  /// The same; the next group gets that number.
  void seek(std::uint64_t sequence) {
    cut();
    sequence_ = sequence;
  }
  /// A group of the video has begun, which `begin()` gave a number or not.
  void video_began(bool numbered) {
    // A number was given to all tracks, and so the sound has its cut already.
    if (!numbered) due_ = true;
  }
  /// Whether a frame of audio of that time begins a group, even if there is one that is open.
  [[nodiscard]] bool is_due(std::uint64_t time) const {
    if (longest_ == 0) return true;
    // Times that go back are those of a source that started over.
    const bool is_long = time >= began_ + longest_ || time < began_;
    return due_ || (!steered_ && is_long);
  }
  /// A group begins at that time: the number for it, if it is to have a certain one.
  std::optional<std::uint64_t> begin(std::uint64_t time) {
    due_ = false;
    began_ = time;
    const std::optional<std::uint64_t> sequence = sequence_;
    sequence_.reset();
    return sequence;
  }

 private:
  std::uint64_t longest_;
  std::uint64_t began_ = 0;
  bool due_ = false;
  bool steered_ = false;
  std::optional<std::uint64_t> sequence_;
};

/// `Code::invalid_argument` unless a group may have that number after `last`.
Result<void> check_sequence(std::uint64_t sequence, std::optional<std::uint64_t> last);

}  // namespace moq::mux
