// The group streams of moq-lite.md §12.6 and the integers of §2, in every chunking.
#include "moq/net/lite/stream_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/net/limits.h"
#include "moq/net/lite/control.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/lite/test_support.h"

namespace moq::net::lite {
namespace {

constexpr Version v01 = Version::lite_01, v02 = Version::lite_02, v03 = Version::lite_03,
                  v04 = Version::lite_04, v05 = Version::lite_05, v06 = Version::lite_06,
                  v07 = Version::lite_07_wip;
using End = FakeRecvStream::End;

StreamReader reader_of(ByteSpan bytes, Version version, std::size_t chunk = 1, End end = End::fin,
                       std::uint64_t code = 0) {
  return {FakeRecvStream::chunked(bytes, chunk, end, code), version};
}

Result<std::optional<std::uint64_t>> read_varint(StreamReader& reader) {
  return wait_for([&](const Waiter& waiter) { return reader.poll_varint(waiter); });
}
Result<std::optional<Bytes>> read_body(StreamReader& reader, std::uint64_t max_bytes) {
  return wait_for([&](const Waiter& waiter) { return reader.poll_body(waiter, max_bytes); });
}
Result<std::optional<TypedMessage>> read_typed(StreamReader& reader, TypedLimits limits) {
  return wait_for([&](const Waiter& waiter) { return reader.poll_typed(waiter, limits); });
}
Result<std::optional<FrameHeader>> read_frame(StreamReader& reader) {
  return wait_for([&](const Waiter& waiter) { return reader.poll_frame(waiter); });
}
Result<Bytes> read_part(StreamReader& reader) {
  return wait_for([&](const Waiter& waiter) { return reader.poll_payload(waiter); });
}
Result<std::string> read_payload(StreamReader& reader) {
  std::string payload;
  for (;;) {
    MOQ_TRY(const Bytes part, read_part(reader));
    if (part.empty()) return payload;
    payload += part.text();
  }
}
Result<void> read_end(StreamReader& reader) {
  return wait_for([&](const Waiter& waiter) { return reader.poll_end(waiter); });
}

template <typename T>
Code failure(const Result<T>& result) {
  return result ? Code::closed : result.error().code;
}

// --- Integers -----------------------------------------------------------------------------------

struct VarintVector {
  std::uint64_t value;
  std::string_view quic;
  std::string_view leading_ones;
};
constexpr std::uint64_t kOne = 1;
constexpr VarintVector kVarints[] = {
    {64, "40 40", "40"},
    {127, "40 7f", "7f"},
    {128, "40 80", "80 80"},
    {500, "41 f4", "81 f4"},
    {16383, "7f ff", "bf ff"},
    {16384, "80 00 40 00", "c0 40 00"},
    {kOne << 30, "c0 00 00 00 40 00 00 00", "f0 40 00 00 00"},
    {kOne << 42, "c0 00 04 00 00 00 00 00", "fe 00 04 00 00 00 00 00"},
    {(kOne << 53) - 1, "c0 1f ff ff ff ff ff ff", "fe 1f ff ff ff ff ff ff"},
    {kOne << 56, "c1 00 00 00 00 00 00 00", "ff 01 00 00 00 00 00 00 00"},
    {kMaxVarint, "ff ff ff ff ff ff ff ff", "ff 3f ff ff ff ff ff ff ff"},
};

void expect_varint(std::string_view hex, Version version, std::uint64_t value) {
  SCOPED_TRACE(hex);
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk) {
    StreamReader reader = reader_of(bytes, version, chunk);
    EXPECT_EQ(read_varint(reader), value);
    EXPECT_EQ(read_varint(reader), std::nullopt);
  }
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    StreamReader reader = reader_of({bytes.data(), cut}, version);
    EXPECT_EQ(failure(read_varint(reader)), Code::decode);
    EXPECT_EQ(failure(read_varint(reader)), Code::decode);
  }
}

