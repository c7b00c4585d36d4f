#include "moq/hang/flate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "moq/base/random.h"
#include "moq/hang/encoding.h"

namespace moq::hang::flate {
namespace {

Bytes hex(std::string_view digits) { return from_hex(digits).value(); }

struct Vector {
  std::string_view payload;
  std::string_view wire;
};

// Written by the Rust crate moq-flate 0.2.0; each list is one group.
const std::vector<std::vector<Vector>> kGroups = {
    {{R"({"a":1,"b":"hello"})", "aa564a54b232d4514a52b252ca48cdc9c957aa0500"},
     {R"({"a":2})", "aa060919d50200"}},
    {{R"({"video":{"renditions":{}},"audio":{"renditions":{}}})",
      "aa562acb4c49cd57b2aa562a4acd4bc92cc9cccf2b06f26a6b7594124b5332b1c9d40200"}},
    {{R"({"offset":0,"records":[]})", "aa56ca4f4b2b4e2d51b232d0512a4a4dce2f4a2956b28a8ead0500"},
     {R"({"push":{"segment":0,"pts":0,"duration":2000}})",
      "aa562a282dce50b2aa562a4e4dcf4dcd83a828282906d329a545892599f9794a5646060606b5b50000"},
     {R"({"pop":1})", "02aace2f50b232ac0500"}},
};

TEST(Flate, DecodesWhatRustWrites) {
  for (const auto& group : kGroups) {
    Decoder decoder;
    for (const Vector& frame : group) {
      const Result<Bytes> payload = decoder.decode(hex(frame.wire).span());
      ASSERT_TRUE(payload) << payload.error().describe();
      EXPECT_EQ(payload->text(), frame.payload);
    }
  }
}

TEST(Flate, DecodesStoredBlocks) {
  Decoder decoder;
  EXPECT_EQ(decoder.decode(hex("000700f8ff7b2261223a317d00").span())->text(), R"({"a":1})");
}

TEST(Flate, FramesOfAGroupShareOneStreamAndDropTheFlushMark) {
  for (const auto& group : kGroups) {
    Encoder encoder;
    Decoder decoder;
    for (const Vector& frame : group) {
      const Result<Bytes> wire = encoder.encode(as_bytes(frame.payload));
      ASSERT_TRUE(wire);
      EXPECT_FALSE(wire->text().ends_with(std::string_view("\0\0\xff\xff", 4)));
      EXPECT_EQ(decoder.decode(wire->span())->text(), frame.payload);
    }
  }
}

TEST(Flate, RepeatsCostNextToNothing) {
  Encoder encoder;
  const std::string text(1000, 'x');
  ASSERT_TRUE(encoder.encode(as_bytes(text)));
  EXPECT_LT(encoder.encode(as_bytes(text))->size(), 16U);
}

TEST(Flate, AnEmptyPayloadIsAnEmptyFrame) {
  Encoder encoder;
  Decoder decoder;
  EXPECT_TRUE(encoder.encode({})->empty());
  EXPECT_TRUE(decoder.decode({})->empty());
  EXPECT_EQ(decoder.decode(encoder.encode(as_bytes("a"))->span())->text(), "a");
}

TEST(Flate, CarriesRandomBytesOfAnySize) {
  SeededRandom random(7);
  Encoder encoder;
  Decoder decoder;
  for (const std::size_t size : {1, 2, 100, 16'383, 16'384, 16'385, 65'535, 300'000}) {
    std::vector<std::uint8_t> payload(size);
    for (std::uint8_t& byte : payload) byte = static_cast<std::uint8_t>(random.next());
    const Result<Bytes> wire = encoder.encode(payload);
    ASSERT_TRUE(wire);
    const Result<Bytes> back = decoder.decode(wire->span());
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, Bytes::copy(payload)) << size;
  }
}

TEST(Flate, RefusesASecondFrameWithoutTheFirst) {
  Encoder encoder;
  ASSERT_TRUE(encoder.encode(as_bytes("the same words again and again")));
  const Result<Bytes> second = encoder.encode(as_bytes("the same words again and again"));
  Decoder decoder;
  const Result<Bytes> payload = decoder.decode(second->span());
  ASSERT_FALSE(payload);
  EXPECT_EQ(payload.error().code, Code::decode);
}

TEST(Flate, RefusesGarbageAndAFinishedStream) {
  EXPECT_EQ(Decoder().decode(hex("ffffffff").span()).error().code, Code::decode);
  // A final block (BFINAL = 1) with "a": nothing may follow it within the group.
  EXPECT_EQ(Decoder().decode(hex("4b0400").span()).error().code, Code::decode);
}

TEST(Flate, NeverCrashesOnACutFrame) {
  for (const auto& group : kGroups) {
    const Bytes wire = hex(group.front().wire);
    // The very last bytes hold nothing but the padding of the flush.
    for (std::size_t size = 0; size + 4 < wire.size(); ++size) {
      Decoder decoder;
      const Result<Bytes> payload = decoder.decode(wire.slice(0, size).span());
      EXPECT_FALSE(payload && payload->text() == group.front().payload);
    }
  }
}

TEST(Flate, StopsAtTheLimit) {
  const std::string zeros(100'000, '\0');
  Encoder encoder;
  const Result<Bytes> wire = encoder.encode(as_bytes(zeros));
  EXPECT_EQ(Decoder(zeros.size()).decode(wire->span())->size(), zeros.size());
  EXPECT_EQ(Decoder(zeros.size() - 1).decode(wire->span()).error().code, Code::frame_too_large);
}

TEST(Flate, RefusesABombAboveTheLimitOfPeers) {
  // 64 KiB of deflated zeros hold about 64 MiB; joined twice in one frame they pass the limit.
  const std::string zeros(kMaxPayloadBytes / 2 + 1, '\0');
  Encoder encoder;
  const Bytes first = *encoder.encode(as_bytes(zeros));
  const Bytes second = *encoder.encode(as_bytes(zeros));
  const Bytes mark = hex("0000ffff");
  const std::vector<Bytes> parts = {first, mark, second};
  EXPECT_EQ(Decoder().decode(join(parts).span()).error().code, Code::frame_too_large);
}

TEST(Flate, RefusesToWriteAboveTheLimit) {
  const std::string zeros(kMaxPayloadBytes + 1, '\0');
  EXPECT_EQ(Encoder().encode(as_bytes(zeros)).error().code, Code::frame_too_large);
}

}  // namespace
}  // namespace moq::hang::flate
