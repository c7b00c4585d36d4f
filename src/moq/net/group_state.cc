#include "moq/net/internal/group_state.h"

#include <algorithm>

#include "moq/net/internal/track_state.h"

namespace moq::net::group {

void Frame::append(Bytes data) {
  received += data.size();
  if (chunks++ == 0) {
    first = std::move(data);
  } else {
    rest.push_back(std::move(data));
  }
}

bool Frame::matches(std::uint64_t offset, ByteSpan data) const {
  for (std::size_t i = 0; i < chunks && !data.empty(); ++i) {
    const ByteSpan known = chunk(i);
    if (offset >= known.size()) {
      offset -= known.size();
      continue;
    }
    const ByteSpan rest_of_chunk = known.subspan(static_cast<std::size_t>(offset));
    const std::size_t size = std::min(rest_of_chunk.size(), data.size());
    if (!std::ranges::equal(rest_of_chunk.first(size), data.first(size))) return false;
    data = data.subspan(size);
    offset = 0;
  }
  return true;
}

State::~State() {
  tally->discharge(cost);
  if (tally->cache()) tally->cache()->remove(*this);
}

void State::abort(const Error& error, Remains& remains) {
  std::lock_guard lock(mutex);
  if (aborted) return;
  aborted = error;
  tally->discharge(std::exchange(cost, 0));
  if (tally->cache()) tally->cache()->remove(*this);
  remains.dropped.push_back(std::exchange(frames, {}));
  remains.woken.append(on_change.take());
  remains.woken.append(on_abort.take());
}

kio::Poll<Error> State::poll_aborted(const kio::Waiter& waiter) {
  std::lock_guard lock(mutex);
  if (aborted) return *aborted;
  on_abort.add(waiter);
  return kio::kPending;
}

void State::abort(const Error& error) {
  Remains remains;
  abort(error, remains);
  remains.woken.wake();
}

Frame& State::add_frame(const frame::Info& info) {
  const bool first = frames.empty();
  if (first) began_at = info.timestamp;
  claimed += info.size_bytes;
  cost += kFrameCost;
  tally->charge(kFrameCost);
  tally->note(sequence, info.timestamp, first);
  return frames.emplace_back(Frame{.info = info});
}

void State::add_payload(std::size_t index, Bytes data) {
  const std::uint64_t added = data.size() + kChunkCost;
  ++chunks;
  cost += added;
  tally->charge(added);
  frames[index].append(std::move(data));
}

void State::after_adding() const {
  if (tally->take_due()) {
    if (const auto track = tally->track.lock()) track->wake_stale();
  }
  if (tally->held() > kMaxTrackBytes) {
    if (const auto track = tally->track.lock()) track->shrink();
  }
  if (tally->cache() && tally->cache()->crowded()) tally->cache()->shrink();
}

std::optional<std::uint64_t> State::first_timestamp() const {
  std::lock_guard lock(mutex);
  return began_at;
}

bool State::unfinished() const {
  std::lock_guard lock(mutex);
  return !finished && !aborted;
}

bool State::failed() const {
  std::lock_guard lock(mutex);
  return aborted.has_value();
}

bool State::suspended() const {
  std::lock_guard lock(mutex);
  return !finished && !aborted && !has_writer;
}

}  // namespace moq::net::group