TEST(StreamReader, ReadsIntegersOfBothKinds) {
  for (const VarintVector& vector : kVarints) {
    expect_varint(vector.quic, v06, vector.value);
    expect_varint(vector.leading_ones, v07, vector.value);
    Writer quic;
    Writer ones(Varint::leading_ones);
    EXPECT_EQ(to_hex(quic.varint(vector.value).span()), vector.quic);
    EXPECT_EQ(to_hex(ones.varint(vector.value).span()), vector.leading_ones);
  }
  expect_varint("bb bd", v07, 15293);
  expect_varint("fa a1 a0 e4 03 d8", v07, 2893212287960);
  expect_varint("fe fa 31 8f a8 e3 ca 11", v07, 70423237261249041);
  expect_varint("80 25", v07, 37);
  expect_varint("fc 00 00 00 00 00 25", v07, 37);
}

TEST(StreamReader, RefusesIntegersAbove62Bits) {
  StreamReader reader = reader_of(from_hex("ff 40 00 00 00 00 00 00 00 01"), v07);
  EXPECT_EQ(failure(read_varint(reader)), Code::decode);
  EXPECT_EQ(failure(read_varint(reader)), Code::decode);
}

// --- Messages -----------------------------------------------------------------------------------

TEST(StreamReader, AWholeMessageIsNotCopied) {
  const Bytes wire = Bytes::copy(from_hex("03 61 62 63 00"));
  StreamReader reader(std::make_unique<FakeRecvStream>(std::vector<Bytes>{wire}), v06);
  const auto body = read_body(reader, 3);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ((*body)->text(), "abc");
  EXPECT_EQ((*body)->data(), wire.data() + 1);
  EXPECT_EQ(read_body(reader, 3), Bytes());
  EXPECT_EQ(read_body(reader, 3), std::nullopt);
}

TEST(StreamReader, ALengthAboveItsLimitFailsAtOnce) {
  StreamReader reader = reader_of(from_hex("04"), v06, 1, End::open);
  EXPECT_EQ(failure(read_body(reader, 3)), Code::decode);
  StreamReader typed = reader_of(from_hex("00 40 ff"), v06, 1, End::open);
  EXPECT_EQ(failure(read_typed(typed, {.max_bytes = 3})), Code::decode);
  StreamReader unknown = reader_of(from_hex("09 84 00 00 01"), v06, 1, End::open);
  EXPECT_EQ(failure(read_typed(unknown, {.max_bytes = 3, .known_types = 3})), Code::decode);
  StreamReader huge = reader_of(from_hex("ff ff ff ff ff ff ff ff"), v06, 1, End::open);
  EXPECT_EQ(failure(read_body(huge, kMaxMessageBytes)), Code::decode);
}

TEST(StreamReader, AClaimedLengthSetsNothingAside) {
  std::vector<std::uint8_t> bytes = from_hex("84 00 00 00");  // 64 MiB.
  bytes.resize(bytes.size() + 1000, 'x');
  auto stream = FakeRecvStream::chunked(bytes, 100, End::open);
  const auto log = stream->log();
  StreamReader reader(std::move(stream), v06);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(reader.poll_body(Waiter::none(), kMaxMessageBytes).pending());
    EXPECT_LE(reader.held_bytes(), 2000U);
  }
  EXPECT_GE(reader.held_bytes(), 1000U);
  EXPECT_LE(log->largest_read, 64U << 10);
}

TEST(StreamReader, ALargeMessageArrivesWhole) {
  Writer wire;
  const std::string body(300000, 'b');
  wire.text(body).text("c");
  for (const std::size_t chunk : {std::size_t{1000}, std::size_t{70000}, wire.size()}) {
    StreamReader reader = reader_of(wire.span(), v06, chunk);
    const auto read = read_body(reader, 300000);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ((*read)->text(), body);
    EXPECT_EQ((*read_body(reader, 1))->text(), "c");
    EXPECT_EQ(read_body(reader, 1), std::nullopt);
  }
}

