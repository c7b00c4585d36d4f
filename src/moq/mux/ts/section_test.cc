#include "moq/mux/ts/section.h"

#include <gtest/gtest.h>

namespace moq::mux::ts {
namespace {

using Buffer = std::vector<std::uint8_t>;

/// A section with that table id and body (from the number on), its length and its CRC.
Buffer section(std::uint8_t table, Buffer body) {
  const std::size_t length = body.size() + 4;
  Buffer out = {table, static_cast<std::uint8_t>(0xb0 | length >> 8),
                static_cast<std::uint8_t>(length)};
  out.insert(out.end(), body.begin(), body.end());
  const std::uint32_t crc = section_crc(out);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(crc >> shift));
  }
  return out;
}

/// Program 0 is the network's; 1 and 2 are on pids 0x1000 and 0x1100.
const Buffer kPat = section(0, {0, 1, 0xc1, 0, 0, 0, 0, 0xe0, 0x10, 0, 1, 0xf0, 0, 0, 2, 0xf1, 0});

/// `payload` behind the pointer that says that a section begins right here.
Buffer pointed(const Buffer& payload) {
  Buffer out = {0};
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

TEST(SectionReader, PutsSectionsTogether) {
  SectionReader reader;
  EXPECT_EQ(reader.push(pointed(kPat), true), std::vector<Buffer>{kPat});
  // Cut anywhere, and with padding behind.
  for (std::size_t cut = 0; cut <= kPat.size(); ++cut) {
    const Buffer head(kPat.begin(), kPat.begin() + static_cast<std::ptrdiff_t>(cut));
    Buffer tail(kPat.begin() + static_cast<std::ptrdiff_t>(cut), kPat.end());
    tail.insert(tail.end(), 20, 0xff);
    auto found = reader.push(pointed(head), true);
    const auto more = reader.push(tail, false);
    found.insert(found.end(), more.begin(), more.end());
    EXPECT_EQ(found, std::vector<Buffer>{kPat}) << cut;
  }
}

TEST(SectionReader, TakesTheEndOfOneBeforeTheStartOfTheNext) {
  SectionReader reader;
  const Buffer head(kPat.begin(), kPat.begin() + 10);
  EXPECT_TRUE(reader.push(pointed(head), true).empty());
  Buffer second = {static_cast<std::uint8_t>(kPat.size() - 10)};
  second.insert(second.end(), kPat.begin() + 10, kPat.end());
  second.insert(second.end(), kPat.begin(), kPat.end());
  EXPECT_EQ(reader.push(second, true), (std::vector<Buffer>{kPat, kPat}));
}

TEST(SectionReader, DropsWhatIsBroken) {
  SectionReader reader;
  for (std::size_t i = 0; i < kPat.size(); ++i) {
    Buffer broken = kPat;
    broken[i] ^= 1;
    EXPECT_TRUE(reader.push(pointed(broken), true).empty()) << i;
  }
  EXPECT_TRUE(reader.push(Buffer{200, 1, 2}, true).empty());  // Points behind its packet.
  EXPECT_TRUE(reader.push(kPat, false).empty());              // Of something that was missed.
  EXPECT_EQ(reader.push(pointed(kPat), true).size(), 1U);
}

TEST(SectionReader, HasALimit) {
  SectionReader reader;
  const Buffer most = section(2, Buffer(kMaxSectionBytes - 7));
  EXPECT_EQ(reader.push(pointed(most), true).size(), 1U);
  EXPECT_TRUE(reader.push(pointed(section(2, Buffer(kMaxSectionBytes - 6))), true).empty());
}

TEST(Pat, HasTheProgramsWithoutTheNetworks) {
  EXPECT_EQ(parse_pat(kPat), (std::vector<Program>{{1, 0x1000}, {2, 0x1100}}));
  EXPECT_EQ(parse_pat(section(1, {0, 1, 0xc1, 0, 0})), std::nullopt);
  EXPECT_EQ(parse_pat(section(0, {0, 1, 0xc0, 0, 0})), std::nullopt);  // Not valid yet.
  EXPECT_EQ(parse_pat(Buffer{0, 0}), std::nullopt);
}

TEST(Pmt, HasTheStreamsWithTheirDescriptors) {
  const Buffer pmt = section(2, {0,    7,    0xc1, 0, 0,    0xe1, 0,    0xf0, 2, 1, 0, 0x1b,
                                 0xe1, 0x01, 0xf0, 0, 0x06, 0xe1, 0x02, 0xf0, 3, 5, 1, 9});
  EXPECT_EQ(parse_pmt(pmt, 7),
            (std::vector<StreamEntry>{{0x101, 0x1b, {}}, {0x102, 0x06, {5, 1, 9}}}));
  EXPECT_EQ(parse_pmt(pmt, 8), std::nullopt);
  // Descriptors longer than what is left.
  EXPECT_EQ(parse_pmt(section(2, {0, 7, 0xc1, 0, 0, 0xe1, 0, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 1}), 7),
            std::nullopt);
}

}  // namespace
}  // namespace moq::mux::ts
