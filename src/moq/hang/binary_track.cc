#include "moq/hang/binary_track.h"

#include "moq/base/log.h"

namespace moq::hang::binary {

DataTrack describe(const Options& options) {
  DataTrack track;
  track.mode = options.mode == Mode::snapshot ? "snapshot" : "stream";
  if (options.compressed) track.compression = "deflate";
  return track;
}

Producer::Producer(net::track::Producer track, const Options& options)
    : track_(std::move(track)), options_(options) {}

Result<void> Producer::write(std::uint64_t timestamp, Bytes payload) {
  if (payload.size() > net::kMaxFrameBytes) {
    return fail(Code::frame_too_large, std::to_string(payload.size()) + " bytes");
  }
  if (options_.mode == Mode::snapshot) return write_snapshot(timestamp, std::move(payload));
  return append(timestamp, std::move(payload));
}

Result<void> Producer::write_snapshot(std::uint64_t timestamp, Bytes payload) {
  if (options_.compressed) {
    flate::Encoder once;
    MOQ_TRY(payload, once.encode(payload.span()));
  }
  return track_.write_frame(timestamp, std::move(payload));
}

Result<void> Producer::append(std::uint64_t timestamp, Bytes payload) {
  if (full_ || frames_ >= kMaxStreamFrames) return fail(Code::group_too_large, "stream: full");
  if (!group_) {
    MOQ_TRY(group_, track_.append_group());
  }
  if (options_.compressed) {
    MOQ_TRY(payload, flate_.encode(payload.span()));
  }
  if (bytes_ + payload.size() > kMaxStreamBytes) {
    // The compressor has moved on: no later frame would decode without this one.
    full_ = options_.compressed;
    return fail(Code::group_too_large, "stream: full");
  }
  const std::size_t size = payload.size();
  MOQ_CHECK(group_->write_frame(timestamp, std::move(payload)));
  bytes_ += size;
  ++frames_;
  return {};
}

void Producer::finish() && {
  if (group_) std::move(*group_).finish();
  group_.reset();
  std::move(track_).finish();
}

void Producer::abort(const Error& error) && {
  std::move(track_).abort(error);
  group_.reset();
}

Consumer::Consumer(net::track::Consumer track, const Options& options)
    : track_(std::move(track)), options_(options) {}

kio::Poll<Consumer::Payload> Consumer::poll_next(const kio::Waiter& waiter) {
  if (options_.mode == Mode::snapshot) return poll_newest(waiter);
  if (failed_) return Payload(std::unexpected(*failed_));
  auto next = poll_each(waiter);
  if (next.ready() && !*next) failed_ = next->error();
  return next;
}

Consumer::Payload Consumer::unwrap(const Bytes& frame) {
  if (!options_.compressed) return frame;
  return flate_.decode(frame.span());
}

kio::Poll<Consumer::Payload> Consumer::poll_newest(const kio::Waiter& waiter) {
  if (Result<void> groups = take_groups(waiter); !groups) {
    return Payload(std::unexpected(std::move(groups).error()));
  }
  if (group_) {
    auto frame = group_->poll_read_frame(waiter);
    if (frame.pending()) return kio::kPending;
    group_.reset();
    if (!*frame) {
      MOQ_LOG(debug, "hang", "snapshot group {} of '{}' is lost: {}", *sequence_, track_.name(),
              frame->error().describe());
    } else if (**frame) {
      flate_ = flate::Decoder();
      return unwrap((**frame)->second);
    }
  }
  if (ended_) return Payload(std::nullopt);
  return kio::kPending;
}

/// Moves on to the newest group that has come. Fails with the track's error.
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
    }
  }
  return {};
}

kio::Poll<Consumer::Payload> Consumer::poll_each(const kio::Waiter& waiter) {
  if (group_) {
    auto frame = group_->poll_read_frame(waiter);
    if (frame.ready()) {
      if (!*frame) return Payload(std::unexpected((*std::move(frame)).error()));
      if (**frame) return unwrap((**frame)->second);
      group_.reset();
    }
  }
  while (!ended_) {
    auto next = track_.poll_next_group(waiter);
    if (next.pending()) return kio::kPending;
    if (!*next) return Payload(std::unexpected((*std::move(next)).error()));
    if (!**next) {
      ended_ = true;
    } else if (sequence_) {
      return Payload(fail(Code::malformed_track, "stream: a second group"));
    } else {
      sequence_ = (**next)->sequence();
      group_ = **std::move(next);
      return poll_each(waiter);
    }
  }
  if (group_) return kio::kPending;
  return Payload(std::nullopt);
}

}  // namespace moq::hang::binary
