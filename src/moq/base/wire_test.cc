#include "moq/base/wire.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/random.h"

namespace moq {
namespace {

using Raw = std::vector<std::uint8_t>;

constexpr std::uint64_t bit(unsigned at) { return std::uint64_t{1} << at; }

Raw written(const std::function<void(Writer&)>& write, Varint varint = Varint::quic) {
  Writer out(varint);
  write(out);
  EXPECT_TRUE(out.ok());
  return out.take_vector();
}

struct Pair {
  Varint codec;
  std::uint64_t value;
  Raw bytes;
};

/// Shortest forms. QUIC: RFC 9000 §A.1 and a table taken from the bytes of the Rust peer
/// (moq-net 0.3.18); leading ones: the same peer and draft-lcurley-moq-lite.
const std::vector<Pair>& shortest() {
  constexpr Varint kQuic = Varint::quic;
  constexpr Varint kOnes = Varint::leading_ones;
  static const std::vector<Pair> pairs{
      {kQuic, 0, {0x00}},
      {kQuic, 37, {0x25}},
      {kQuic, 63, {0x3f}},
      {kQuic, 64, {0x40, 0x40}},
      {kQuic, 127, {0x40, 0x7f}},
      {kQuic, 128, {0x40, 0x80}},
      {kQuic, 500, {0x41, 0xf4}},
      {kQuic, 15293, {0x7b, 0xbd}},
      {kQuic, 16383, {0x7f, 0xff}},
      {kQuic, 16384, {0x80, 0x00, 0x40, 0x00}},
      {kQuic, 494878333, {0x9d, 0x7f, 0x3e, 0x7d}},
      {kQuic, bit(30) - 1, {0xbf, 0xff, 0xff, 0xff}},
      {kQuic, bit(30), {0xc0, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00}},
      {kQuic, bit(42), {0xc0, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00}},
      {kQuic, bit(53) - 1, {0xc0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
      {kQuic, bit(56), {0xc1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
      {kQuic, 151288809941952652, {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}},
      {kQuic, kMaxVarint, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
      {kOnes, 0, {0x00}},
      {kOnes, 37, {0x25}},
      {kOnes, 64, {0x40}},
      {kOnes, 127, {0x7f}},
      {kOnes, 128, {0x80, 0x80}},
      {kOnes, 500, {0x81, 0xf4}},
      {kOnes, 15293, {0xbb, 0xbd}},
      {kOnes, 16383, {0xbf, 0xff}},
      {kOnes, 16384, {0xc0, 0x40, 0x00}},
      {kOnes, bit(21) - 1, {0xdf, 0xff, 0xff}},
      {kOnes, bit(21), {0xe0, 0x20, 0x00, 0x00}},
      {kOnes, bit(28) - 1, {0xef, 0xff, 0xff, 0xff}},
      {kOnes, bit(28), {0xf0, 0x10, 0x00, 0x00, 0x00}},
      {kOnes, bit(30), {0xf0, 0x40, 0x00, 0x00, 0x00}},
      {kOnes, bit(35) - 1, {0xf7, 0xff, 0xff, 0xff, 0xff}},
      {kOnes, bit(35), {0xf8, 0x08, 0x00, 0x00, 0x00, 0x00}},
      {kOnes, 2893212287960, {0xfa, 0xa1, 0xa0, 0xe4, 0x03, 0xd8}},
      {kOnes, bit(42) - 1, {0xfb, 0xff, 0xff, 0xff, 0xff, 0xff}},
      {kOnes, bit(42), {0xfe, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00}},
      {kOnes, bit(53) - 1, {0xfe, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
      {kOnes, 70423237261249041, {0xfe, 0xfa, 0x31, 0x8f, 0xa8, 0xe3, 0xca, 0x11}},
      {kOnes, bit(56) - 1, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
      {kOnes, bit(56), {0xff, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
      {kOnes, kMaxVarint, {0xff, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
  };
  return pairs;
}

/// Longer than needed, or a length no encoder picks; decoders accept them all.
const std::vector<Pair>& longer() {
  constexpr Varint kQuic = Varint::quic;
  constexpr Varint kOnes = Varint::leading_ones;
  static const std::vector<Pair> pairs{
      {kQuic, 37, {0x40, 0x25}},  // RFC 9000 §A.1.
      {kQuic, 37, {0x80, 0x00, 0x00, 0x25}},
      {kQuic, 37, {0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x25}},
      {kQuic, 0, {0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
      {kOnes, 37, {0x80, 0x25}},
      {kOnes, 37, {0xc0, 0x00, 0x25}},
      {kOnes, 37, {0xe0, 0x00, 0x00, 0x25}},
      {kOnes, 37, {0xf0, 0x00, 0x00, 0x00, 0x25}},
      {kOnes, 37, {0xf8, 0x00, 0x00, 0x00, 0x00, 0x25}},
      {kOnes, 37, {0xfc, 0x00, 0x00, 0x00, 0x00, 0x00, 0x25}},
      {kOnes, bit(49) - 1, {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
      {kOnes, 37, {0xfe, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x25}},
      {kOnes, 37, {0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x25}},
  };
  return pairs;
}

TEST(Varint, WritesTheShortestForm) {
  for (const Pair& pair : shortest()) {
    EXPECT_EQ(written([&](Writer& out) { out.varint(pair.value); }, pair.codec), pair.bytes)
        << pair.value;
    if (pair.codec == Varint::quic) {
      EXPECT_EQ(varint_size(pair.value), pair.bytes.size());
    }
  }
}

TEST(Varint, ReadsShortestAndLongerForms) {
  for (const auto* pairs : {&shortest(), &longer()}) {
    for (const Pair& pair : *pairs) {
      Reader in(pair.bytes, pair.codec);
      EXPECT_EQ(in.varint(), pair.value);
      EXPECT_EQ(in.position(), pair.bytes.size());
      EXPECT_TRUE(in.finish(0)) << pair.value;
    }
  }
}

TEST(Varint, CutAtEachByteIsTruncated) {
  for (const auto* pairs : {&shortest(), &longer()}) {
    for (const Pair& pair : *pairs) {
      for (std::size_t size = 0; size < pair.bytes.size(); ++size) {
        Reader in(ByteSpan(pair.bytes).first(size), pair.codec);
        EXPECT_EQ(in.varint(), 0U);
        EXPECT_EQ(in.error(), DecodeError::truncated) << pair.value << " cut to " << size;
      }
    }
  }
}

TEST(Varint, LeadingOnesAboveTheMaximumAreOutOfRange) {
  for (const int first : {0x40, 0x7f, 0x80, 0xff}) {
    const Raw raw{0xff, static_cast<std::uint8_t>(first), 0, 0, 0, 0, 0, 0, 0};
    Reader in(raw, Varint::leading_ones);
    EXPECT_EQ(in.varint(), 0U);
    EXPECT_EQ(in.error(), DecodeError::out_of_range);
  }
}

TEST(Varint, Vi64HoldsAllOf64Bits) {
  const std::vector<std::pair<std::uint64_t, Raw>> vectors{
      {37, {0x25}},
      {128, {0x80, 0x80}},
      {15293, {0xbb, 0xbd}},
      {226442877, {0xed, 0x7f, 0x3e, 0x7d}},
      {2893212287960, {0xfa, 0xa1, 0xa0, 0xe4, 0x03, 0xd8}},
      {70423237261249041, {0xfe, 0xfa, 0x31, 0x8f, 0xa8, 0xe3, 0xca, 0x11}},
      {kMaxVarint + 1, {0xff, 0x40, 0, 0, 0, 0, 0, 0, 0}},
      {UINT64_MAX, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}};
  for (const Varint codec : {Varint::vi64, Varint::vi64_no_7}) {
    for (const auto& [value, bytes] : vectors) {
      EXPECT_EQ(written([&](Writer& out) { out.varint(value); }, codec), bytes) << value;
      Reader in(bytes, codec);
      EXPECT_EQ(in.varint(), value);
      EXPECT_TRUE(in.finish(0).has_value());
    }
    Writer out(codec);
    EXPECT_FALSE(out.optional_varint(UINT64_MAX).ok());
  }
}

TEST(Varint, SevenBytesAreReadExceptInDraft17AndNeverWritten) {
  const Raw seven{0xfc, 0x89, 0x98, 0xab, 0xc6, 0x6b, 0xc0};
  Reader in(seven, Varint::vi64);
  EXPECT_EQ(in.varint(), 151288809941952U);
  EXPECT_TRUE(in.finish(0).has_value());
  Reader old(seven, Varint::vi64_no_7);
  EXPECT_EQ(old.varint(), 0U);
  EXPECT_EQ(old.error(), DecodeError::out_of_range);
  EXPECT_EQ(written([](Writer& out) { out.varint(151288809941952); }, Varint::vi64),
            (Raw{0xfe, 0x00, 0x89, 0x98, 0xab, 0xc6, 0x6b, 0xc0}));
}

TEST(Reader, TellsHowMuchIsMissing) {
  const Raw raw{0x02, 0xc0, 0x00, 0x05};
  Reader varint(ByteSpan(raw).subspan(1, 1));
  varint.varint();
  EXPECT_EQ(varint.error(), DecodeError::truncated);
  EXPECT_EQ(varint.missing(), 7U);
  Reader bytes(ByteSpan(raw).first(2));
  bytes.prefixed();
  EXPECT_EQ(bytes.missing(), 1U);
  Reader none(ByteSpan{});
  none.u16();
  EXPECT_EQ(none.missing(), 2U);
}

TEST(Varint, RoundTripsNumbersOfEachWidth) {
  SeededRandom random(7);
  for (const Varint codec : {Varint::quic, Varint::leading_ones}) {
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t value = random.next() >> (2 + random.below(62));
      const Raw raw = written([&](Writer& out) { out.varint(value); }, codec);
      Reader in(raw, codec);
      EXPECT_EQ(in.varint(), value);
      EXPECT_EQ(in.remaining(), 0U);
    }
  }
}

TEST(Varint, WriterFailsAboveTheMaximumAndStaysDecodable) {
  for (const Varint codec : {Varint::quic, Varint::leading_ones}) {
    for (const std::uint64_t value : {kMaxVarint + 1, bit(63), UINT64_MAX}) {
      Writer out(codec);
      out.varint(value).varint(1);
      EXPECT_FALSE(out.ok());
      Reader in(out.span(), codec);
      EXPECT_EQ(in.varint(), kMaxVarint);
      EXPECT_EQ(in.varint(), 1U);
    }
  }
}

TEST(OptionalVarint, IsTheValuePlusOne) {
  const Raw raw = written([](Writer& out) {
    out.optional_varint(std::nullopt).optional_varint(0).optional_varint(kMaxVarint - 1);
  });
  EXPECT_EQ(raw, (Raw{0x00, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
  Reader in(raw);
  EXPECT_EQ(in.optional_varint(), std::nullopt);
  EXPECT_EQ(in.optional_varint(), 0U);
  EXPECT_EQ(in.optional_varint(), kMaxVarint - 1);
  EXPECT_TRUE(in.finish(0));
}

// A peer may send 2^62-1 as a plain varint; forwarding it as an optional one has no encoding.
TEST(OptionalVarint, WriterFailsWhereThereIsNoSuccessor) {
  for (const std::uint64_t value : {kMaxVarint, kMaxVarint + 1, UINT64_MAX}) {
    Writer out;
    out.optional_varint(value);
    EXPECT_FALSE(out.ok()) << value;
    EXPECT_EQ(out.size(), 8U);
  }
}

TEST(Zigzag, MatchesTheVectorsAndReachesTheExtremes) {
  constexpr auto kTop = static_cast<std::int64_t>(bit(61)) - 1;
  const std::vector<std::pair<std::int64_t, Raw>> vectors{
      {0, {0x00}},
      {-1, {0x01}},
      {1, {0x02}},
      {-2, {0x03}},
      {31, {0x3e}},
      {-32, {0x3f}},
      {32, {0x40, 0x40}},
      {kTop, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}},
      {-kTop - 1, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
  };
  for (const auto& [value, raw] : vectors) {
    const std::int64_t number = value;
    EXPECT_EQ(written([&](Writer& out) { out.zigzag(number); }), raw) << value;
    Reader in(raw);
    EXPECT_EQ(in.zigzag(), value);
  }
  for (const std::int64_t value : {kTop + 1, -kTop - 2, INT64_MAX, INT64_MIN}) {
    Writer out;
    out.zigzag(value);
    EXPECT_FALSE(out.ok()) << value;
  }
}

TEST(Reader, ReadsFixedWidthsBigEndian) {
  const Raw raw = written([](Writer& out) {
    out.u8(0x01).u16(0x0203).u24(0x040506).u32(0x0708090a).u64(0x0b0c0d0e0f101112);
  });
  Raw counting(18);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::uint8_t>(i + 1);
  EXPECT_EQ(raw, counting);
  Reader in(raw);
  EXPECT_EQ(in.u8(), 0x01);
  EXPECT_EQ(in.u16(), 0x0203);
  EXPECT_EQ(in.u24(), 0x040506U);
  EXPECT_EQ(in.u32(), 0x0708090aU);
  EXPECT_EQ(in.u64(), 0x0b0c0d0e0f101112U);
  EXPECT_TRUE(in.finish(0));
}

TEST(Reader, TakesABooleanOfZeroOrOneOnly) {
  const Raw raw{0, 1, 2};
  Reader in(raw);
  EXPECT_FALSE(in.boolean());
  EXPECT_TRUE(in.boolean());
  EXPECT_FALSE(in.boolean());
  EXPECT_EQ(in.error(), DecodeError::out_of_range);
}

TEST(Reader, KeepsTheFirstErrorAndReadsNothingAfterIt) {
  const Raw raw{2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
  Reader in(raw);
  in.boolean();
  EXPECT_EQ(in.u8(), 0);
  EXPECT_EQ(in.u16(), 0);
  EXPECT_EQ(in.u24(), 0U);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_EQ(in.u64(), 0U);
  EXPECT_EQ(in.varint(), 0U);
  EXPECT_EQ(in.count(1), 0U);
  EXPECT_EQ(in.optional_varint(), std::nullopt);
  EXPECT_EQ(in.zigzag(), 0);
  EXPECT_TRUE(in.bytes(1).empty());
  EXPECT_TRUE(in.prefixed().empty());
  EXPECT_TRUE(in.text().empty());
  EXPECT_FALSE(in.boolean());
  in.fail(DecodeError::duplicate);
  EXPECT_EQ(in.finish(7).error(), DecodeError::out_of_range);
}

TEST(Reader, HasNothingLeftAfterAnErrorSoLoopsEnd) {
  const Raw raw{0xc0, 1, 2};
  Reader in(raw);
  int rounds = 0;
  while (in.remaining() > 0) {
    in.varint();
    ASSERT_LT(++rounds, 5);
  }
  EXPECT_EQ(rounds, 1);
}

TEST(Reader, FinishRefusesBytesLeftOver) {
  const Raw raw{1, 2};
  Reader in(raw);
  in.u8();
  EXPECT_EQ(in.finish(1).error(), DecodeError::trailing);
}

TEST(Reader, FinishReturnsTheValue) {
  Reader in({});
  EXPECT_EQ(in.finish(std::string("all")).value(), "all");
}

TEST(Reader, PrefixedStopsAtItsLimitAndAtTheEnd) {
  const Raw raw{3, 'a', 'b', 'c'};
  EXPECT_EQ(as_text(Reader(raw).prefixed(3)), "abc");
  Reader over(raw);
  EXPECT_TRUE(over.prefixed(2).empty());
  EXPECT_EQ(over.error(), DecodeError::too_long);
  for (std::size_t size = 0; size < raw.size(); ++size) {
    Reader cut(ByteSpan(raw).first(size));
    EXPECT_TRUE(cut.prefixed().empty());
    EXPECT_EQ(cut.error(), DecodeError::truncated);
  }
}

TEST(Reader, LengthLiesAreTruncatedNotOverrun) {
  const Raw raw{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a'};
  Reader in(raw);
  EXPECT_TRUE(in.prefixed().empty());
  EXPECT_EQ(in.error(), DecodeError::truncated);
  Reader skipping(raw);
  skipping.skip(UINT64_MAX);
  EXPECT_EQ(skipping.error(), DecodeError::truncated);
}

TEST(Reader, CountStopsAtItsLimit) {
  const Raw raw{32};
  EXPECT_EQ(Reader(raw).count(32), 32U);
  Reader over(raw);
  EXPECT_EQ(over.count(31), 0U);
  EXPECT_EQ(over.error(), DecodeError::too_many);
}

TEST(Reader, BorrowsWhatItReads) {
  const Raw raw{2, 'h', 'i', 'x'};
  Reader in(raw);
  EXPECT_EQ(in.text().data(), reinterpret_cast<const char*>(raw.data() + 1));
  EXPECT_EQ(in.bytes(1).data(), raw.data() + 3);
}

TEST(Reader, TextMustBeUtf8) {
  const Raw raw{2, 0xc0, 0x80};
  Reader in(raw);
  EXPECT_TRUE(in.text().empty());
  EXPECT_EQ(in.error(), DecodeError::bad_utf8);
}

// The edges of table 3-7 of the Unicode standard 15.
TEST(Utf8, AcceptsWellFormedText) {
  for (const std::string_view text : {"",
                                      "a",
                                      "\x7f",
                                      "\xc2\x80",
                                      "\xdf\xbf",
                                      "\xe0\xa0\x80",
                                      "\xe0\xbf\xbf",
                                      "\xe1\x80\x80",
                                      "\xec\xbf\xbf",
                                      "\xed\x80\x80",
                                      "\xed\x9f\xbf",
                                      "\xee\x80\x80",
                                      "\xef\xbf\xbf",
                                      "\xf0\x90\x80\x80",
                                      "\xf0\xbf\xbf\xbf",
                                      "\xf1\x80\x80\x80",
                                      "\xf3\xbf\xbf\xbf",
                                      "\xf4\x80\x80\x80",
                                      "\xf4\x8f\xbf\xbf",
                                      "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5"}) {
    EXPECT_TRUE(is_utf8(as_bytes(text))) << ::testing::PrintToString(text);
  }
  EXPECT_TRUE(is_utf8(as_bytes(std::string_view("\0", 1))));
}

TEST(Utf8, RefusesTheRest) {
  for (const std::string_view text : {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",  // Overlong.
                                      "\xc2",
                                      "\xc2\x7f",
                                      "\xc2\xc0",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",  // Overlong.
                                      "\xe1\x80",
                                      "\xe1\x7f\x80",
                                      "\xe1\x80\xc0",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",  // Surrogates.
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",  // Overlong.
                                      "\xf0\x90\x80",
                                      "\xf1\x80\x80\x7f",
                                      "\xf1\x80\xc0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",  // Above U+10FFFF.
                                      "\xf8\x88\x80\x80\x80",
                                      "\xfe",
                                      "\xff",
                                      "ab\x80"}) {
    EXPECT_FALSE(is_utf8(as_bytes(text))) << ::testing::PrintToString(text);
  }
}

TEST(Writer, PrefixesBytesAndText) {
  const Raw raw = written([](Writer& out) { out.text("hi").prefixed(as_bytes("abc")).text(""); });
  EXPECT_EQ(raw, (Raw{2, 'h', 'i', 3, 'a', 'b', 'c', 0}));
  const Raw ones =
      written([](Writer& out) { out.text(std::string(64, 'x')); }, Varint::leading_ones);
  EXPECT_EQ(ones.size(), 65U);
  EXPECT_EQ(ones[0], 64);
}

TEST(Writer, PatchesAndHandsOverItsBytes) {
  Writer out;
  out.u32(0).text("box");
  out.patch_u32(0, static_cast<std::uint32_t>(out.size()));
  const Bytes bytes = out.take();
  EXPECT_EQ(bytes, Bytes::copy(std::string_view("\0\0\0\x08\x03"
                                                "box",
                                                8)));
  EXPECT_EQ(out.size(), 0U);
}

TEST(WriterDeathTest, PatchOutsideIsABug) {
  Writer out;
  out.u16(1);
  EXPECT_DEATH(out.patch_u32(0, 1), "patch_u32|at \\+ 4");
}

TEST(DecodeErrorText, NamesEachCause) {
  for (int i = 0; i <= static_cast<int>(DecodeError::unknown); ++i) {
    EXPECT_FALSE(to_string(static_cast<DecodeError>(i)).empty());
  }
  EXPECT_EQ(to_error(DecodeError::too_long, "SUBSCRIBE").describe(),
            "undecodable message: SUBSCRIBE: a length is above its limit");
}

}  // namespace
}  // namespace moq
