#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/net/lite/test_support.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/message.h"
#include "moq/net/moqt/stream_reader.h"

/// For the tests of the codec alone.
namespace moq::net::moqt {

using lite::FakeRecvStream;
using lite::from_hex;
using lite::wait_for;

/// As the sheets write bytes: "010aff".
inline std::string hex_of(ByteSpan bytes) {
  std::string out;
  for (const char c : lite::to_hex(bytes)) {
    if (c != ' ') out.push_back(c);
  }
  return out;
}

inline std::string hex_of(const Bytes& bytes) { return hex_of(bytes.span()); }

/// The drafts from `first` to `last`.
inline std::vector<Draft> drafts(int first, int last) {
  std::vector<Draft> out;
  for (int number = first; number <= last; ++number) out.push_back(static_cast<Draft>(number));
  return out;
}

/// The names of all vectors.
inline TrackNamespace name_of_cam() { return {.fields = {"live", "cam"}}; }
inline FullTrackName name_of_video() { return {.track_namespace = name_of_cam(), .name = "video"}; }

/// Splits a framed message; its length must be right.
inline RawMessage unframe(ByteSpan bytes, Draft draft) {
  Reader in = reader_of(bytes, draft);
  RawMessage raw{.type = in.varint()};
  raw.body = Bytes::copy(in.bytes(in.u16()));
  EXPECT_TRUE(in.finish(0).has_value());
  return raw;
}

inline RawMessage unframe(const Bytes& bytes, Draft draft) { return unframe(bytes.span(), draft); }

/// A body of the given fields.
template <typename Fill>
Bytes body_of(Draft draft, Fill fill) {
  Writer out = writer_of(draft);
  fill(out);
  return out.take();
}

/// Checks one message against bytes of known origin: written and read alike, in every chunking;
/// never read the same when cut anywhere or with a byte too many.
inline void expect_vector(std::string_view hex, const Message& message, Draft draft) {
  SCOPED_TRACE(std::string(name_of(message)) + " of " + to_string(draft) + ": " + std::string(hex));
  const auto written = encode_message(message, draft);
  ASSERT_TRUE(written.has_value()) << written.error().describe();
  EXPECT_EQ(hex_of(*written), hex);

  const std::vector<std::uint8_t> bytes = from_hex(hex);
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
    StreamReader reader(FakeRecvStream::chunked(bytes, chunk), draft);
    const auto poll = [&](const Waiter& waiter) { return reader.poll_message(waiter); };
    const Result<std::optional<Message>> read = wait_for(poll);
    ASSERT_TRUE(read.has_value()) << read.error().describe();
    EXPECT_TRUE(*read == message);
    const Result<std::optional<Message>> end = wait_for(poll);
    ASSERT_TRUE(end.has_value());
    EXPECT_FALSE(end->has_value());
  }
  // FIN inside the message.
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    StreamReader reader(FakeRecvStream::chunked({bytes.data(), cut}, 2), draft);
    const auto read = wait_for([&](const Waiter& waiter) { return reader.poll_message(waiter); });
    ASSERT_FALSE(read.has_value()) << "cut at " << cut;
    EXPECT_EQ(read.error().code, Code::decode);
  }
  // A length that cuts the fields, and one that leaves a byte over. Where a list runs to the end of
  // the message, less of it may be a message too.
  RawMessage raw = unframe(bytes, draft);
  const Bytes whole = raw.body;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    raw.body = whole.slice(0, cut);
    const auto read = decode_message(raw, draft);
    EXPECT_FALSE(read && *read == message) << "body cut at " << cut;
  }
  Writer longer;
  raw.body = longer.bytes(whole).u8(0).take();
  EXPECT_FALSE(decode_message(raw, draft).has_value());
}

/// What is wrong with a body, or "" if nothing.
inline std::string decode_failure(std::uint64_t type, const Bytes& body, Draft draft) {
  const auto message = decode_message({.type = type, .body = body}, draft);
  if (message) return "";
  EXPECT_EQ(message.error().code, Code::decode);
  const std::string& text = message.error().text;
  return text.substr(text.find(": ") + 2);
}

}  // namespace moq::net::moqt
