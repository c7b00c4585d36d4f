#include "moq/transport/qmux/internal/parameters.h"

#include <gtest/gtest.h>

#include "moq/transport/qmux/internal/frame.h"
#include "moq/transport/qmux/internal/hex_test.h"

namespace moq::transport::qmux {
namespace {

std::expected<WireParameters, DecodeError> decode(std::string_view hex) {
  return WireParameters::decode(from_hex(hex));
}

DecodeError failure(std::string_view hex) {
  const auto parameters = decode(hex);
  EXPECT_FALSE(parameters) << hex;
  return parameters ? DecodeError::none : parameters.error();
}

// wire/session.md §6.7: the first record of a Rust client on TCP.
constexpr std::string_view kRustBody =
    "01048000753004048010000005048004000006048004000007048004000008026710090267102002"
    "7ffec571c59429cd0845027ffefd4f9c2a8b1e60750c0b6d6f712d6c6974652d3036";

WireParameters rust() {
  WireParameters parameters;
  parameters.idle_timeout_ms = 30000;
  parameters.max_data = 1 << 20;
  parameters.max_stream_data_bidi_local = 256 << 10;
  parameters.max_stream_data_bidi_remote = 256 << 10;
  parameters.max_stream_data_uni = 256 << 10;
  parameters.max_streams_bidi = 10000;
  parameters.max_streams_uni = 10000;
  parameters.max_datagram_frame_bytes = 16382;
  parameters.max_record_bytes = 16382;
  parameters.protocols = std::vector<std::string>{"moq-lite-06"};
  return parameters;
}

TEST(WireParameters, MatchARustClients) {
  const auto parameters = decode(kRustBody);
  ASSERT_TRUE(parameters);
  EXPECT_EQ(*parameters, rust());
  Writer out;
  rust().encode(out);
  EXPECT_EQ(to_hex(out.span()), kRustBody);
}

TEST(WireParameters, TheFrameMatchesARustClients) {
  Writer body;
  rust().encode(body);
  Writer out;
  encode_parameters(out, body.span());
  EXPECT_EQ(to_hex(out.span()), "ff5153300d0a0d0a404a" + std::string(kRustBody));
}

TEST(WireParameters, NothingIsZeroEverywhere) {
  const auto parameters = decode("");
  ASSERT_TRUE(parameters);
  EXPECT_EQ(*parameters, WireParameters());
  Writer out;
  parameters->encode(out);
  EXPECT_EQ(out.size(), 0u);
}

TEST(WireParameters, UnknownIdsAreSkipped) {
  const auto parameters = decode(
      "1b03010203"
      "040105"
      "4a4a00");
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->max_data, 5u);
}

TEST(WireParameters, ResetStreamAtIsEmpty) {
  EXPECT_TRUE(decode("1d00")->reset_stream_at);
  EXPECT_EQ(failure("1d0101"), DecodeError::trailing);
}

TEST(WireParameters, WhatBelongsToPacketsIsRefused) {
  for (const char* hex :
       {"0000", "0200", "030104", "0a0101", "0b0101", "0c00", "0d00", "0e0102", "0f00", "1000"}) {
    EXPECT_EQ(failure(hex), DecodeError::unknown) << hex;
  }
}

TEST(WireParameters, NothingComesTwice) {
  EXPECT_EQ(failure("040105040105"), DecodeError::duplicate);
}

TEST(WireParameters, AValueIsExactlyOneNumber) {
  EXPECT_EQ(failure("04020505"), DecodeError::trailing);
  EXPECT_EQ(failure("0400"), DecodeError::truncated);
  EXPECT_EQ(failure("040140"), DecodeError::truncated);
  EXPECT_EQ(failure("0405"), DecodeError::truncated);
}

TEST(WireParameters, ARecordIsNotSmallerThanTheDefault) {
  EXPECT_EQ(failure("c571c59429cd0845027ffd"), DecodeError::out_of_range);
  EXPECT_EQ(decode("c571c59429cd0845027ffe")->max_record_bytes, 16382u);
}

TEST(WireParameters, StreamsHaveIdsFor62Bits) {
  EXPECT_EQ(failure("0808d000000000000001"), DecodeError::out_of_range);
  EXPECT_TRUE(decode("0808d000000000000000"));
}

TEST(WireParameters, AListOfProtocolsHasSome) {
  const std::string id = "fd4f9c2a8b1e6075";
  EXPECT_EQ(failure(id + "00"), DecodeError::out_of_range);
  EXPECT_EQ(failure(id + "0100"), DecodeError::out_of_range);
  EXPECT_EQ(failure(id + "020561"), DecodeError::truncated);
  EXPECT_EQ(decode(id + "0401610162")->protocols, (std::vector<std::string>{"a", "b"}));
}

TEST(WireParameters, NamesOfProtocolsAreLimited) {
  WireParameters parameters;
  parameters.protocols = std::vector<std::string>{std::string(kMaxProtocolBytes, 'x')};
  Writer longest;
  parameters.encode(longest);
  EXPECT_EQ(WireParameters::decode(longest.span())->protocols, parameters.protocols);
  parameters.protocols->front().push_back('x');
  Writer over;
  parameters.encode(over);
  EXPECT_FALSE(WireParameters::decode(over.span()));
}

TEST(WireParameters, CountsAreLimited) {
  WireParameters many;
  many.protocols = std::vector<std::string>(kMaxProtocols, "x");
  Writer most;
  many.encode(most);
  EXPECT_TRUE(WireParameters::decode(most.span()));
  many.protocols->push_back("y");
  Writer over;
  many.encode(over);
  EXPECT_EQ(WireParameters::decode(over.span()).error(), DecodeError::too_many);

  Writer unknown;
  for (std::size_t i = 0; i < kMaxParameters; ++i) unknown.varint(1000 + i).varint(0);
  EXPECT_TRUE(WireParameters::decode(unknown.span()));
  unknown.varint(999).varint(0);
  EXPECT_EQ(WireParameters::decode(unknown.span()).error(), DecodeError::too_many);
}

TEST(WireParameters, EveryCutFails) {
  for (std::size_t size = 2; size < kRustBody.size(); size += 2) {
    const auto parameters = decode(kRustBody.substr(0, size));
    if (parameters) {
      // A cut between two parameters is a shorter list.
      Writer out;
      parameters->encode(out);
      EXPECT_EQ(to_hex(out.span()), kRustBody.substr(0, size));
    } else {
      EXPECT_EQ(parameters.error(), DecodeError::truncated) << size;
    }
  }
}

TEST(ChooseProtocol, TheServersOrderDecides) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(choose_protocol(Names{"c", "b", "a"}, Names{"a", "b"}), "b");
  EXPECT_EQ(choose_protocol(Names{"c"}, Names{"a", "b"}), std::nullopt);
  EXPECT_EQ(choose_protocol(Names{}, Names{"a"}), std::nullopt);
}

}  // namespace
}  // namespace moq::transport::qmux
