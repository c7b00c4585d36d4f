#include "moq/net/lite/stream_reader.h"

#include <algorithm>
#include <bit>

#include "moq/net/internal/poll_try.h"
#include "moq/net/limits.h"
#include "moq/net/wire_code.h"

namespace moq::net::lite {
namespace {

std::size_t varint_bytes(std::uint8_t first, Varint kind) {
  if (kind == Varint::quic) return std::size_t{1} << (first >> 6);
  return 1 + static_cast<std::size_t>(std::countl_one(first));
}

}  // namespace

StreamReader::StreamReader(std::unique_ptr<transport::RecvStream> stream, Version version)
    : StreamInput(std::move(stream)), version_(version) {}

Error StreamReader::to_meaning(Error error) const {
  return from_transport(std::move(error), Scope::stream);
}

Poll<Result<std::optional<std::uint64_t>>> StreamReader::poll_varint(const Waiter& waiter) {
  for (;;) {
    const Varint kind = varint_kind(version_);
    const std::size_t size = head_size_ == 0 ? 1 : varint_bytes(head_[0], kind);
    if (head_size_ == size) {
      Reader in({head_.data(), size}, kind);
      head_size_ = 0;
      const std::uint64_t value = in.varint();
      if (!in.ok()) return std::unexpected(fail_with(to_error(in.error(), "integer")));
      return std::optional(value);
    }
    MOQ_POLL(const bool more, poll_fill(waiter, kHeadChunkBytes));
    if (!more) {
      if (head_size_ == 0) return std::optional<std::uint64_t>();
      return std::unexpected(fail_truncated());
    }
    const Bytes part = chunk_.take_front(size - head_size_);
    std::ranges::copy(part, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    head_size_ += part.size();
  }
}

Poll<Result<std::uint64_t>> StreamReader::poll_inner_varint(const Waiter& waiter) {
  MOQ_POLL(const std::optional<std::uint64_t> value, poll_varint(waiter));
  if (value) return *value;
  return std::unexpected(fail_truncated());
}

Poll<Result<std::uint64_t>> StreamReader::poll_u16(const Waiter& waiter) {
  while (head_size_ < 2) {
    MOQ_POLL(const bool more, poll_fill(waiter, kHeadChunkBytes));
    if (!more) return std::unexpected(fail_truncated());
    head_[head_size_++] = chunk_.take_front(1)[0];
  }
  head_size_ = 0;
  return Reader({head_.data(), 2}).u16();
}

Poll<Result<Bytes>> StreamReader::poll_bytes(const Waiter& waiter, std::uint64_t size) {
  while (part_.size() < size) {
    const std::uint64_t left = size - part_.size();
    MOQ_POLL(const bool more, poll_fill(waiter, left));
    if (!more) return std::unexpected(fail_truncated());
    const Bytes part = chunk_.take_front(static_cast<std::size_t>(left));
    if (part.size() == size) return part;
    part_.insert(part_.end(), part.begin(), part.end());
  }
  const std::vector<std::uint8_t> whole = std::exchange(part_, {});
  return Bytes::copy(whole);
}

Poll<Result<void>> StreamReader::poll_skip(const Waiter& waiter) {
  while (skip_left_ > 0) {
    MOQ_POLL(const bool more, poll_fill(waiter, skip_left_));
    if (!more) return std::unexpected(fail_truncated());
    skip_left_ -= chunk_.take_front(static_cast<std::size_t>(skip_left_)).size();
  }
  return Result<void>();
}

Poll<Result<std::optional<Bytes>>> StreamReader::poll_body(const Waiter& waiter,
                                                           std::uint64_t max_bytes) {
  if (!size_) {
    MOQ_POLL(const std::optional<std::uint64_t> size, poll_varint(waiter));
    if (!size) return std::optional<Bytes>();
    if (*size > max_bytes) {
      return std::unexpected(fail_with(to_error(DecodeError::too_long, "message")));
    }
    size_ = size;
  }
  MOQ_POLL(Bytes body, poll_bytes(waiter, *size_));
  size_.reset();
  return std::optional(std::move(body));
}

Poll<Result<std::optional<TypedMessage>>> StreamReader::poll_typed(const Waiter& waiter,
                                                                   TypedLimits limits) {
  for (;;) {
    auto skipped = poll_skip(waiter);
    if (skipped.pending()) return kio::kPending;
    if (!*skipped) return std::unexpected(std::move(*skipped).error());
    if (!type_) {
      MOQ_POLL(type_, poll_varint(waiter));
      if (!type_) return std::optional<TypedMessage>();
    }
    if (!size_) {
      const bool known = *type_ < limits.known_types;
      MOQ_POLL(const std::uint64_t size, poll_inner_varint(waiter));
      if (size > (known ? limits.max_bytes : kMaxMessageBytes)) {
        return std::unexpected(fail_with(to_error(DecodeError::too_long, "message")));
      }
      if (!known) {
        type_.reset();
        skip_left_ = size;
        continue;
      }
      size_ = size;
    }
    MOQ_POLL(Bytes body, poll_bytes(waiter, *size_));
    TypedMessage message{.type = *type_, .body = std::move(body)};
    type_.reset();
    size_.reset();
    return std::optional(std::move(message));
  }
}

Poll<Result<std::optional<TypedMessage>>> StreamReader::poll_legacy(const Waiter& waiter) {
  if (!type_) {
    MOQ_POLL(type_, poll_varint(waiter));
    if (!type_) return std::optional<TypedMessage>();
  }
  if (!size_) {
    MOQ_POLL(size_, poll_u16(waiter));
  }
  MOQ_POLL(Bytes body, poll_bytes(waiter, *size_));
  TypedMessage message{.type = *type_, .body = std::move(body)};
  type_.reset();
  size_.reset();
  return std::optional(std::move(message));
}

Poll<Result<std::optional<SubscribeAnswer>>> StreamReader::poll_answer(const Waiter& waiter) {
  TypedMessage message;
  if (has_answer_types(version_)) {
    MOQ_POLL(auto typed, poll_typed(waiter, {.max_bytes = kMaxControlBytes}));
    if (!typed) return std::optional<SubscribeAnswer>();
    message = *std::move(typed);
  } else {
    MOQ_POLL(auto body, poll_body(waiter, kMaxControlBytes));
    if (!body) return std::optional<SubscribeAnswer>();
    message.body = *std::move(body);
  }
  auto answer = decode_answer(message.type, message.body.span(), version_);
  if (!answer) return std::unexpected(fail_with(std::move(answer).error()));
  return std::optional(*std::move(answer));
}

Result<FrameHeader> StreamReader::accept_frame(std::uint64_t size) {
  if (size > kMaxFrameBytes) return fail(Code::frame_too_large, "announced by its header");
  if (group_frames_ >= kMaxGroupFrames || size > kMaxGroupBytes - group_bytes_) {
    return fail(Code::group_too_large, "announced by a frame's header");
  }
  FrameHeader header{.size_bytes = size};
  if (has_frame_timestamps(version_)) {
    const std::optional<std::uint64_t> timestamp = add_delta(timestamp_, *delta_);
    if (!timestamp) return std::unexpected(to_error(DecodeError::out_of_range, "timestamp"));
    timestamp_ = *timestamp;
    header.timestamp = timestamp;
    delta_.reset();
  }
  group_frames_ += 1;
  group_bytes_ += size;
  begin_payload(size);
  return header;
}

Poll<Result<std::optional<FrameHeader>>> StreamReader::poll_frame(const Waiter& waiter) {
  MOQ_ASSERT(payload_remaining() == 0);
  if (has_frame_timestamps(version_) && !delta_) {
    MOQ_POLL(const std::optional<std::uint64_t> coded, poll_varint(waiter));
    if (!coded) return std::optional<FrameHeader>();
    delta_ = from_zigzag(*coded);
  }
  // Between difference and size a FIN is still a clean end, as Rust peers have it.
  MOQ_POLL(const std::optional<std::uint64_t> size, poll_varint(waiter));
  if (!size) return std::optional<FrameHeader>();
  auto header = accept_frame(*size);
  if (!header) return std::unexpected(fail_with(std::move(header).error()));
  return std::optional(*std::move(header));
}

}  // namespace moq::net::lite
