#include "moq/mux/mkv/ebml.h"

#include <gtest/gtest.h>

#include <vector>

namespace moq::mux::mkv {
namespace {

using Buffer = std::vector<std::uint8_t>;

TEST(Ebml, NumbersSayTheirLength) {
  const auto read = [](const Buffer& in) {
    const auto number = read_variable_int(in);
    return number ? std::pair(number->value, number->size) : std::pair(UINT64_MAX, std::size_t{0});
  };
  EXPECT_EQ(read({0x82, 9}), std::pair(std::uint64_t{2}, std::size_t{1}));
  EXPECT_EQ(read({0x40, 0x02}), std::pair(std::uint64_t{2}, std::size_t{2}));
  EXPECT_EQ(read({0x10, 0x20, 0x30, 0x40}), std::pair(std::uint64_t{0x203040}, std::size_t{4}));
  EXPECT_EQ(read({1, 0, 0, 0, 0, 0, 1, 0}), std::pair(std::uint64_t{256}, std::size_t{8}));
  EXPECT_EQ(read({}).second, 0U);
  EXPECT_EQ(read({0, 0xff}).second, 0U);
  EXPECT_EQ(read({0x40}).second, 0U);
}

TEST(Ebml, HeadersHaveAnIdAndASize) {
  const Buffer segment = {0x18, 0x53, 0x80, 0x67, 0x01, 0, 0, 0, 0, 0, 0x12, 0x34};
  for (std::size_t size = 0; size < segment.size(); ++size) {
    const auto cut = read_element_header(ByteSpan(segment).first(size));
    EXPECT_TRUE(cut && !*cut) << size;
  }
  const auto header = read_element_header(segment);
  ASSERT_TRUE(header && *header);
  EXPECT_EQ((*header)->id, 0x18538067U);
  EXPECT_EQ((*header)->size, 0x1234U);
  EXPECT_EQ((*header)->header_size, kMaxElementHeader);
}

TEST(Ebml, SizesMayBeUnknown) {
  for (const Buffer& in : {Buffer{0xa3, 0xff}, Buffer{0xa3, 0x7f, 0xff},
                           Buffer{0xa3, 1, 255, 255, 255, 255, 255, 255, 255}}) {
    const auto header = read_element_header(in);
    ASSERT_TRUE(header && *header);
    EXPECT_EQ((*header)->size, std::nullopt);
  }
}

TEST(Ebml, WhatIsNoIdOrNoSizeIsAnError) {
  EXPECT_FALSE(read_element_header(Buffer{0x00}));
  EXPECT_FALSE(read_element_header(Buffer{0x08, 1, 2, 3, 4, 0x81}));
  EXPECT_FALSE(read_element_header(Buffer{0xa3, 0x00}));
}

TEST(Ebml, ElementsAreWalkedUpToABrokenOne) {
  const Buffer in = {0xa3, 0x82, 1, 2, 0x42, 0x82, 0x80, 0xa1, 0x82, 1};
  ElementReader reader(in);
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, 0xa3U);
  EXPECT_EQ(first->body.size(), 2U);
  const auto second = reader.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, 0x4282U);
  EXPECT_TRUE(second->body.empty());
  EXPECT_FALSE(reader.next());  // It lacks a byte.
}

TEST(Ebml, ValuesHaveTheLengthOfTheirBody) {
  EXPECT_EQ(read_uint({}), 0U);
  EXPECT_EQ(read_uint(Buffer{1, 0}), 256U);
  EXPECT_EQ(read_uint(Buffer(8, 255)), UINT64_MAX);
  EXPECT_EQ(read_uint(Buffer(9, 0)), std::nullopt);
  EXPECT_EQ(read_float({}), 0.0);
  EXPECT_EQ(read_float(Buffer{0x47, 0x3b, 0x80, 0}), 48'000.0);
  EXPECT_EQ(read_float(Buffer{0x40, 0xe7, 0x70, 0, 0, 0, 0, 0}), 48'000.0);
  EXPECT_EQ(read_float(Buffer{1, 2, 3}), std::nullopt);
}

}  // namespace
}  // namespace moq::mux::mkv
