#include "moq/transport/webtransport/internal/connect_stream.h"

#include <gtest/gtest.h>

#include "moq/transport/webtransport/internal/hex_test.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::string_view kHeaders = "01 03 00 00 d9";  // :status 200
constexpr std::string_view kClose = "00 0e 68 43 0b 00 00 00 00 64 72 6f 70 70 65 64";

using NeedMore = ConnectStream::NeedMore;

/// A stream on which the headers were read.
ConnectStream open_stream() {
  ConnectStream stream;
  stream.push(from_hex(kHeaders));
  const auto event = stream.next();
  EXPECT_TRUE(event && std::holds_alternative<std::vector<Header>>(*event));
  return stream;
}
std::optional<CloseInfo> close_of(ConnectStream& stream) {
  const auto event = stream.next();
  if (!event || !std::holds_alternative<CloseInfo>(*event)) return std::nullopt;
  return std::get<CloseInfo>(*event);
}
H3Code error_of(ConnectStream& stream) {
  const auto event = stream.next();
  return event ? H3Code::no_error : event.error().code;
}
H3Code error_after_headers(ByteSpan bytes) {
  ConnectStream stream = open_stream();
  stream.push(bytes);
  return error_of(stream);
}

// The vectors of the session sheet.
TEST(ConnectStream, CloseIsTheVector) {
  EXPECT_EQ(encode_close({.code = 0, .reason = "dropped"}), hex(kClose));
  EXPECT_EQ(encode_close({.code = 2, .reason = ""}), hex("00 07 68 43 04 00 00 00 02"));
}

TEST(ConnectStream, ReadsACloseHoweverItArrives) {
  const auto bytes = from_hex(kClose);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    ConnectStream stream = open_stream();
    stream.push(ByteSpan(bytes).first(cut));
    const auto event = stream.next();
    ASSERT_TRUE(event && std::holds_alternative<NeedMore>(*event)) << cut;
    stream.push(ByteSpan(bytes).subspan(cut));
    EXPECT_EQ(close_of(stream), (CloseInfo{.code = 0, .reason = "dropped"})) << cut;
  }
}

TEST(ConnectStream, ReadsACapsuleSpreadOverFrames) {
  const auto capsule = from_hex("68 43 0b 00 00 00 09 64 72 6f 70 70 65 64");
  ConnectStream stream = open_stream();
  for (const std::uint8_t byte : capsule) stream.push(tlv(0x00, ByteSpan(&byte, 1)));
  EXPECT_EQ(close_of(stream), (CloseInfo{.code = 9, .reason = "dropped"}));
}

TEST(ConnectStream, IgnoresUnknownCapsulesAndFrames) {
  ConnectStream stream = open_stream();
  // Capsules 0x00 and the reserved 0x17; a reserved frame.
  stream.push(from_hex("00 05 00 01 aa 17 00 21 01 ff"));
  EXPECT_EQ(error_of(stream), H3Code::no_error);
  stream.push(from_hex(kClose));
  EXPECT_TRUE(close_of(stream));
}

TEST(ConnectStream, EndsWithCodeZeroOrAReason) {
  EXPECT_EQ(open_stream().finish(), CloseInfo{});

  ConnectStream early;
  EXPECT_EQ(early.finish().error().code, H3Code::request_incomplete);

  ConnectStream in_frame = open_stream();
  in_frame.push(from_hex("00 02 68"));
  EXPECT_EQ(error_of(in_frame), H3Code::no_error);
  EXPECT_EQ(in_frame.finish().error().code, H3Code::frame_error);

  ConnectStream in_capsule = open_stream();
  in_capsule.push(from_hex("00 02 68 43"));
  EXPECT_EQ(error_of(in_capsule), H3Code::no_error);
  EXPECT_EQ(in_capsule.finish().error().code, H3Code::message_error);
}

TEST(ConnectStream, HeadersComeFirstAndOnce) {
  ConnectStream stream;
  stream.push(from_hex("00 00"));
  EXPECT_EQ(error_of(stream), H3Code::frame_unexpected);
  EXPECT_EQ(error_after_headers(from_hex(kHeaders)), H3Code::frame_unexpected);
}

TEST(ConnectStream, SkipsUnknownFramesBeforeHeaders) {
  ConnectStream stream;
  stream.push(from_hex("21 01 00" + std::string(kHeaders)));
  const auto event = stream.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<std::vector<Header>>(*event), (std::vector<Header>{{":status", "200"}}));
}

TEST(ConnectStream, MoreHeadersMayFollowInformationalOnes) {
  ConnectStream stream = open_stream();
  stream.expect_more_headers();
  stream.push(from_hex(kHeaders));
  const auto event = stream.next();
  EXPECT_TRUE(event && std::holds_alternative<std::vector<Header>>(*event));
}

TEST(ConnectStream, FramesOfOtherStreamsDoNotBelongHere) {
  for (const char* frame :
       {"03 01 00", "04 00", "05 00", "07 01 00", "0d 01 00", "02 00", "06 00", "08 00", "09 00"}) {
    EXPECT_EQ(error_after_headers(from_hex(frame)), H3Code::frame_unexpected) << frame;
  }
}

TEST(ConnectStream, BadHeadersFailByTheirCode) {
  ConnectStream stream;
  stream.push(from_hex("01 03 00 00 80"));
  EXPECT_EQ(error_of(stream), H3Code::qpack_decompression_failed);
}

TEST(ConnectStream, ACloseHasAWholeCode) {
  for (const char* frame : {"00 03 68 43 00", "00 06 68 43 03 00 00 00"}) {
    EXPECT_EQ(error_after_headers(from_hex(frame)), H3Code::message_error) << frame;
  }
}

TEST(ConnectStream, FramesAndCapsulesAreLimited) {
  EXPECT_EQ(error_after_headers(from_hex("00 80 01 00 01")), H3Code::excessive_load);
  EXPECT_EQ(error_after_headers(from_hex("01 ff ff ff ff ff ff ff ff")), H3Code::excessive_load);
  EXPECT_EQ(error_after_headers(from_hex("00 05 00 80 01 00 01")), H3Code::excessive_load);

  // A capsule as long as the limit takes two frames.
  const auto capsule = tlv(0x17, std::vector<std::uint8_t>(kMaxCapsuleBytes));
  ConnectStream stream = open_stream();
  stream.push(tlv(0x00, ByteSpan(capsule).first(kMaxFrameBytes)));
  EXPECT_EQ(error_of(stream), H3Code::no_error);
  stream.push(tlv(0x00, ByteSpan(capsule).subspan(kMaxFrameBytes)));
  EXPECT_EQ(error_of(stream), H3Code::no_error);
  EXPECT_TRUE(stream.finish());
}

TEST(ConnectStream, LongReasonsAreCutAtACharacter) {
  EXPECT_EQ(cut_reason(std::string(kMaxReasonBytes, 'a')).size(), kMaxReasonBytes);
  EXPECT_EQ(cut_reason(std::string(kMaxReasonBytes + 1, 'a')).size(), kMaxReasonBytes);
  const std::string wide = std::string(kMaxReasonBytes - 1, 'a') + "\xc3\xa4";
  EXPECT_EQ(cut_reason(wide).size(), kMaxReasonBytes - 1);
  EXPECT_EQ(cut_reason("\xff\xfe"), "");
}

}  // namespace
}  // namespace moq::transport::webtransport
