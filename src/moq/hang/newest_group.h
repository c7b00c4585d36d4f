#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "moq/base/log.h"
#include "moq/net/track.h"

namespace moq::hang {

/// The reading side of a track whose newest group alone counts. A lost group is no error: the next
/// one says everything again.
class NewestGroup {
 public:
  explicit NewestGroup(net::track::Consumer track) : track_(std::move(track)) {}

  /// Feeds the frames that have come to `decoder`, by `start_group()` and `apply(ByteSpan)`. True
  /// once they changed it, false after the end of the track. Fails for a frame that `decoder` does
  /// not take, after which the next group counts; an error of the track stays.
  template <typename Decoder>
  kio::Poll<Result<bool>> poll_change(Decoder& decoder, const kio::Waiter& waiter) {
    if (Result<void> groups = take_groups(decoder, waiter); !groups) {
      return Result<bool>(std::unexpected(std::move(groups).error()));
    }
    if (Result<void> frames = take_frames(decoder, waiter); !frames) {
      return Result<bool>(std::unexpected(std::move(frames).error()));
    }
    if (std::exchange(changed_, false)) return Result<bool>(true);
    if (ended_ && !group_) return Result<bool>(false);
    return kio::kPending;
  }

 private:
  template <typename Decoder>
  Result<void> take_groups(Decoder& decoder, const kio::Waiter& waiter) {
    while (!ended_) {
      auto next = track_.poll_next_group(waiter);
      if (next.pending()) return {};
      if (!*next) return std::unexpected((*std::move(next)).error());
      std::optional<net::group::Consumer> group = **std::move(next);
      if (!group) {
        ended_ = true;
      } else if (!sequence_ || group->sequence() > *sequence_) {
        sequence_ = group->sequence();
        group_ = std::move(group);
        decoder.start_group();
        changed_ = false;
      }
    }
    return {};
  }

  template <typename Decoder>
  Result<void> take_frames(Decoder& decoder, const kio::Waiter& waiter) {
    while (group_) {
      auto frame = group_->poll_read_frame(waiter);
      if (frame.pending()) return {};
      if (!*frame) {
        MOQ_LOG(debug, "hang", "group {} of '{}' is lost: {}", *sequence_, track_.name(),
                frame->error().describe());
        group_.reset();
      } else if (!**frame) {
        group_.reset();
      } else if (Result<void> applied = decoder.apply((**frame)->second.span()); !applied) {
        group_.reset();
        changed_ = false;
        return applied;
      } else {
        changed_ = true;
      }
    }
    return {};
  }

  net::track::Consumer track_;
  std::optional<net::group::Consumer> group_;
  std::optional<std::uint64_t> sequence_;  ///< Of the newest group seen.
  bool changed_ = false;                   ///< The decoder holds what was not told yet.
  bool ended_ = false;
};

}  // namespace moq::hang
