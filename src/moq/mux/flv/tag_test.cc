#include "moq/mux/flv/tag.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "moq/mux/internal/testing.h"

namespace moq::mux::flv {
namespace {

using Buffer = std::vector<std::uint8_t>;
using testing::bytes_of;

const Buffer kHeader = {'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0};

/// A tag and the size behind it.
Buffer tag(std::uint8_t type, std::uint32_t timestamp, const Buffer& body) {
  const std::size_t size = body.size();
  Buffer out = {type,
                static_cast<std::uint8_t>(size >> 16),
                static_cast<std::uint8_t>(size >> 8),
                static_cast<std::uint8_t>(size),
                static_cast<std::uint8_t>(timestamp >> 16),
                static_cast<std::uint8_t>(timestamp >> 8),
                static_cast<std::uint8_t>(timestamp),
                static_cast<std::uint8_t>(timestamp >> 24),
                0,
                0,
                0};
  out.insert(out.end(), body.begin(), body.end());
  out.insert(out.end(), {0, 0, 0, static_cast<std::uint8_t>(size + 11)});
  return out;
}
Buffer operator+(Buffer a, const Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Read {
  std::vector<Tag> tags;
  std::optional<Error> error;  ///< Of `next`, else of `finish`.
};
Read read(const Buffer& input, std::size_t piece = SIZE_MAX) {
  TagReader reader;
  Read out;
  for (ByteSpan rest = input; !rest.empty() && !out.error;
       rest = rest.subspan(std::min(piece, rest.size()))) {
    reader.push(rest.first(std::min(piece, rest.size())));
    auto next = reader.next();
    for (; next && *next; next = reader.next()) out.tags.push_back(**next);
    if (!next) out.error = next.error();
  }
  if (const auto end = reader.finish(); !end && !out.error) out.error = end.error();
  return out;
}

TEST(FlvTags, AreCutInPiecesOfAnySize) {
  const Buffer input = kHeader + tag(18, 0, Buffer(300, 7)) + tag(9, 0x01020304, {1, 2}) +
                       tag(8, 5, {}) + tag(8, 6, {3});
  const std::vector<Tag> expected = {{Kind::video, 0x01020304, bytes_of({1, 2})},
                                     {Kind::audio, 5, {}},
                                     {Kind::audio, 6, bytes_of({3})}};
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{188}, SIZE_MAX}) {
    const Read found = read(input, piece);
    EXPECT_EQ(found.tags, expected) << piece;
    EXPECT_EQ(found.error, std::nullopt);
  }
}

TEST(FlvTags, EndBetweenTwoOfThem) {
  const Buffer input = kHeader + tag(9, 0, {1, 2}) + tag(18, 0, {3});
  for (std::size_t size = 0; size < input.size(); ++size) {
    const Read found = read({input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size)});
    // The size behind a tag may be missing.
    const std::size_t first = 13 + 13;
    const bool is_whole = (size >= 9 && size <= 13) || (size >= first && size <= first + 4) ||
                          size >= input.size() - 4;
    EXPECT_EQ(found.error == std::nullopt, is_whole) << size;
    if (found.error) {
      EXPECT_EQ(found.error->code, Code::decode);
    }
    EXPECT_EQ(found.tags.size(), size >= first ? 1U : 0U);
  }
}

TEST(FlvTags, AreNothingElse) {
  const Read other = read(Buffer(100, 'x'));
  ASSERT_TRUE(other.error);
  EXPECT_EQ(other.error->text, "flv: the input is no FLV file");
  const Read garbage = read(kHeader + tag(9, 0, {1}) + tag(7, 0, {1}));
  EXPECT_EQ(garbage.tags.size(), 1U);
  ASSERT_TRUE(garbage.error);
  EXPECT_EQ(garbage.error->text, "flv: neither audio nor video nor data, at byte 29");
}

TEST(FlvTags, MayBeEncryptedAndAreThenLeftOut) {
  EXPECT_TRUE(read(kHeader + tag(0x29, 0, {1})).tags.empty());
}

TEST(FlvTags, ComeBehindAHeaderOfItsOwnLength) {
  const auto header_of = [](std::size_t size) {
    Buffer out = {'F',
                  'L',
                  'V',
                  1,
                  5,
                  0,
                  0,
                  static_cast<std::uint8_t>(size >> 8),
                  static_cast<std::uint8_t>(size)};
    out.resize(size + 4);
    return out;
  };
  EXPECT_EQ(read(header_of(kMaxHeaderBytes) + tag(9, 0, {1}), 100).tags.size(), 1U);
  EXPECT_TRUE(read(header_of(kMaxHeaderBytes + 1)).error);
  Buffer shorter = kHeader;
  shorter[8] = 8;
  EXPECT_TRUE(read(shorter).error);
}

TEST(FlvTags, MayBeAsLargeAsTheirFieldSays) {
  const Buffer input = kHeader + tag(9, 0, Buffer(kMaxTagBytes, 1));
  EXPECT_EQ(read(input, 1 << 20).tags.at(0).body.size(), kMaxTagBytes);
}

Content content(Kind kind, const std::vector<int>& body) {
  return parse_content({kind, 0, bytes_of(body)});
}
Content video(const std::vector<int>& body) { return content(Kind::video, body); }
Content audio(const std::vector<int>& body) { return content(Kind::audio, body); }
using Type = Content::Type;

TEST(FlvContent, OfTheOldHeaders) {
  EXPECT_EQ(video({0x17, 0, 0, 0, 0, 1, 2}), (Content{Type::config, "avc1", bytes_of({1, 2})}));
  EXPECT_EQ(video({0x27, 1, 0, 0, 80, 1}), (Content{Type::frame, "avc1", bytes_of({1}), 80}));
  EXPECT_EQ(video({0x27, 1, 0xff, 0xff, 0xff, 1}).composition_ms, -1);
  EXPECT_EQ(video({0x17, 2, 0, 0, 0}), Content());  // The end.
  EXPECT_EQ(video({0x57, 0}), Content());           // A command.
  EXPECT_EQ(audio({0xaf, 0, 0x11, 0x90}), (Content{Type::config, "aac", bytes_of({0x11, 0x90})}));
  EXPECT_EQ(audio({0xaf, 1, 9}), (Content{Type::frame, "aac", bytes_of({9})}));
  EXPECT_EQ(audio({0x2f, 9}), (Content{Type::frame, "mp3", bytes_of({9})}));
  EXPECT_EQ(video({0x22, 1}), (Content{Type::unknown, "codec 2"}));
  EXPECT_EQ(audio({0x52, 1}), (Content{Type::unknown, "codec 5"}));
}

TEST(FlvContent, OfTheNewVideoHeaders) {
  EXPECT_EQ(video({0x90, 'h', 'v', 'c', '1', 1}), (Content{Type::config, "hvc1", bytes_of({1})}));
  EXPECT_EQ(video({0xa1, 'h', 'v', 'c', '1', 0, 0, 40, 1}),
            (Content{Type::frame, "hvc1", bytes_of({1}), 40}));
  EXPECT_EQ(video({0xa3, 'a', 'v', 'c', '1', 1}), (Content{Type::frame, "avc1", bytes_of({1})}));
  EXPECT_EQ(video({0xa1, 'a', 'v', '0', '1', 1}), (Content{Type::frame, "av01", bytes_of({1})}));
  EXPECT_EQ(video({0x90, 'v', 'p', '0', '9', 1}), (Content{Type::config, "vp9", {}}));
  EXPECT_EQ(video({0x92, 'h', 'v', 'c', '1'}), Content());
  EXPECT_EQ(video({0xd0, 0}), Content());  // A command.
  EXPECT_EQ(video({0x90, 'v', 'v', 'c', '1', 1}), (Content{Type::unknown, "vvc1"}));
  EXPECT_EQ(video({0x96, 1}), (Content{Type::unknown, "video packet 6"}));  // Several tracks.
}

TEST(FlvContent, OfTheNewAudioHeaders) {
  EXPECT_EQ(audio({0x90, 'O', 'p', 'u', 's', 1}), (Content{Type::config, "opus", bytes_of({1})}));
  EXPECT_EQ(audio({0x91, 'f', 'L', 'a', 'C', 1}), (Content{Type::frame, "flac", bytes_of({1})}));
  EXPECT_EQ(audio({0x91, '.', 'm', 'p', '3', 1}), (Content{Type::frame, "mp3", bytes_of({1})}));
  EXPECT_EQ(audio({0x91, 'm', 'p', '4', 'a', 1}), (Content{Type::frame, "aac", bytes_of({1})}));
  EXPECT_EQ(audio({0x91, 'a', 'c', '-', '3', 1}), (Content{Type::unknown, "ac-3"}));
  EXPECT_EQ(audio({0x94, 1}), Content());
  EXPECT_EQ(audio({0x95, 1}), (Content{Type::unknown, "audio packet 5"}));
}

TEST(FlvContent, BehindModifiers) {
  // Three bytes of one, then the packet; and 256 of one.
  EXPECT_EQ(video({0xa7, 2, 1, 2, 3, 0x03, 'a', 'v', '0', '1', 7}),
            (Content{Type::frame, "av01", bytes_of({7})}));
  std::vector<int> body = {0x97, 255, 0, 255};
  body.insert(body.end(), 256, 0);
  body.insert(body.end(), {0x01, 'O', 'p', 'u', 's', 7});
  EXPECT_EQ(audio(body), (Content{Type::frame, "opus", bytes_of({7})}));
}

TEST(FlvContent, IsNothingIfItIsCut) {
  for (const std::vector<int>& body : {std::vector<int>{0x27, 1, 0, 0, 80},
                                       {0xa1, 'h', 'v', 'c', '1', 0, 0, 40},
                                       {0xa7, 2, 1, 2}}) {
    for (std::size_t size = 0; size < body.size(); ++size) {
      EXPECT_EQ(video({body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)}), Content());
    }
  }
  EXPECT_EQ(audio({}), Content());
  EXPECT_EQ(audio({0xaf}), Content());
}

}  // namespace
}  // namespace moq::mux::flv
