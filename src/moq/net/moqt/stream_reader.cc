#include "moq/net/moqt/stream_reader.h"

#include <algorithm>

#include "moq/net/internal/poll_try.h"
#include "moq/net/limits.h"

namespace moq::net::moqt {
namespace {

/// The body of a control message, with its length. `chunk`, if not null, is what `in` reads.
Bytes read_body(Reader& in, const Bytes* chunk) {
  const std::uint16_t size = in.u16();
  const ByteSpan body = in.bytes(size);
  if (!in.ok()) return {};
  if (chunk == nullptr) return Bytes::copy(body);
  return chunk->slice(in.position() - body.size(), body.size());
}

}  // namespace

StreamReader::StreamReader(std::unique_ptr<transport::RecvStream> stream, Draft draft)
    : StreamInput(std::move(stream)), draft_(draft) {}

Error StreamReader::to_meaning(Error error) const {
  return from_stream_error(std::move(error), draft_);
}

template <typename Parse>
auto StreamReader::poll_item(const Waiter& waiter, Parse parse)
    -> Poll<Result<std::optional<ParsedBy<Parse>>>> {
  using Item = ParsedBy<Parse>;
  if (failed()) return std::unexpected(*failed());
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
    if (!more) return std::unexpected(fail_truncated());
    const Bytes next = chunk_.take_front(static_cast<std::size_t>(in.missing()));
    part_.insert(part_.end(), next.begin(), next.end());
  }
}

template <typename Parse>
auto StreamReader::poll_inner(const Waiter& waiter, Parse parse) -> Poll<Result<ParsedBy<Parse>>> {
  MOQ_POLL(auto item, poll_item(waiter, parse));
  if (!item) return std::unexpected(fail_truncated());
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
  MOQ_ASSERT(payload_remaining() == 0);
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
  begin_payload(object->payload_bytes);
  return object;
}

}  // namespace moq::net::moqt
