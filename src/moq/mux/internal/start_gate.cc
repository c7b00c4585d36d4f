#include "moq/mux/internal/start_gate.h"

#include <algorithm>
#include <iterator>

namespace moq::mux {

Found StartGate::pass(Found found, bool found_all) {
  if (open_) return found;
  for (const auto& one : found) {
    std::visit([this](const auto& what) { note(what); }, one);
  }
  held_.insert(held_.end(), std::move_iterator(found.begin()), std::move_iterator(found.end()));
  const bool full = bytes_ > kMaxHeldBytes || (first_us_ && *last_us_ - *first_us_ > kMaxHeldUs);
  const bool knows_all = found_all && readers_.empty() && !held_.empty();
  if (full || knows_all) return open();
  return {};
}

Found StartGate::open() {
  open_ = true;
  readers_.clear();
  return std::exchange(held_, {});
}

void StartGate::note(const FoundTrack& track) {
  readers_.erase(track.id);
  const std::optional<MediaTrack::Format> format = MediaTrack::parse_format(track.format);
  if (!format) return;
  auto reader = make_frame_reader(*format, track.init);
  if (reader && !(*reader)->description()) readers_.emplace(track.id, *std::move(reader));
}

void StartGate::note(const FoundFrame& frame) {
  bytes_ += frame.payload.size();
  first_us_ = std::min(first_us_.value_or(frame.pts_us), frame.pts_us);
  last_us_ = std::max(last_us_.value_or(frame.pts_us), frame.pts_us);
  const auto reader = readers_.find(frame.track);
  if (reader == readers_.end()) return;
  // What cannot be read tells nothing.
  if (!reader->second->read(frame.payload)) return;
  if (reader->second->description()) readers_.erase(reader);
}

}  // namespace moq::mux
