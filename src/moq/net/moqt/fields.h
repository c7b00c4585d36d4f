#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/properties.h"

/// Fields that several messages have.
namespace moq::net::moqt {

/// A Request ID of a request, with what draft 17 puts behind it.
std::uint64_t read_request_id(Reader& in, Draft draft);
void write_request_id(Writer& out, std::uint64_t id, Draft draft);

/// The Request ID of an answer, where `draft` has one.
std::optional<std::uint64_t> read_reply_id(Reader& in, Draft draft);
/// A missing one is written as 0.
void write_reply_id(Writer& out, std::optional<std::uint64_t> id, Draft draft);

/// Text of at most `kMaxReasonBytes`.
std::string read_reason(Reader& in);
/// A longer reason is cut off, between characters.
void write_reason(Writer& out, std::string_view reason);

/// Whole milliseconds; 0 = none.
std::optional<Duration> read_optional_ms(Reader& in);
void write_optional_ms(Writer& out, std::optional<Duration> duration);

/// The group order of draft 14: one byte, 0 = as the publisher has it.
std::optional<GroupOrder> read_inline_order(Reader& in);
void write_inline_order(Writer& out, std::optional<GroupOrder> order);

}  // namespace moq::net::moqt