TEST(StreamReader, SkipsUnknownTypesUnread) {
  Writer wire;
  wire.varint(7).text(std::string(200000, 'u')).varint(3).text("").varint(1).text("known");
  for (const std::size_t chunk : {std::size_t{999}, wire.size()}) {
    StreamReader reader = reader_of(wire.span(), v06, chunk);
    std::size_t most = 0;
    const auto read = wait_for([&](const Waiter& waiter) {
      auto message = reader.poll_typed(waiter, {.max_bytes = 5, .known_types = 3});
      most = std::max(most, reader.held_bytes());
      return message;
    });
    EXPECT_EQ(read, (TypedMessage{.type = 1, .body = Bytes::copy("known")}));
    EXPECT_LE(most, 64U << 10);
    EXPECT_EQ(read_typed(reader, {.max_bytes = 5}), std::nullopt);
  }
  StreamReader cut = reader_of(from_hex("07 05 00 00"), v06);
  EXPECT_EQ(failure(read_typed(cut, {.max_bytes = 5, .known_types = 3})), Code::decode);
}

TEST(StreamReader, AResetTellsItsCause) {
  for (std::size_t cut = 0; cut < 4; ++cut) {
    const std::vector<std::uint8_t> bytes = from_hex("03 61 62 63");
    StreamReader reader = reader_of({bytes.data(), cut}, v06, 1, End::reset, 0x33);
    const auto body = read_body(reader, 3);
    EXPECT_EQ(failure(body), Code::not_found) << cut;
    EXPECT_EQ(body.error().wire, 0x33U);
    EXPECT_EQ(failure(read_body(reader, 3)), Code::not_found);
  }
}

TEST(StreamReader, TheEndIsFinAndNothingElse) {
  StreamReader clean = reader_of({}, v06);
  EXPECT_TRUE(read_end(clean).has_value());
  StreamReader more = reader_of(from_hex("00"), v06);
  EXPECT_EQ(failure(read_end(more)), Code::protocol_violation);
  StreamReader reset = reader_of({}, v06, 1, End::reset, 1);
  EXPECT_EQ(failure(read_end(reset)), Code::cancelled);
  // What was read ahead counts as well.
  StreamReader ahead = reader_of(from_hex("00 00"), v06, 2);
  EXPECT_EQ(read_varint(ahead), 0U);
  EXPECT_EQ(failure(read_end(ahead)), Code::protocol_violation);
}

TEST(StreamReader, AMessageThatDoesNotDecodeIsForGood) {
  StreamReader reader = reader_of(from_hex("01 40 02 00 00"), v06);
  const auto read = [&] {
    return wait_for([&](const Waiter& waiter) { return reader.poll_message<Probe>(waiter); });
  };
  EXPECT_EQ(failure(read()), Code::decode);
  EXPECT_EQ(failure(read()), Code::decode);
}

TEST(StreamReader, StopGoesToTheStream) {
  auto stream = FakeRecvStream::chunked({}, 1);
  const auto log = stream->log();
  StreamReader reader(std::move(stream), v06);
  reader.stop(0x34);
  EXPECT_EQ(log->stopped, 0x34U);
}

// --- Frames -------------------------------------------------------------------------------------

struct ReadFrame {
  std::optional<std::uint64_t> timestamp;
  std::string payload;
  bool operator==(const ReadFrame&) const = default;
};

struct ReadGroup {
  std::optional<GroupHeader> header;
  std::vector<ReadFrame> frames;
  bool operator==(const ReadGroup&) const = default;
};

Result<void> read_frames(StreamReader& reader, std::vector<ReadFrame>& out) {
  for (;;) {
    MOQ_TRY(const auto header, read_frame(reader));
    if (!header) return {};
    MOQ_TRY(auto payload, read_payload(reader));
    out.push_back({header->timestamp, std::move(payload)});
  }
}

