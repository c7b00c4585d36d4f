#include "moq/transport/websocket/internal/frame.h"

#include <gtest/gtest.h>

#include <vector>

namespace moq::transport::websocket::internal {
namespace {

constexpr std::size_t kLimit = 1000;
constexpr MaskKey kKey = {0x37, 0xfa, 0x21, 0x3d};  // Of the examples in RFC 6455 §5.7.

std::string text_of(const Message& message) {
  const char* kind = message.opcode == Opcode::binary  ? "binary "
                     : message.opcode == Opcode::close ? "close "
                     : message.opcode == Opcode::ping  ? "ping "
                                                       : "pong ";
  return kind + std::string(message.payload.text());
}

/// What comes out of `bytes`, given in pieces of `piece` bytes; the last may be an error.
std::vector<std::string> read(Role role, std::string_view bytes, std::size_t piece = SIZE_MAX) {
  FrameReader reader(role, kLimit);
  std::vector<std::string> out;
  for (;;) {
    auto message = reader.next();
    if (!message) {
      out.push_back(std::to_string(static_cast<int>(message.error().code)) + " " +
                    message.error().text);
      EXPECT_EQ(reader.next().error(), message.error());
      return out;
    }
    if (*message) {
      out.push_back(text_of(**message));
    } else if (bytes.empty()) {
      return out;
    } else {
      reader.push(Bytes::copy(bytes.substr(0, piece)));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
}

std::string frame(Opcode opcode, std::string_view payload, bool masked = false) {
  return std::string(
      encode_frame(opcode, as_bytes(payload), masked ? std::optional(kKey) : std::nullopt).text());
}

using Texts = std::vector<std::string>;
using namespace std::string_literals;

// The examples of RFC 6455 §5.7, with the opcode of binary messages.
TEST(Frame, AreTheExamplesOfTheRfc) {
  EXPECT_EQ(frame(Opcode::binary, "Hello"), "\x82\x05Hello"s);
  EXPECT_EQ(frame(Opcode::binary, "Hello", true), "\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s);
  EXPECT_EQ(frame(Opcode::ping, "Hello"), "\x89\x05Hello"s);
  EXPECT_EQ(frame(Opcode::pong, "Hello", true), "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s);
  EXPECT_EQ(frame(Opcode::binary, std::string(256, 'x')).substr(0, 4), "\x82\x7e\x01\x00"s);
  EXPECT_EQ(frame(Opcode::binary, std::string(65536, 'x')).substr(0, 10),
            "\x82\x7f\0\0\0\0\0\x01\0\0"s);
  EXPECT_EQ(read(Role::client, "\x02\x03Hel\x80\x02lo"s), (Texts{"binary Hello"}));
}

TEST(Frame, ComesOutAsItWentInWhereverThePiecesEnd) {
  for (const bool masked : {false, true}) {
    const Role reader = masked ? Role::server : Role::client;
    for (const std::size_t size : {0, 1, 7, 8, 9, 125, 126, 127, 1000}) {
      std::string payload;
      for (std::size_t i = 0; i < size; ++i) payload += static_cast<char>('a' + i % 26);
      const std::string bytes =
          frame(Opcode::binary, payload, masked) + frame(Opcode::ping, "", masked);
      for (const std::size_t piece :
           {std::size_t{1}, std::size_t{2}, std::size_t{13}, bytes.size()}) {
        EXPECT_EQ(read(reader, bytes, piece), (Texts{"binary " + payload, "ping "})) << size;
      }
    }
  }
}

TEST(Frame, MaskingIsTheSameFromAnyOffset) {
  for (std::size_t offset = 0; offset < 8; ++offset) {
    std::vector<std::uint8_t> data(37, 0);
    mask(data, kKey, offset);
    for (std::size_t i = 0; i < data.size(); ++i) {
      EXPECT_EQ(data[i], kKey[(offset + i) % 4]) << offset << " " << i;
    }
  }
}

TEST(Frame, ControlFramesComeBetweenFragments) {
  const std::string bytes = "\x02\x01"s + "a" + frame(Opcode::ping, "p") + "\x00\x01"s + "b" +
                            frame(Opcode::pong, "q") + "\x80\x00"s + frame(Opcode::binary, "c");
  EXPECT_EQ(read(Role::client, bytes), (Texts{"ping p", "pong q", "binary ab", "binary c"}));
}

TEST(Frame, TextIsNobodysBusinessHoweverLongItIs) {
  const std::string bytes = frame(Opcode::text, std::string(5000, 't')) + "\x01\x01t"s +
                            frame(Opcode::ping, "p") + "\x00\x01t\x80\x01t"s +
                            frame(Opcode::binary, "b");
  EXPECT_EQ(read(Role::client, bytes, 3), (Texts{"ping p", "binary b"}));
}

TEST(Frame, AMessageHasALimitInOneFrameAndInMany) {
  EXPECT_EQ(read(Role::client, frame(Opcode::binary, std::string(kLimit, 'x'))).size(), 1U);
  const Texts above = {"1009 a message above the limit of 1000 bytes"};
  EXPECT_EQ(read(Role::client, frame(Opcode::binary, std::string(kLimit + 1, 'x')).substr(0, 4)),
            above);
  EXPECT_EQ(read(Role::client, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s), above);
  EXPECT_EQ(read(Role::client, "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"s), above);
  std::string many = "\x02\x7e\x03\xe8"s + std::string(kLimit, 'x');
  EXPECT_EQ(read(Role::client, many + "\x80\x00"s).size(), 1U);
  EXPECT_EQ(read(Role::client, many + "\x80\x01"s), above);
}

TEST(Frame, BrokenRulesAreTold) {
  const struct {
    std::string bytes;
    std::string words;
  } cases[] = {
      {"\xc2\x00"s, "a reserved bit is set"},
      {"\xa2\x00"s, "a reserved bit is set"},
      {"\x92\x00"s, "a reserved bit is set"},
      {"\x83\x00"s, "an unknown kind of frame"},
      {"\x8b\x00"s, "an unknown kind of frame"},
      {"\x82\x80\x01\x02\x03\x04"s, "a server's frame is masked"},
      {"\x09\x00"s, "a control frame in fragments"},
      {"\x89\x7e\x00\x7e"s, "a control frame that is too long"},
      {"\x80\x00"s, "the continuation of nothing"},
      {"\x02\x00\x82\x00"s, "a message within another"},
      {"\x02\x00\x81\x00"s, "a message within another"},
  };
  for (const auto& [bytes, words] : cases) {
    EXPECT_EQ(read(Role::client, bytes), (Texts{"1002 " + words}));
  }
  EXPECT_EQ(read(Role::server, "\x82\x00"s), (Texts{"1002 a client's frame is not masked"}));
}

TEST(Close, SaysWhyOrNothing) {
  EXPECT_EQ(close_payload(CloseCode::too_big, "why"), "\x03\xf1why"s);
  const auto close = parse_close(as_bytes("\x03\xe9gone"s));
  ASSERT_TRUE(close);
  EXPECT_EQ(close->code, 1001);
  EXPECT_EQ(close->reason, "gone");
  EXPECT_EQ(parse_close({})->code, 1005);
  EXPECT_FALSE(parse_close(as_bytes("\x03"s)));
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535}) {
    const std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
    EXPECT_FALSE(parse_close(as_bytes(payload))) << code;
  }
  for (const int code : {1000, 1003, 1007, 1014, 3000, 4999}) {
    const std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
    EXPECT_TRUE(parse_close(as_bytes(payload))) << code;
  }
}

TEST(Close, TheReasonIsCutBetweenCharacters) {
  const std::string long_reason = std::string(122, 'x') + "\xc3\xa9";
  EXPECT_EQ(close_payload(CloseCode::normal, long_reason).size(), 124U);
  EXPECT_EQ(close_payload(CloseCode::normal, std::string(500, 'x')).size(), kMaxControlBytes);
}

}  // namespace
}  // namespace moq::transport::websocket::internal
