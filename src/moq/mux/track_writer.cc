#include "moq/mux/track_writer.h"

#include "moq/base/log.h"

namespace moq::mux {

TrackWriter::TrackWriter(net::track::Producer track, EventQueue* events)
    : track_(std::move(track)), events_(events), timescale_(track_.info().timescale) {}

Result<void> TrackWriter::begin_group(std::optional<std::uint64_t> sequence) {
  finish_group();
  MOQ_TRY(group_, sequence ? track_.create_group(*sequence) : track_.append_group());
  last_sequence_ = group_->sequence();
  frames_ = 0;
  bytes_ = 0;
  return {};
}

Result<void> TrackWriter::write(std::uint64_t timestamp, Bytes payload) {
  MOQ_ASSERT(group_);
  const std::size_t size = payload.size();
  const Result<void> written = group_->write_frame(timestamp, std::move(payload));
  if (written) {
    ++frames_;
    bytes_ += size;
    return {};
  }
  const Code code = written.error().code;
  const std::uint64_t sequence = group_->sequence();
  group_.reset();
  // Only what readers take counts: a key frame makes a new start possible.
  if (code != Code::group_too_large && code != Code::frame_too_large) return written;
  MOQ_LOG(warn, "mux", "group {} of '{}' ends early: {}", sequence, name(),
          written.error().describe());
  return {};
}

void TrackWriter::finish_group() {
  if (!group_) return;
  if (events_) events_->push(GroupDone{name(), group_->sequence(), frames_, bytes_});
  std::move(*group_).finish();
  group_.reset();
}

void TrackWriter::finish() && {
  finish_group();
  std::move(track_).finish();
}

void TrackWriter::abort(const Error& error) && {
  if (group_) std::move(*group_).abort(error);
  group_.reset();
  std::move(track_).abort(error);
}

}  // namespace moq::mux