Result<ReadGroup> read_group(StreamReader& reader) {
  ReadGroup group;
  MOQ_TRY(const auto type, read_varint(reader));
  if (type != 0) return fail(Code::unsupported);
  MOQ_TRY(group.header,
          wait_for([&](const Waiter& waiter) { return reader.poll_message<GroupHeader>(waiter); }));
  MOQ_CHECK(read_frames(reader, group.frames));
  return group;
}

struct GroupVector {
  Version version;
  std::string_view hex;
};
constexpr std::string_view kGroup01 = "00 02 00 05 05 68 65 6c 6c 6f 00";
constexpr GroupVector kGroups[] = {
    {v01, kGroup01},
    {v02, kGroup01},
    {v03, kGroup01},
    {v04, kGroup01},
    {v05, "00 02 00 05 47 d0 05 68 65 6c 6c 6f 40 42 02 68 69 40 41 00"},
    {v06, "00 03 00 05 00 47 d0 05 68 65 6c 6c 6f 40 42 02 68 69 40 41 00"},
    {v07, "00 03 00 05 00 87 d0 05 68 65 6c 6c 6f 42 02 68 69 41 00"},
};

ReadGroup group_of(Version version) {
  const GroupHeader header{.subscribe_id = 0, .sequence = 5};
  if (!has_frame_timestamps(version)) {
    return {header, {{std::nullopt, "hello"}, {std::nullopt, ""}}};
  }
  return {header, {{1000, "hello"}, {1033, "hi"}, {1000, ""}}};
}

TEST(GroupStream, VectorsAreReadInEveryChunking) {
  for (const auto& [version, hex] : kGroups) {
    SCOPED_TRACE(to_string(version));
    const std::vector<std::uint8_t> bytes = from_hex(hex);
    for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk) {
      StreamReader reader = reader_of(bytes, version, chunk);
      EXPECT_EQ(read_group(reader), group_of(version)) << "chunks of " << chunk;
    }
  }
}

TEST(GroupStream, VectorsAreWritten) {
  for (const auto& [version, hex] : kGroups) {
    const ReadGroup group = group_of(version);
    Writer wire(varint_kind(version));
    wire.bytes(encode_opening(UniType::group, *group.header, version).span());
    FrameHeaderEncoder encoder(version);
    for (const ReadFrame& frame : group.frames) {
      const auto header = encoder.encode(frame.timestamp.value_or(77), frame.payload.size());
      ASSERT_TRUE(header.has_value());
      wire.bytes(header->span()).bytes(as_bytes(frame.payload));
    }
    EXPECT_EQ(to_hex(wire.span()), hex);
  }
}

TEST(GroupStream, ACutFailsUnlessItIsBetweenFrames) {
  for (const auto& [version, hex] : kGroups) {
    const std::vector<std::uint8_t> bytes = from_hex(hex);
    std::string outcome;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      StreamReader reader = reader_of({bytes.data(), cut}, version, 3);
      const auto group = read_group(reader);
      const Code code = failure(group);
      outcome += code == Code::closed       ? "."
                 : code == Code::decode     ? "d"
                 : code == Code::wrong_size ? "w"
                                            : "?";
    }
    // By byte: the type alone, the header, then frames. After a difference, before the size, is
    // taken as between.
    const std::string_view expected = version <= v04   ? ".dd.wwwww."
                                      : version == v05 ? ".dd.d.wwwww.d.ww.d."
                                      : version == v06 ? ".ddd.d.wwwww.d.ww.d."
                                                       : ".ddd.d.wwwww..ww..";
    EXPECT_EQ(outcome, expected) << to_string(version);
  }
}

TEST(GroupStream, AResetInsideIsItsCause) {
  const std::vector<std::uint8_t> bytes = from_hex(kGroups[5].hex);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    StreamReader reader = reader_of({bytes.data(), cut}, v06, 4, End::reset, 0x34);
    EXPECT_EQ(failure(read_group(reader)), Code::old) << "cut at " << cut;
  }
}

