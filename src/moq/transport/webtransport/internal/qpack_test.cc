#include "moq/transport/webtransport/internal/qpack.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "moq/transport/webtransport/internal/hex_test.h"

namespace moq::transport::webtransport {
namespace {

const std::vector<Header> kRequest = {
    {":method", "CONNECT"},
    {":scheme", "https"},
    {":authority", "relay.example:4443"},
    {":path", "/room?jwt=abc"},
    {":protocol", "webtransport"},
    {"wt-available-protocols", "\"moq-lite-06\", \"moq-lite-05\""}};

H3Code error_of(ByteSpan section) {
  const auto decoded = decode_headers(section);
  return decoded ? H3Code::no_error : decoded.error().code;
}

// The vector of the session sheet, without its frame header.
TEST(Qpack, EncodesTheVectorOfARequest) {
  EXPECT_EQ(encode_headers(kRequest),
            from_hex("00 00 cf d7"
                     "50 12 72 65 6c 61 79 2e 65 78 61 6d 70 6c 65 3a 34 34 34 33"
                     "51 0d 2f 72 6f 6f 6d 3f 6a 77 74 3d 61 62 63"
                     "27 02 3a 70 72 6f 74 6f 63 6f 6c 0c 77 65 62 74 72 61 6e 73 70 6f 72 74"
                     "27 0f 77 74 2d 61 76 61 69 6c 61 62 6c 65 2d 70 72 6f 74 6f 63 6f 6c 73"
                     "1c 22 6d 6f 71 2d 6c 69 74 65 2d 30 36 22 2c 20"
                     "22 6d 6f 71 2d 6c 69 74 65 2d 30 35 22"));
}

TEST(Qpack, ReadsWhatItWrites) { EXPECT_EQ(decode_headers(encode_headers(kRequest)), kRequest); }

TEST(Qpack, WritesEveryStaticEntryAsTheTableHasIt) {
  const std::vector<Header> all = {{":path", "/"},
                                   {":method", "GET"},
                                   {":status", "103"},
                                   {":status", "404"},
                                   {":status", "503"},
                                   {":status", "400"},
                                   {":status", "403"},
                                   {":status", "500"},
                                   {":status", "401"},
                                   {"origin", "https://a"},
                                   {"user-agent", "x"},
                                   {":scheme", "http"},
                                   {"long-name", std::string(300, 'v')}};
  EXPECT_EQ(decode_headers(encode_headers(all)), all);
}

// RFC 7541 C.4.1: "www.example.com" in Huffman code, here behind the static name :authority.
TEST(Qpack, ReadsHuffman) {
  EXPECT_EQ(decode_headers(from_hex("00 00 50 8c f1 e3 c2 e5 f2 3a 6b a0 ab 90 f4 ff")),
            (std::vector<Header>{{":authority", "www.example.com"}}));
}

TEST(Qpack, RefusesTheDynamicTable) {
  // Required insert count 1, then an indexed line of the dynamic table.
  EXPECT_EQ(error_of(from_hex("02 00 80")), H3Code::qpack_decompression_failed);
  // The count is 0, but a line refers to the dynamic table all the same.
  EXPECT_EQ(error_of(from_hex("00 00 80")), H3Code::qpack_decompression_failed);
  EXPECT_EQ(error_of(from_hex("00 00 10")), H3Code::qpack_decompression_failed);
}

TEST(Qpack, RefusesWhatTheStaticTableDoesNotHave) {
  // Index 99 is one past the end.
  EXPECT_EQ(error_of(from_hex("00 00 ff 24")), H3Code::qpack_decompression_failed);
}

TEST(Qpack, RefusesBytesThatMeanNothing) {
  EXPECT_EQ(error_of({}), H3Code::qpack_decompression_failed);
  // An integer that runs out of 62 bits.
  EXPECT_EQ(error_of(from_hex("00 00 ff ff ff ff ff ff ff ff ff ff ff ff 7f")),
            H3Code::qpack_decompression_failed);
  // Huffman padding of zeros.
  EXPECT_EQ(error_of(from_hex("00 00 50 81 00")), H3Code::qpack_decompression_failed);
}

TEST(Qpack, FailsWhereverASectionIsCutWithinALine) {
  const auto whole = encode_headers(kRequest);
  // Between two lines a shorter section is a section too.
  std::vector<std::size_t> boundaries;
  for (std::size_t count = 0; count <= kRequest.size(); ++count) {
    boundaries.push_back(encode_headers(std::span(kRequest).first(count)).size());
  }
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const bool boundary = std::ranges::find(boundaries, cut) != boundaries.end();
    EXPECT_EQ(decode_headers(ByteSpan(whole).first(cut)).has_value(), boundary) << cut;
  }
}

TEST(Qpack, DecodesUpToTheLimitAndNoMore) {
  const auto one_line = [](std::size_t value_size) {
    return encode_headers(std::vector<Header>{{"a", std::string(value_size, 'v')}});
  };
  const std::size_t most = kMaxFieldSectionBytes - 32 - 1;
  EXPECT_EQ(error_of(one_line(most)), H3Code::no_error);
  EXPECT_EQ(error_of(one_line(most + 1)), H3Code::excessive_load);
  EXPECT_EQ(error_of(one_line(kMaxFieldSectionBytes)), H3Code::excessive_load);
}

TEST(Qpack, CountsLinesThatAreShortOnTheWire) {
  // Each byte is ":path: /", 38 decoded bytes.
  auto section = from_hex("00 00");
  section.resize(2 + kMaxFieldSectionBytes / 38, 0xc1);
  EXPECT_EQ(error_of(section), H3Code::no_error);
  section.push_back(0xc1);
  EXPECT_EQ(error_of(section), H3Code::excessive_load);
}

}  // namespace
}  // namespace moq::transport::webtransport
