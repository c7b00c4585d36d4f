#include "moq/hang/snapshot_track.h"

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
    : groups_(std::move(track)), decoder_(compressed) {}

kio::Poll<Result<std::optional<std::string>>> Consumer::poll_next(const kio::Waiter& waiter) {
  using Value = Result<std::optional<std::string>>;
  const kio::Poll<Result<bool>> changed = groups_.poll_change(decoder_, waiter);
  if (changed.pending()) return kio::kPending;
  if (!*changed) return Value(std::unexpected(changed->error()));
  if (!**changed) return Value(std::nullopt);
  return Value(decoder_.text());
}

}  // namespace moq::hang::snapshot
