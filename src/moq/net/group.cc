#include "moq/net/group.h"

#include <algorithm>

#include "moq/net/internal/group_state.h"

namespace moq::net::group {
namespace {

/// Why the group cannot take another frame (its mutex is held).
std::optional<Error> refusal(const State& state, const frame::Info& info) {
  if (info.size_bytes > kMaxFrameBytes) {
    return Error(Code::frame_too_large, std::to_string(info.size_bytes) + " bytes");
  }
  if (state.claimed + info.size_bytes > kMaxGroupBytes || state.frames.size() >= kMaxGroupFrames) {
    return Error(Code::group_too_large, "limit of bytes or frames per group");
  }
  return std::nullopt;
}

}  // namespace

Reading::Reading(std::shared_ptr<State> state) : state_(std::move(state)) {
  std::lock_guard lock(state_->mutex);
  ++state_->readers;
}

Reading& Reading::operator=(Reading&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
  }
  return *this;
}

Reading::~Reading() { release(); }

void Reading::release() {
  const auto state = std::exchange(state_, nullptr);
  if (!state) return;
  kio::WaiterList woken;
  {
    std::lock_guard lock(state->mutex);
    if (--state->readers == 0) woken = state->on_abort.take();
  }
  woken.wake();
}

Producer::Producer(std::shared_ptr<State> state) : state_(std::move(state)) {}

Producer& Producer::operator=(Producer&& other) noexcept {
  if (this != &other) {
    if (state_) std::move(*this).abort(Error(Code::cancelled, "group writer dropped"));
    state_ = std::move(other.state_);
    next_index_ = other.next_index_;
  }
  return *this;
}

Producer::~Producer() {
  if (state_) std::move(*this).abort(Error(Code::cancelled, "group writer dropped"));
}

std::uint64_t Producer::sequence() const { return state_->sequence; }

Result<void> Producer::start_at(std::uint64_t index) {
  std::lock_guard lock(state_->mutex);
  if (state_->aborted) return std::unexpected(*state_->aborted);
  if (index > state_->frames.size() ||
      (index == state_->frames.size() && index > 0 && !state_->frames.back().complete())) {
    return fail(Code::too_far_behind, "the head of the group is missing");
  }
  next_index_ = static_cast<std::size_t>(index);
  return {};
}

Result<frame::Producer> Producer::create_frame(const frame::Info& info) {
  kio::WaiterList woken;
  std::optional<Error> error;
  std::uint64_t skip = 0;
  const std::size_t index = next_index_++;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->aborted) return std::unexpected(*state_->aborted);
    if (index < state_->frames.size()) {
      // Resuming: this frame, or its head, came over an earlier connection.
      const Frame& known = state_->frames[index];
      if (known.info != info) {
        error = Error(Code::wrong_size, "a resumed group differs from what came before");
      }
      skip = known.received;
    } else {
      error = refusal(*state_, info);
      if (!error) {
        state_->add_frame(info);
        woken = state_->on_change.take();
      }
    }
  }
  if (error) {
    state_->abort(*error);
    return std::unexpected(*std::move(error));
  }
  woken.wake();
  state_->after_adding();
  return frame::Producer(state_, index, info.size_bytes, skip);
}

std::optional<frame::Info> Producer::resumed_frame() const {
  std::lock_guard lock(state_->mutex);
  if (next_index_ >= state_->frames.size()) return std::nullopt;
  return state_->frames[next_index_].info;
}

Result<void> Producer::write_frame(std::uint64_t timestamp, Bytes payload) {
  const frame::Info info{.timestamp = timestamp, .size_bytes = payload.size()};
  {
    // The common case in one step: a new frame, whole, with one wake.
    std::unique_lock lock(state_->mutex);
    if (state_->aborted) return std::unexpected(*state_->aborted);
    if (next_index_ == state_->frames.size() && !refusal(*state_, info)) {
      state_->add_frame(info);
      if (!payload.empty()) state_->add_payload(next_index_, std::move(payload));
      ++next_index_;
      kio::WaiterList woken = state_->on_change.take();
      lock.unlock();
      woken.wake();
      state_->after_adding();
      return {};
    }
  }
  MOQ_TRY(frame::Producer frame, create_frame(info));
  MOQ_CHECK(frame.write(std::move(payload)));
  return std::move(frame).finish();
}

