#include "moq/transport/qmux/internal/frame.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "moq/transport/qmux/internal/hex_test.h"

namespace moq::transport::qmux {
namespace {

constexpr Framing kAll[] = {Framing::webtransport, Framing::qmux_00, Framing::qmux_01,
                            Framing::qmux_02};

std::string encoded(const std::function<void(Writer&)>& encode) {
  Writer out;
  encode(out);
  EXPECT_TRUE(out.ok());
  return to_hex(out.span());
}

std::expected<Frame, DecodeError> decode(std::string_view hex, Framing framing = Framing::qmux_01) {
  static std::vector<std::uint8_t> bytes;  // Frames borrow it.
  bytes = from_hex(hex);
  Reader in(bytes);
  auto frame = decode_frame(in, framing);
  if (frame && in.remaining() > 0) return std::unexpected(DecodeError::trailing);
  return frame;
}

template <typename T>
T decoded(std::string_view hex, Framing framing = Framing::qmux_01) {
  const auto frame = decode(hex, framing);
  EXPECT_TRUE(frame) << hex << ": " << (frame ? "" : to_string(frame.error()));
  if (!frame || !std::holds_alternative<T>(*frame)) {
    ADD_FAILURE() << hex << " is another frame";
    return {};
  }
  return std::get<T>(*frame);
}

// The vectors are those of wire/session.md §6.7, which were taken from Rust peers.

TEST(Frame, StreamsMatchTheVectors) {
  const StreamData hi{.id = 4, .offset = 5, .fin = false, .data = as_bytes("hi")};
  EXPECT_EQ(encoded([&](Writer& out) { encode_stream(out, hi, Framing::qmux_01); }),
            "0e0405026869");
  const StreamData bye{.id = 8, .offset = 0, .fin = true, .data = as_bytes("bye")};
  EXPECT_EQ(encoded([&](Writer& out) { encode_stream(out, bye, Framing::qmux_01); }),
            "0f080003627965");
  EXPECT_EQ(encoded([&](Writer& out) {
              encode_stream(out, {.id = 4, .data = as_bytes("hi")}, Framing::webtransport);
            }),
            "08046869");

  const auto got = decoded<StreamData>("0e0405026869");
  EXPECT_EQ(got.id, 4u);
  EXPECT_EQ(got.offset, 5u);
  EXPECT_FALSE(got.fin);
  EXPECT_EQ(as_text(got.data), "hi");
  EXPECT_TRUE(decoded<StreamData>("0f080003627965").fin);
  EXPECT_EQ(as_text(decoded<StreamData>("08046869", Framing::webtransport).data), "hi");
  EXPECT_TRUE(decoded<StreamData>("09046869", Framing::webtransport).fin);
}

TEST(Frame, StreamsMayLeaveOutOffsetAndLength) {
  EXPECT_EQ(as_text(decoded<StreamData>("08046869").data), "hi");
  EXPECT_EQ(as_text(decoded<StreamData>("0904").data), "");
  EXPECT_EQ(as_text(decoded<StreamData>("0a04026869").data), "hi");
  EXPECT_EQ(decoded<StreamData>("0c04056869").offset, 5u);
}

TEST(Frame, ControlFramesMatchTheVectors) {
  const ResetStream reset{.id = 4, .code = 42, .final_size = 128};
  ResetStream reset_at = reset;
  reset_at.reliable_size = 64;
  const Framing qmux = Framing::qmux_01;
  EXPECT_EQ(encoded([&](Writer& out) { encode_reset(out, reset, qmux); }), "04042a4080");
  EXPECT_EQ(encoded([&](Writer& out) { encode_reset(out, reset_at, qmux); }), "24042a40804040");
  EXPECT_EQ(encoded([&](Writer& out) { encode_reset(out, reset, Framing::webtransport); }),
            "04042a");
  EXPECT_EQ(encoded([&](Writer& out) { encode_stop(out, {.id = 4, .code = 42}); }), "05042a");
  EXPECT_EQ(encoded([&](Writer& out) { encode_max_data(out, 2 << 20); }), "1080200000");
  EXPECT_EQ(encoded([&](Writer& out) { encode_max_stream_data(out, {.id = 3, .max = 512 << 10}); }),
            "110380080000");
  EXPECT_EQ(encoded([&](Writer& out) { encode_max_streams(out, {.bidi = true, .max = 101}); }),
            "124065");
  EXPECT_EQ(encoded([&](Writer& out) { encode_max_streams(out, {.bidi = false, .max = 101}); }),
            "134065");
  EXPECT_EQ(encoded([&](Writer& out) { encode_datagram(out, as_bytes("hi")); }), "31026869");
  EXPECT_EQ(encoded([&](Writer& out) { encode_ping(out, {.response = false, .sequence = 0}); }),
            "f48c67529ef8c7bd00");
  EXPECT_EQ(encoded([&](Writer& out) { encode_ping(out, {.response = true, .sequence = 0}); }),
            "f48c67529ef8c7be00");

  EXPECT_EQ(decoded<ResetStream>("04042a4080"), reset);
  EXPECT_EQ(decoded<ResetStream>("24042a40804040", Framing::qmux_02), reset_at);
  EXPECT_EQ(decoded<ResetStream>("04042a", Framing::webtransport),
            (ResetStream{.id = 4, .code = 42}));
  EXPECT_EQ(decoded<StopSending>("05042a"), (StopSending{.id = 4, .code = 42}));
  EXPECT_EQ(decoded<MaxData>("1080200000"), MaxData{2 << 20});
  EXPECT_EQ(decoded<MaxStreamData>("110380080000"), (MaxStreamData{.id = 3, .max = 512 << 10}));
  EXPECT_EQ(decoded<MaxStreams>("124065"), (MaxStreams{.bidi = true, .max = 101}));
  EXPECT_EQ(decoded<MaxStreams>("134065"), (MaxStreams{.bidi = false, .max = 101}));
  EXPECT_EQ(decoded<Ping>("f48c67529ef8c7bd05"), (Ping{.response = false, .sequence = 5}));
  EXPECT_EQ(decoded<Ping>("f48c67529ef8c7be05"), (Ping{.response = true, .sequence = 5}));
}

TEST(Frame, ClosesMatchTheVectors) {
  const Close dropped{.application = true, .code = 0, .reason = "dropped"};
  const Close bad{.application = false, .code = 1002, .reason = "bad"};
  const Close bye{.application = true, .code = 42, .reason = "bye"};
  EXPECT_EQ(encoded([&](Writer& out) { encode_close(out, dropped, Framing::qmux_01); }),
            "1d000764726f70706564");
  EXPECT_EQ(encoded([&](Writer& out) { encode_close(out, bad, Framing::qmux_01); }),
            "1c43ea0003626164");
  EXPECT_EQ(encoded([&](Writer& out) { encode_close(out, bye, Framing::webtransport); }),
            "1d2a627965");
  EXPECT_EQ(decoded<Close>("1d000764726f70706564"), dropped);
  EXPECT_EQ(decoded<Close>("1c43ea0003626164"), bad);
  EXPECT_EQ(decoded<Close>("1d2a627965", Framing::webtransport), bye);
}

TEST(Frame, DatagramsTellTheirWholeSize) {
  EXPECT_EQ(as_text(decoded<Datagram>("31026869").data), "hi");
  EXPECT_EQ(decoded<Datagram>("31026869").frame_bytes, 4u);
  EXPECT_EQ(as_text(decoded<Datagram>("306869").data), "hi");
  EXPECT_EQ(decoded<Datagram>("306869").frame_bytes, 3u);
  EXPECT_EQ(datagram_bytes(2), 4u);
}

TEST(Frame, WhatAsksForNothingIsIgnored) {
  EXPECT_TRUE(decoded<Ignored>("00").padding);
  for (const char* hex : {"1405", "150405", "1605", "1705"}) {
    EXPECT_FALSE(decoded<Ignored>(hex).padding) << hex;
  }
}

TEST(Frame, EachFramingHasItsOwnFrames) {
  const auto unknown = [](std::string_view hex, Framing framing) {
    const auto frame = decode(hex, framing);
    EXPECT_FALSE(frame) << hex << " in " << to_string(framing);
    if (!frame) {
      EXPECT_EQ(frame.error(), DecodeError::unknown) << hex;
    }
  };
  for (const Framing framing : kAll) {
    unknown("01", framing);
    unknown("4040", framing);
    if (!has_records(framing)) {
      unknown("31026869", framing);
      unknown("f48c67529ef8c7bd00", framing);
    }
    if (framing != Framing::qmux_02) unknown("24042a40804040", framing);
  }
  for (const char* hex : {"00", "0e0405026869", "1080200000", "ff5153300d0a0d0a00"}) {
    unknown(hex, Framing::webtransport);
  }
}

TEST(Frame, CodesHave32Bits) {
  EXPECT_EQ(decoded<StopSending>("0504c0000000ffffffff").code, 0xffffffffu);
  for (const char* hex : {"0504c000000100000000", "0404c00000010000000000"}) {
    const auto frame = decode(hex);
    ASSERT_FALSE(frame) << hex;
    EXPECT_EQ(frame.error(), DecodeError::out_of_range);
  }
}

TEST(Frame, AResetNeverPromisesMoreThanItHas) {
  EXPECT_FALSE(
      decode("24042a404040"
             "80",
             Framing::qmux_02));
}

TEST(Frame, ALongReasonIsCut) {
  const Close close{.application = true, .code = 1, .reason = std::string(2000, 'x')};
  Writer out;
  encode_close(out, close, Framing::qmux_01);
  EXPECT_EQ(decoded<Close>(to_hex(out.span())).reason.size(), kMaxReasonBytes);
}

TEST(Frame, EveryCutFails) {
  for (const char* hex :
       {"0e0405026869", "04042a4080", "05042a", "1080200000", "110380080000", "124065", "31026869",
        "f48c67529ef8c7bd00", "1d000764726f70706564", "1c43ea0003626164", "150405",
        "ff5153300d0a0d0a0201"
        "00",
        "24042a40804040"}) {
    const std::string_view whole(hex);
    ASSERT_TRUE(decode(whole, Framing::qmux_02)) << hex;
    for (std::size_t size = 0; size < whole.size(); size += 2) {
      const auto frame = decode(whole.substr(0, size), Framing::qmux_02);
      ASSERT_FALSE(frame) << hex << " cut at " << size;
      EXPECT_EQ(frame.error(), DecodeError::truncated) << hex << " cut at " << size;
    }
    EXPECT_EQ(decode(std::string(whole) + "00", Framing::qmux_02).error(), DecodeError::trailing);
  }
}

TEST(Frame, TheOverheadOfAStreamFrameIsKnown) {
  for (const Framing framing : kAll) {
    for (const std::uint64_t id : {std::uint64_t{3}, std::uint64_t{400}, kMaxVarint}) {
      const std::vector<std::uint8_t> data(100);
      Writer out;
      encode_stream(out, {.id = id, .offset = id, .fin = false, .data = data}, framing);
      EXPECT_EQ(out.size() - data.size(), stream_overhead(id, id, data.size(), framing));
    }
  }
}

}  // namespace
}  // namespace moq::transport::qmux
