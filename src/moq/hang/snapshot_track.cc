#include "moq/hang/snapshot_track.h"

#include "moq/base/log.h"

namespace moq::hang::snapshot {

Producer::Producer(net::track::Producer track, const Options& options)
    : track_(std::move(track)), options_(options), encoder_(options) {}

Result<void> Producer::update(std::uint64_t timestamp, std::string_view json_text) {
  MOQ_TRY(std::optional<Encoder::Write> write, encoder_.update(json_text));
  if (!write) return {};
  Result<void> written = this->write(timestamp, *std::move(write));
  // Readers lack the value, so the next one must not be a patch of it, nor count as known.
  if (!written) encoder_ = Encoder(options_);
  return written;
}

Result<void> Producer::write(std::uint64_t timestamp, Encoder::Write write) {
  if (write.new_group) {
    if (group_) std::move(*group_).finish();
    group_.reset();
    MOQ_TRY(group_, track_.append_group());
  }
  MOQ_CHECK(group_->write_frame(timestamp, std::move(write.frame)));
  // No patch will follow: say so, for readers that wait for the end of the group.
  if (options_.ratio == 0) std::move(*std::exchange(group_, std::nullopt)).finish();
  return {};
}

void Producer::finish() && {
  if (group_) std::move(*group_).finish();
  group_.reset();
  std::move(track_).finish();
}

void Producer::abort(Error error) && {
  group_.reset();
  std::move(track_).abort(std::move(error));
}

Consumer::Consumer(net::track::Consumer track, bool compressed)
    : track_(std::move(track)), decoder_(compressed) {}

kio::Poll<Result<std::optional<std::string>>> Consumer::poll_next(const kio::Waiter& waiter) {
  using Value = Result<std::optional<std::string>>;
  if (Result<void> groups = take_groups(waiter); !groups) {
    return Value(std::unexpected(std::move(groups).error()));
  }
  if (Result<void> frames = take_frames(waiter); !frames) {
    return Value(std::unexpected(std::move(frames).error()));
  }
  if (std::exchange(changed_, false)) return Value(decoder_.text());
  if (ended_ && !group_) return Value(std::nullopt);
  return kio::kPending;
}

Result<void> Consumer::take_groups(const kio::Waiter& waiter) {
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
      decoder_.start_group();
      changed_ = false;
    }
  }
  return {};
}

Result<void> Consumer::take_frames(const kio::Waiter& waiter) {
  while (group_) {
    auto frame = group_->poll_read_frame(waiter);
    if (frame.pending()) return {};
    if (!*frame) {
      MOQ_LOG(debug, "hang", "snapshot group {} of '{}' is lost: {}", *sequence_, track_.name(),
              frame->error().describe());
      group_.reset();
    } else if (!**frame) {
      group_.reset();
    } else if (Result<void> applied = decoder_.apply((**frame)->second.span()); !applied) {
      group_.reset();
      changed_ = false;
      return applied;
    } else {
      changed_ = true;
    }
  }
  return {};
}

}  // namespace moq::hang::snapshot