void Producer::finish() && {
  const auto state = std::exchange(state_, nullptr);
  kio::WaiterList woken;
  bool whole = true;
  {
    std::lock_guard lock(state->mutex);
    if (state->aborted) return;
    state->has_writer = false;
    whole = next_index_ == state->frames.size() &&
            (state->frames.empty() || state->frames.back().complete());
    if (whole) {
      state->finished = true;
      woken = state->on_change.take();
    }
  }
  woken.wake();
  if (!whole) state->abort(Error(Code::wrong_size, "the group ends before what came of it"));
}

void Producer::abort(const Error& error) && { std::exchange(state_, nullptr)->abort(error); }

void Producer::suspend() && {
  const auto state = std::exchange(state_, nullptr);
  std::lock_guard lock(state->mutex);
  state->has_writer = false;
}

Consumer Producer::consume() const { return Consumer(state_); }

kio::Poll<Error> Producer::poll_aborted(const kio::Waiter& waiter) const {
  return state_->poll_aborted(waiter);
}

kio::Poll<kio::Unit> Producer::poll_unused(const kio::Waiter& waiter) const {
  std::lock_guard lock(state_->mutex);
  const bool cached = !state_->tally->track.expired();
  if (!cached && state_->readers == 0) return kio::Unit{};
  state_->on_abort.add(waiter);
  return kio::kPending;
}

Consumer::Consumer(std::shared_ptr<State> state) : state_(std::move(state)) {}

std::uint64_t Consumer::sequence() const { return state_->sequence; }

kio::Poll<Result<std::optional<Chunk>>> Consumer::poll_chunk(const kio::Waiter& waiter) {
  using Out = Result<std::optional<Chunk>>;
  std::lock_guard lock(state_->mutex);
  if (state_->aborted) return Out(std::unexpected(*state_->aborted));
  for (; frame_ < state_->frames.size(); ++frame_, chunk_ = 0) {
    const Frame& frame = state_->frames[frame_];
    if (chunk_ < frame.chunks) {
      Chunk chunk{.begins = {}, .data = frame.chunk(chunk_), .frame_index = frame_};
      // A frame that began without payload was reported with an empty piece; see below.
      if (chunk_++ == 0 && !begun_) chunk.begins = frame.info;
      begun_ = true;
      if (chunk_ == frame.chunks && frame.complete()) next();
      return Out(std::move(chunk));
    }
    if (!begun_) {
      begun_ = true;
      Chunk chunk{.begins = frame.info, .data = {}, .frame_index = frame_};
      if (frame.complete()) next();
      return Out(std::move(chunk));
    }
    if (!frame.complete()) break;
    begun_ = false;
  }
  if (frame_ >= state_->frames.size() && state_->finished) return Out(std::nullopt);
  state_->on_change.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<std::optional<frame::Consumer>>> Consumer::poll_next_frame(
    const kio::Waiter& waiter) {
  using Out = Result<std::optional<frame::Consumer>>;
  frame::Info info;
  std::size_t at = 0;
  std::unique_lock lock(state_->mutex);
  if (state_->aborted) return Out(std::unexpected(*state_->aborted));
  if (frame_ < state_->frames.size()) {
    info = state_->frames[frame_].info;
    at = frame_;
    next();
  } else if (state_->finished) {
    return Out(std::nullopt);
  } else {
    state_->on_change.add(waiter);
    return kio::kPending;
  }
  lock.unlock();  // The frame's consumer locks to be counted.
  return Out(frame::Consumer(state_.state(), at, info));
}

kio::Poll<Result<std::optional<std::pair<frame::Info, Bytes>>>> Consumer::poll_read_frame(
    const kio::Waiter& waiter) {
  using Out = Result<std::optional<std::pair<frame::Info, Bytes>>>;
  frame::Info info;
  std::vector<Bytes> parts;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->aborted) return Out(std::unexpected(*state_->aborted));
    if (frame_ >= state_->frames.size() && state_->finished) return Out(std::nullopt);
    if (frame_ >= state_->frames.size() || !state_->frames[frame_].complete()) {
      state_->on_change.add(waiter);
      return kio::kPending;
    }
    const Frame& frame = state_->frames[frame_];
    next();
    info = frame.info;
    if (frame.chunks == 1) return Out(std::pair(info, frame.first));
    for (std::size_t i = 0; i < frame.chunks; ++i) parts.push_back(frame.chunk(i));
  }
  return Out(std::pair(info, join(parts)));
}

