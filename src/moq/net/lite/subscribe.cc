#include "moq/net/lite/subscribe.h"

#include <algorithm>
#include <utility>

#include "moq/net/lite/message.h"

namespace moq::net::lite {
namespace {

/// The dead `ordered` byte: written as 0, ignored on receipt.
void skip_ordered(Reader& in, Version version) {
  if (has_ordered_byte(version)) in.skip(1);
}

void write_ordered(Writer& out, Version version) {
  if (has_ordered_byte(version)) out.u8(0);
}

SubscribeRange read_range(Reader& in, Version version) {
  SubscribeRange range{.priority = in.u8()};
  if (!has_group_range(version)) return range;
  skip_ordered(in, version);
  range.max_age = read_ms(in);
  if (has_raw_group_start(version)) {
    range.group_start = in.varint();
  } else {
    range.group_start = in.optional_varint();
  }
  range.group_end = in.optional_varint();
  if (!has_frame_range(version)) return range;
  range.frame_start = in.varint();
  range.frame_end = in.optional_varint();
  if (range.frame_end && !range.group_end) in.fail(DecodeError::out_of_range);
  return range;
}

void write_range(Writer& out, const SubscribeRange& range, Version version) {
  out.u8(range.priority);
  if (!has_group_range(version)) return;
  write_ordered(out, version);
  write_ms(out, range.max_age);
  if (has_raw_group_start(version)) {
    out.varint(range.group_start.value_or(0));
  } else {
    write_optional(out, range.group_start);
  }
  write_optional(out, range.group_end);
  if (!has_frame_range(version)) return;
  out.varint(range.frame_start);
  // The last frame of an open range means nothing, and is refused.
  const bool bounded = range.group_end && *range.group_end < kMaxVarint;
  write_optional(out, bounded ? range.frame_end : std::nullopt);
}

/// Which number each answer goes by; none if `version` lacks it.
std::optional<std::uint64_t> type_of(const SubscribeAnswer& answer, Version version) {
  const auto when = [](bool valid, std::uint64_t type) {
    return valid ? std::optional(type) : std::nullopt;
  };
  if (std::holds_alternative<SubscribeOk>(answer)) return when(has_subscribe_ok(version), 0);
  if (std::holds_alternative<SubscribeStart>(answer)) return when(has_subscribe_end(version), 0);
  if (std::holds_alternative<SubscribeEnd>(answer)) return when(has_subscribe_end(version), 1);
  return when(has_subscribe_drop(version), has_subscribe_end(version) ? 2 : 1);
}

template <Message M>
Result<SubscribeAnswer> decode_as(ByteSpan body, Version version) {
  auto message = decode_message<M>(body, version);
  if (!message) return std::unexpected(std::move(message).error());
  return SubscribeAnswer(*message);
}

}  // namespace

Result<Subscribe, DecodeError> Subscribe::decode(Reader& in, Version version) {
  Subscribe subscribe{.id = in.varint(),
                      .broadcast = read_path(in),
                      .track = read_track_name(in),
                      .range = read_range(in, version)};
  return in.finish(std::move(subscribe));
}

void Subscribe::encode(Writer& out, Version version) const {
  out.varint(id).text(broadcast.text()).text(track);
  write_range(out, range, version);
}

Result<SubscribeUpdate, DecodeError> SubscribeUpdate::decode(Reader& in, Version version) {
  const SubscribeUpdate update{.range = read_range(in, version)};
  return in.finish(update);
}

void SubscribeUpdate::encode(Writer& out, Version version) const {
  write_range(out, range, version);
}

Result<SubscribeOk, DecodeError> SubscribeOk::decode(Reader& in, Version version) {
  SubscribeOk answer;
  if (version != Version::lite_02) answer.priority = in.u8();
  if (!has_group_range(version)) return in.finish(answer);
  skip_ordered(in, version);
  answer.max_age = read_ms(in);
  answer.group_start = in.optional_varint();
  answer.group_end = in.optional_varint();
  return in.finish(answer);
}

void SubscribeOk::encode(Writer& out, Version version) const {
  if (version != Version::lite_02) out.u8(priority);
  if (!has_group_range(version)) return;
  write_ordered(out, version);
  write_ms(out, max_age);
  write_optional(out, group_start);
  write_optional(out, group_end);
}

Result<SubscribeStart, DecodeError> SubscribeStart::decode(Reader& in, Version) {
  const SubscribeStart start{.group = in.varint()};
  return in.finish(start);
}

void SubscribeStart::encode(Writer& out, Version) const { out.varint(group); }

Result<SubscribeEnd, DecodeError> SubscribeEnd::decode(Reader& in, Version version) {
  SubscribeEnd end{.group = in.varint()};
  if (has_end_stream_count(version)) end.streams = in.varint();
  return in.finish(end);
}

void SubscribeEnd::encode(Writer& out, Version version) const {
  // The number after the largest has no code.
  out.varint(std::min(group, kMaxVarint));
  if (has_end_stream_count(version)) out.varint(streams);
}

Result<SubscribeDrop, DecodeError> SubscribeDrop::decode(Reader& in, Version) {
  const SubscribeDrop drop{
      .group_start = in.varint(), .group_end = in.varint(), .error_code = in.varint()};
  if (drop.group_end < drop.group_start) in.fail(DecodeError::out_of_range);
  return in.finish(drop);
}

void SubscribeDrop::encode(Writer& out, Version) const {
  out.varint(group_start).varint(group_end).varint(error_code);
}

Result<SubscribeAnswer> decode_answer(std::uint64_t type, ByteSpan body, Version version) {
  if (!has_answer_types(version)) return decode_as<SubscribeOk>(body, version);
  if (has_subscribe_ok(version)) {
    if (type == 0) return decode_as<SubscribeOk>(body, version);
    if (type == 1) return decode_as<SubscribeDrop>(body, version);
  } else {
    if (type == 0) return decode_as<SubscribeStart>(body, version);
    if (type == 1) return decode_as<SubscribeEnd>(body, version);
    if (type == 2 && has_subscribe_drop(version)) return decode_as<SubscribeDrop>(body, version);
  }
  return std::unexpected(to_error(DecodeError::unknown, "answer to SUBSCRIBE"));
}

Bytes encode_answer(const SubscribeAnswer& answer, Version version) {
  const std::optional<std::uint64_t> type = type_of(answer, version);
  MOQ_ASSERT(type.has_value());
  Writer out(varint_kind(version));
  if (has_answer_types(version)) out.varint(*type);
  std::visit([&](const auto& message) { write_message(out, message, version); }, answer);
  return out.take();
}

}  // namespace moq::net::lite
