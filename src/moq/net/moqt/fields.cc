#include "moq/net/moqt/fields.h"

#include <algorithm>
#include <utility>

#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {

std::uint64_t read_request_id(Reader& in, Draft draft) {
  const std::uint64_t id = in.varint();
  if (has_required_request_delta(draft)) in.varint();
  return id;
}

void write_request_id(Writer& out, std::uint64_t id, Draft draft) {
  out.varint(id);
  if (has_required_request_delta(draft)) out.varint(0);
}

std::optional<std::uint64_t> read_reply_id(Reader& in, Draft draft) {
  if (!has_request_ids_in_replies(draft)) return std::nullopt;
  return in.varint();
}

void write_reply_id(Writer& out, std::optional<std::uint64_t> id, Draft draft) {
  if (has_request_ids_in_replies(draft)) out.varint(id.value_or(0));
}

std::string read_reason(Reader& in) { return std::string(in.text(kMaxReasonBytes)); }

void write_reason(Writer& out, std::string_view reason) {
  if (reason.size() > kMaxReasonBytes) {
    std::size_t size = kMaxReasonBytes;
    while (size > 0 && (static_cast<std::uint8_t>(reason[size]) & 0xc0) == 0x80) --size;
    reason = reason.substr(0, size);
  }
  out.text(reason);
}

std::optional<Duration> read_optional_ms(Reader& in) {
  const std::uint64_t ms = in.varint();
  if (ms == 0) return std::nullopt;
  return from_ms(ms);
}

void write_optional_ms(Writer& out, std::optional<Duration> duration) {
  out.varint(duration ? static_cast<std::uint64_t>(std::max<std::int64_t>(to_ms(*duration), 0))
                      : 0);
}

std::optional<GroupOrder> read_inline_order(Reader& in) {
  const std::uint8_t order = in.u8();
  if (order > std::to_underlying(GroupOrder::descending)) in.fail(DecodeError::out_of_range);
  if (order == 0) return std::nullopt;
  return static_cast<GroupOrder>(order);
}

void write_inline_order(Writer& out, std::optional<GroupOrder> order) {
  out.u8(order ? std::to_underlying(*order) : 0);
}

}  // namespace moq::net::moqt
