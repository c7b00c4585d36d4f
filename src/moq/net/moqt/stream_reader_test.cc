#include "moq/net/moqt/stream_reader.h"

#include <gtest/gtest.h>

#include <memory>

#include "moq/net/moqt/test_support.h"

namespace moq::net::moqt {
namespace {

template <typename PollFunction>
auto now(StreamReader& reader, PollFunction poll) {
  return wait_for([&](const Waiter& waiter) { return (reader.*poll)(waiter); });
}

/// The next integer, which must be no error.
std::optional<std::uint64_t> integer(StreamReader& reader) {
  return now(reader, &StreamReader::poll_varint).value();
}

/// A whole stream in the pieces given.
StreamReader reader_for(std::vector<Bytes> chunks, Draft draft = Draft::d18,
                        FakeRecvStream::End end = FakeRecvStream::End::fin) {
  return {std::make_unique<FakeRecvStream>(std::move(chunks), end, 1), draft};
}

TEST(StreamReader, ReadsIntegersOfEachKind) {
  for (const Draft draft : kDrafts) {
    const Bytes bytes = body_of(draft, [](Writer& out) { out.varint(300).varint(1 << 20); });
    StreamReader reader(FakeRecvStream::chunked(bytes.span(), 1), draft);
    EXPECT_EQ(integer(reader), 300U);
    EXPECT_EQ(integer(reader), 1U << 20);
    EXPECT_EQ(integer(reader), std::nullopt);
  }
}

TEST(StreamReader, ReadsASetupAfterItsType) {
  const std::vector<std::uint8_t> bytes = from_hex("af000000");
  StreamReader reader(FakeRecvStream::chunked(bytes, 1), Draft::d18);
  EXPECT_EQ(integer(reader), kSetupType);
  const auto body = now(reader, &StreamReader::poll_body);
  ASSERT_TRUE(body.has_value());
  const auto message = decode_message({.type = kSetupType, .body = *body}, Draft::d18);
  EXPECT_TRUE(message && *message == Message(moqt::Setup{}));
  EXPECT_TRUE(now(reader, &StreamReader::poll_end));
}

TEST(StreamReader, BodiesAndPayloadsAreSlicesOfWhatArrived) {
  // A message and the start of another, then the rest.
  const Bytes first =
      Bytes::copy(from_hex("0400020100"
                           "0b0003"));
  const Bytes second = Bytes::copy(from_hex("020300"));
  StreamReader reader = reader_for({first, second});
  auto raw = now(reader, &StreamReader::poll_raw);
  EXPECT_EQ((*raw)->body.data(), first.data() + 3);
  raw = now(reader, &StreamReader::poll_raw);
  EXPECT_EQ(hex_of((*raw)->body), "020300");
  EXPECT_EQ((*raw)->type, 0x0bU);

  // A subgroup whose object's length comes apart from its payload.
  const Bytes head =
      Bytes::copy(from_hex("1001"
                           "0180"
                           "00"));
  const Bytes rest =
      Bytes::copy(from_hex("0568656c6c6f"
                           "000161"));
  StreamReader objects = reader_for({head, rest});
  integer(objects);
  (void)wait_for([&](const Waiter& waiter) { return objects.poll_subgroup_header(waiter, 0x10); });
  auto object = now(objects, &StreamReader::poll_object);
  ASSERT_TRUE(object && *object);
  EXPECT_EQ((*object)->payload_bytes, 5U);
  EXPECT_EQ(objects.payload_remaining(), 5U);
  EXPECT_EQ(now(objects, &StreamReader::poll_payload)->data(), rest.data() + 1);
  EXPECT_TRUE(now(objects, &StreamReader::poll_payload)->empty());
  object = now(objects, &StreamReader::poll_object);
  EXPECT_EQ(now(objects, &StreamReader::poll_payload)->data(), rest.data() + 8);
}

TEST(StreamReader, HoldsNoMoreThanWhatArrived) {
  // A message that claims 65535 bytes, and sends ten.
  std::vector<std::uint8_t> bytes = from_hex("06ffff");
  bytes.resize(13);
  StreamReader reader(FakeRecvStream::chunked(bytes, 1, FakeRecvStream::End::open), Draft::d18);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(reader.poll_raw(Waiter::none()).pending());
  EXPECT_LE(reader.held_bytes(), 64U);
}

TEST(StreamReader, FinInsideAnItemIsAnError) {
  const std::vector<std::uint8_t> bytes = from_hex(
      "1001018000"
      "0568656c");
  StreamReader reader(FakeRecvStream::chunked(bytes, 64), Draft::d18);
  integer(reader);
  (void)wait_for([&](const Waiter& waiter) { return reader.poll_subgroup_header(waiter, 0x10); });
  EXPECT_TRUE(now(reader, &StreamReader::poll_object));
  EXPECT_EQ(now(reader, &StreamReader::poll_payload)->text(), "hel");
  EXPECT_EQ(now(reader, &StreamReader::poll_payload).error().code, Code::wrong_size);
  // For good.
  EXPECT_EQ(now(reader, &StreamReader::poll_varint).error().code, Code::wrong_size);

  StreamReader header(FakeRecvStream::chunked(from_hex("05"), 1), Draft::d18);
  integer(header);
  EXPECT_EQ(now(header, &StreamReader::poll_fetch_header).error().code, Code::decode);
}

TEST(StreamReader, AResetTellsItsCode) {
  StreamReader reader =
      reader_for({Bytes::copy(from_hex("06"))}, Draft::d18, FakeRecvStream::End::reset);
  EXPECT_EQ(now(reader, &StreamReader::poll_raw).error().code, Code::cancelled);
}

TEST(StreamReader, NothingMayFollowTheEnd) {
  StreamReader reader = reader_for({Bytes::copy("a")});
  EXPECT_EQ(now(reader, &StreamReader::poll_end).error().code, Code::protocol_violation);
}

TEST(StreamReader, AMessageThatDoesNotDecodeFailsForGood) {
  StreamReader reader =
      reader_for({Bytes::copy(from_hex("7f0000"
                                       "0400020100"))});
  EXPECT_EQ(now(reader, &StreamReader::poll_message).error().code, Code::decode);
  EXPECT_EQ(now(reader, &StreamReader::poll_message).error().code, Code::decode);
}

TEST(StreamReader, StopTellsThePeer) {
  auto stream = std::make_unique<FakeRecvStream>(std::vector<Bytes>());
  const auto log = stream->log();
  StreamReader reader(std::move(stream), Draft::d18);
  reader.stop(1);
  EXPECT_EQ(log->stopped, 1U);
}

}  // namespace
}  // namespace moq::net::moqt