TEST(GroupStream, PayloadComesInPartsWithoutACopy) {
  Writer wire;
  wire.zigzag(7).varint(8).bytes(as_bytes("abcd"));
  const Bytes first = wire.take();
  const Bytes second = Bytes::copy("efghX");
  StreamReader reader(std::make_unique<FakeRecvStream>(std::vector<Bytes>{first, second}), v06);
  ASSERT_TRUE(read_frame(reader).has_value());
  EXPECT_EQ(reader.payload_remaining(), 8U);
  const auto part = read_part(reader);
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(part->data(), first.data() + 2);
  EXPECT_EQ(part->size(), 4U);
  EXPECT_EQ(reader.payload_remaining(), 4U);
  const auto rest = read_part(reader);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->data(), second.data());
  EXPECT_EQ(rest->text(), "efgh");
  EXPECT_EQ(read_part(reader), Bytes());
  EXPECT_EQ(reader.payload_remaining(), 0U);
}

TEST(GroupStream, AFrameAboveTheLimitFailsByItsHeader) {
  Writer most;
  most.zigzag(0).varint(kMaxFrameBytes);
  StreamReader fits = reader_of(most.span(), v06, 1, End::open);
  EXPECT_EQ(read_frame(fits), (FrameHeader{.timestamp = 0, .size_bytes = kMaxFrameBytes}));

  for (const std::uint64_t size : {kMaxFrameBytes + 1, kMaxVarint}) {
    Writer wire;
    wire.zigzag(0).varint(size);
    StreamReader reader = reader_of(wire.span(), v06, 1, End::open);
    EXPECT_EQ(failure(read_frame(reader)), Code::frame_too_large);
    EXPECT_EQ(failure(read_part(reader)), Code::frame_too_large);
  }
}

TEST(GroupStream, AGroupAboveTheLimitFailsByTheFrameThatExceedsIt) {
  const Bytes block = Bytes::copy(std::string(1 << 20, 'p'));
  const auto stream_of = [&](std::uint64_t second) {
    Writer wire;
    wire.varint(kMaxGroupBytes - (1 << 20));
    std::vector<Bytes> chunks{wire.take()};
    for (int i = 0; i < 31; ++i) chunks.push_back(block);
    wire.varint(second);
    chunks.push_back(wire.take());
    return std::make_unique<FakeRecvStream>(std::move(chunks), End::open);
  };
  for (const std::uint64_t more : {0U, 1U}) {
    StreamReader reader(stream_of((1 << 20) + more), v04);
    ASSERT_TRUE(read_frame(reader).has_value());
    while (reader.payload_remaining() > 0) ASSERT_TRUE(read_part(reader).has_value());
    EXPECT_EQ(failure(read_frame(reader)), more == 0 ? Code::closed : Code::group_too_large);
  }
}

TEST(GroupStream, AGroupHasSoManyFramesAndNoMore) {
  const std::vector<std::uint8_t> empty_frames(kMaxGroupFrames + 1, 0);
  StreamReader reader = reader_of(empty_frames, v04, 1000, End::open);
  for (std::size_t i = 0; i < kMaxGroupFrames; ++i) {
    ASSERT_EQ(read_frame(reader), FrameHeader());
  }
  EXPECT_EQ(failure(read_frame(reader)), Code::group_too_large);
}

