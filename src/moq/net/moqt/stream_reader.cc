#include "moq/net/moqt/stream_reader.h"

#include <algorithm>

#include "moq/net/limits.h"

namespace moq::net::moqt {
namespace {

/// Asked of the transport at a time where the need is not known; small enough that what is read
/// ahead of a slow consumer does not matter.
constexpr std::size_t kHeadChunkBytes = 16 << 10;
/// Asked of the transport at a time inside a payload or body.
constexpr std::size_t kMaxChunkBytes = 64 << 10;

/// The body of a control message, with its length. `chunk`, if not null, is what `in` reads.
Bytes read_body(Reader& in, const Bytes* chunk) {
  const std::uint16_t size = in.u16();
  const ByteSpan body = in.bytes(size);
  if (!in.ok()) return {};
  if (chunk == nullptr) return Bytes::copy(body);
  return chunk->slice(in.position() - body.size(), body.size());
}

}  // namespace

// The polls below are written one inside the other; these pass on what is not a value.
#define MOQ_POLL(declaration, expression)                                      \
  auto MOQ_CONCAT(polled_, __LINE__) = (expression);                           \
  if (MOQ_CONCAT(polled_, __LINE__).pending()) return kio::kPending;           \
  if (!*MOQ_CONCAT(polled_, __LINE__)) {                                       \
    return std::unexpected(std::move(*MOQ_CONCAT(polled_, __LINE__)).error()); \
  }                                                                            \
  declaration = **std::move(MOQ_CONCAT(polled_, __LINE__))

StreamReader::StreamReader(std::unique_ptr<transport::RecvStream> stream, Draft draft)
    : stream_(std::move(stream)), draft_(draft) {}

Error StreamReader::fail_with(Error error) {
  if (!failed_) failed_ = std::move(error);
  chunk_ = {};
  part_ = {};
  return *failed_;
}

Poll<Result<bool>> StreamReader::poll_fill(const Waiter& waiter, std::uint64_t want) {
  if (failed_) return std::unexpected(*failed_);
  if (!chunk_.empty()) return true;
  const auto max = static_cast<std::size_t>(std::clamp<std::uint64_t>(want, 1, kMaxChunkBytes));
  auto read = stream_->poll_read(waiter, max);
  if (read.pending()) return kio::kPending;
  if (!*read) {
    return std::unexpected(fail_with(from_stream_error(std::move(*read).error(), draft_)));
  }
  chunk_ = **std::move(read);
  return !chunk_.empty();
}

template <typename Parse>
auto StreamReader::poll_item(const Waiter& waiter, Parse parse)
    -> Poll<Result<std::optional<ParsedBy<Parse>>>> {
  using Item = ParsedBy<Parse>;
  if (failed_) return std::unexpected(*failed_);
  for (;;) {
    if (part_.empty() && chunk_.empty()) {
      MOQ_POLL(const bool more, poll_fill(waiter, kHeadChunkBytes));
      if (!more) return std::optional<Item>();
    }
    const bool split = !part_.empty();
    Reader in = reader_of(split ? ByteSpan(part_) : chunk_.span(), draft_);
    Item item = parse(in, split ? nullptr : &chunk_);
    if (in.ok()) {
      if (split) {
        part_ = {};
      } else {
        chunk_.take_front(in.position());
      }
      return std::optional<Item>(std::move(item));
    }
    if (in.error() != DecodeError::truncated) {
      return std::unexpected(fail_with(to_error(in.error(), "stream")));
    }
    // All that is here belongs to the item. Nothing beyond it is copied.
    if (!split) {
      part_.assign(chunk_.begin(), chunk_.end());
      chunk_ = {};
    }
    MOQ_POLL(const bool more,
             poll_fill(waiter, std::max<std::uint64_t>(in.missing(), kHeadChunkBytes)));
    if (!more) return std::unexpected(fail_with(to_error(DecodeError::truncated, "stream")));
    const Bytes next = chunk_.take_front(static_cast<std::size_t>(in.missing()));
    part_.insert(part_.end(), next.begin(), next.end());
  }
}

template <typename Parse>
auto StreamReader::poll_inner(const Waiter& waiter, Parse parse) -> Poll<Result<ParsedBy<Parse>>> {
  MOQ_POLL(auto item, poll_item(waiter, parse));
  if (!item) return std::unexpected(fail_with(to_error(DecodeError::truncated, "stream")));
  return *std::move(item);
}

Poll<Result<std::optional<std::uint64_t>>> StreamReader::poll_varint(const Waiter& waiter) {
  return poll_item(waiter, [](Reader& in, const Bytes*) { return in.varint(); });
}

Poll<Result<std::optional<RawMessage>>> StreamReader::poll_raw(const Waiter& waiter) {
  return poll_item(waiter, [](Reader& in, const Bytes* chunk) {
    const std::uint64_t type = in.varint();
    return RawMessage{.type = type, .body = read_body(in, chunk)};
  });
}

Poll<Result<Bytes>> StreamReader::poll_body(const Waiter& waiter) {
  return poll_inner(waiter, read_body);
}

Poll<Result<std::optional<Message>>> StreamReader::poll_message(const Waiter& waiter) {
  MOQ_POLL(const std::optional<RawMessage> raw, poll_raw(waiter));
  if (!raw) return std::optional<Message>();
  auto message = decode_message(*raw, draft_);
  if (!message) return std::unexpected(fail_with(std::move(message).error()));
  return std::optional(*std::move(message));
}

Poll<Result<SubgroupHeader>> StreamReader::poll_subgroup_header(const Waiter& waiter,
                                                                std::uint64_t type) {
  MOQ_POLL(const SubgroupHeader header, poll_inner(waiter, [&](Reader& in, const Bytes*) {
             return SubgroupHeader::read(in, type, draft_);
           }));
  objects_.emplace<SubgroupObjectReader>(header, draft_);
  return header;
}

Poll<Result<FetchHeader>> StreamReader::poll_fetch_header(const Waiter& waiter) {
  return poll_inner(waiter, [](Reader& in, const Bytes*) { return FetchHeader::read(in); });
}

void StreamReader::begin_fetch(GroupOrder order) {
  objects_.emplace<FetchObjectReader>(order, draft_);
}

Poll<Result<std::optional<Object>>> StreamReader::poll_object(const Waiter& waiter) {
  MOQ_ASSERT(payload_left_ == 0);
  MOQ_POLL(const std::optional<Object> object, poll_item(waiter, [&](Reader& in, const Bytes*) {
             if (auto* subgroup = std::get_if<SubgroupObjectReader>(&objects_)) {
               return subgroup->read(in);
             }
             auto* fetch = std::get_if<FetchObjectReader>(&objects_);
             MOQ_ASSERT(fetch != nullptr);
             return fetch->read(in);
           }));
  if (!object) return object;
  if (object->payload_bytes > kMaxFrameBytes) {
    return std::unexpected(
        fail_with(Error(Code::frame_too_large, "announced by an object's length")));
  }
  payload_left_ = object->payload_bytes;
  return object;
}

Poll<Result<Bytes>> StreamReader::poll_payload(const Waiter& waiter) {
  if (failed_) return std::unexpected(*failed_);
  if (payload_left_ == 0) return Bytes();
  MOQ_POLL(const bool more, poll_fill(waiter, payload_left_));
  if (!more) return std::unexpected(fail_with(Error(Code::wrong_size, "FIN inside a payload")));
  Bytes part = chunk_.take_front(static_cast<std::size_t>(payload_left_));
  payload_left_ -= part.size();
  return part;
}

Poll<Result<void>> StreamReader::poll_end(const Waiter& waiter) {
  MOQ_POLL(const bool more, poll_fill(waiter, kHeadChunkBytes));
  if (!more) return Result<void>();
  return std::unexpected(
      fail_with(Error(Code::protocol_violation, "data after the last message of a stream")));
}

Poll<Result<void>> StreamReader::poll_discard(const Waiter& waiter) {
  for (;;) {
    MOQ_POLL(const bool more, poll_fill(waiter, kHeadChunkBytes));
    if (!more) return Result<void>();
    chunk_ = {};
  }
}

#undef MOQ_POLL

}  // namespace moq::net::moqt