void Consumer::next() {
  ++frame_;
  chunk_ = 0;
  begun_ = false;
}

std::optional<std::uint64_t> Consumer::first_timestamp() const { return state_->first_timestamp(); }

std::size_t Consumer::frames() const {
  std::lock_guard lock(state_->mutex);
  return state_->frames.size();
}

bool Consumer::finished() const {
  std::lock_guard lock(state_->mutex);
  return state_->finished;
}

std::optional<Error> Consumer::error() const {
  std::lock_guard lock(state_->mutex);
  return state_->aborted;
}

kio::Poll<Error> Consumer::poll_aborted(const kio::Waiter& waiter) const {
  return state_->poll_aborted(waiter);
}

}  // namespace moq::net::group

namespace moq::net::frame {

Producer::Producer(std::shared_ptr<group::State> state, std::size_t index, std::uint64_t size_bytes,
                   std::uint64_t skip_bytes)
    : state_(std::move(state)), index_(index), remaining_(size_bytes), skip_(skip_bytes) {}

Producer::~Producer() {
  if (!state_) return;
  [[maybe_unused]] const auto ended = std::move(*this).finish();
}

Result<void> Producer::write(Bytes data) {
  kio::WaiterList woken;
  std::optional<Error> error;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->aborted) return std::unexpected(*state_->aborted);
    const std::size_t known = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, data.size()));
    const group::Frame& frame = state_->frames[index_];
    if (data.size() > remaining_) {
      error = Error(Code::wrong_size, "more payload than the frame announced");
    } else if (!frame.matches(frame.info.size_bytes - remaining_, data.span().first(known))) {
      error = Error(Code::wrong_size, "a resumed frame differs from what came before");
    } else if (state_->chunks >= kMaxGroupChunks) {
      error = Error(Code::group_too_large, "payload in too many parts");
    } else {
      remaining_ -= data.size();
      skip_ -= known;
      if (known == data.size()) return {};
      if (known > 0) data = data.slice(known);
      state_->add_payload(index_, std::move(data));
      woken = state_->on_change.take();
    }
  }
  if (error) {
    state_->abort(*error);
    return std::unexpected(*std::move(error));
  }
  woken.wake();
  state_->after_adding();
  return {};
}

Result<void> Producer::finish() && {
  const auto state = std::exchange(state_, nullptr);
  if (remaining_ == 0) return {};
  Error error(Code::wrong_size, "the frame ends before its announced size");
  state->abort(error);
  return std::unexpected(std::move(error));
}

void Producer::suspend() && { state_ = nullptr; }

Consumer::Consumer(std::shared_ptr<group::State> state, std::size_t index, Info info)
    : state_(std::move(state)), index_(index), info_(info) {}

kio::Poll<Result<Bytes>> Consumer::poll_read(const kio::Waiter& waiter) {
  std::lock_guard lock(state_->mutex);
  if (state_->aborted) return Result<Bytes>(std::unexpected(*state_->aborted));
  const group::Frame& frame = state_->frames[index_];
  if (chunk_ < frame.chunks) return Result<Bytes>(frame.chunk(chunk_++));
  if (frame.complete()) return Result<Bytes>(Bytes());
  state_->on_change.add(waiter);
  return kio::kPending;
}

kio::Poll<Result<Bytes>> Consumer::poll_read_all(const kio::Waiter& waiter) {
  std::vector<Bytes> parts;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->aborted) return Result<Bytes>(std::unexpected(*state_->aborted));
    const group::Frame& frame = state_->frames[index_];
    if (!frame.complete()) {
      state_->on_change.add(waiter);
      return kio::kPending;
    }
    for (; chunk_ < frame.chunks; ++chunk_) parts.push_back(frame.chunk(chunk_));
  }
  return Result<Bytes>(join(parts));
}

}  // namespace moq::net::frame