TEST(GroupStream, TimestampsStayWithinTheirRange) {
  const auto read_second = [](std::int64_t first, std::int64_t second) {
    Writer wire;
    wire.zigzag(first).varint(0).zigzag(second).varint(0);
    StreamReader reader = reader_of(wire.span(), v06, 5);
    auto header = read_frame(reader);
    if (header) header = read_frame(reader);
    return header;
  };
  constexpr auto kLargest = static_cast<std::int64_t>(kMaxTimestamp);
  EXPECT_EQ((*read_second(33, -33))->timestamp, 0U);
  EXPECT_EQ(failure(read_second(33, -34)), Code::decode);
  EXPECT_EQ(failure(read_second(-1, 0)), Code::decode);
  EXPECT_EQ((*read_second(kLargest, kLargest))->timestamp, 2 * kMaxTimestamp);
  EXPECT_EQ(add_delta(2 * kMaxTimestamp, 1), kMaxVarint);
  EXPECT_EQ(add_delta(2 * kMaxTimestamp, 2), std::nullopt);
  EXPECT_EQ(add_delta(0, -kLargest - 1), std::nullopt);
}

TEST(GroupStream, ATimestampThatCannotBeWrittenIsAnError) {
  FrameHeaderEncoder encoder(v06);
  EXPECT_TRUE(encoder.encode(kMaxTimestamp, 0).has_value());
  EXPECT_TRUE(encoder.encode(0, 0).has_value());
  const auto header = encoder.encode(kMaxTimestamp + 1, 0);
  ASSERT_FALSE(header.has_value());
  EXPECT_EQ(header.error().code, Code::timestamp_mismatch);
  EXPECT_TRUE(FrameHeaderEncoder(v04).encode(UINT64_MAX, 0).has_value());
}

TEST(GroupStream, ZigzagMatchesTheReader) {
  for (const std::uint64_t coded : {0ULL, 1ULL, 2ULL, 65ULL, 66ULL, 2000ULL, (1ULL << 62) - 1}) {
    Writer wire;
    wire.varint(coded);
    Reader in(wire.span());
    EXPECT_EQ(from_zigzag(coded), in.zigzag());
  }
}

// --- Awaitables ---------------------------------------------------------------------------------

/// An executor driven by hand.
class Bench : public kio::Executor, public kio::Clock {
 public:
  Bench() : Executor([] {}) { queue_->bind_to_this_thread(); }
  kio::Clock& clock() override { return *this; }
  [[nodiscard]] TimePoint now() const override { return {}; }
  void run() {
    while (queue_->run_batch()) {
    }
  }
};

/// A stream that has everything at once, so that nothing has to wake the reader.
class ReadyStream : public transport::RecvStream {
 public:
  explicit ReadyStream(Bytes bytes) : bytes_(std::move(bytes)) {}
  Poll<Result<Bytes>> poll_read(const Waiter&, std::size_t max) override {
    return bytes_.take_front(max);
  }
  void stop(std::uint32_t) override {}

 private:
  Bytes bytes_;
};

kio::Task<void> read_whole_group(StreamReader& reader, ReadGroup& out, bool& ended) {
  const auto type = co_await reader.varint();
  if (!type || *type != 0) co_return;
  const auto header = co_await reader.message<GroupHeader>();
  if (!header) co_return;
  out.header = *header;
  for (;;) {
    const auto frame = co_await reader.frame();
    if (!frame) co_return;
    if (!*frame) break;
    ReadFrame read{(*frame)->timestamp, ""};
    while (reader.payload_remaining() > 0) {
      const auto part = co_await reader.payload();
      if (!part) co_return;
      read.payload += part->text();
    }
    out.frames.push_back(std::move(read));
  }
  const auto end = co_await reader.end();
  ended = end.has_value();
}

TEST(StreamReader, AwaitableTwinsReadAWholeGroup) {
  Bench bench;
  StreamReader reader(std::make_unique<ReadyStream>(Bytes::copy(from_hex(kGroups[5].hex))), v06);
  ReadGroup group;
  bool ended = false;
  auto task = bench.spawn(read_whole_group(reader, group, ended));
  bench.run();
  EXPECT_TRUE(task.finished());
  EXPECT_TRUE(ended);
  EXPECT_EQ(group, group_of(v06));
}

}  // namespace
}  // namespace moq::net::lite
