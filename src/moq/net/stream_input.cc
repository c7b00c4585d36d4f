#include "moq/net/stream_input.h"

#include <algorithm>

#include "moq/base/wire.h"
#include "moq/net/internal/poll_try.h"

namespace moq::net {
namespace {

/// Asked of the transport at a time inside a payload or body.
constexpr std::size_t kMaxChunkBytes = 64 << 10;

}  // namespace

Error StreamInput::fail_with(Error error) {
  if (!failed_) failed_ = std::move(error);
  chunk_ = {};
  part_ = {};
  return *failed_;
}

Error StreamInput::fail_truncated() {
  return fail_with(to_error(DecodeError::truncated, "stream"));
}

kio::Poll<Result<bool>> StreamInput::poll_fill(const kio::Waiter& waiter, std::uint64_t want) {
  if (failed_) return std::unexpected(*failed_);
  if (!chunk_.empty()) return true;
  const auto max = static_cast<std::size_t>(std::clamp<std::uint64_t>(want, 1, kMaxChunkBytes));
  auto read = stream_->poll_read(waiter, max);
  if (read.pending()) return kio::kPending;
  if (!*read) return std::unexpected(fail_with(to_meaning(std::move(*read).error())));
  chunk_ = **std::move(read);
  return !chunk_.empty();
}

kio::Poll<Result<Bytes>> StreamInput::poll_payload(const kio::Waiter& waiter) {
  if (failed_) return std::unexpected(*failed_);
  if (payload_left_ == 0) return Bytes();
  MOQ_POLL(const bool more, poll_fill(waiter, payload_left_));
  if (!more) return std::unexpected(fail_with(Error(Code::wrong_size, "FIN inside a payload")));
  Bytes part = chunk_.take_front(static_cast<std::size_t>(payload_left_));
  payload_left_ -= part.size();
  return part;
}

kio::Poll<Result<void>> StreamInput::poll_end(const kio::Waiter& waiter) {
  MOQ_POLL(const bool more, poll_fill(waiter, kHeadChunkBytes));
  if (!more) return Result<void>();
  return std::unexpected(
      fail_with(Error(Code::protocol_violation, "data after the last message of a stream")));
}

kio::Poll<Result<void>> StreamInput::poll_discard(const kio::Waiter& waiter) {
  for (;;) {
    MOQ_POLL(const bool more, poll_fill(waiter, kHeadChunkBytes));
    if (!more) return Result<void>();
    chunk_ = {};
  }
}

}  // namespace moq::net
