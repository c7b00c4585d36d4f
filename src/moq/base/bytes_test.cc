#include "moq/base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <utility>

namespace moq {
namespace {

TEST(Bytes, EmptyHasNoBlock) {
  const Bytes bytes;
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.data(), nullptr);
  EXPECT_EQ(bytes.begin(), bytes.end());
  EXPECT_EQ(bytes, Bytes::copy(std::string_view()));
  EXPECT_EQ(bytes.text(), "");
}

TEST(Bytes, CopyOwnsItsContents) {
  std::string text = "frame";
  const Bytes bytes = Bytes::copy(text);
  text = "other";
  EXPECT_EQ(bytes.text(), "frame");
  EXPECT_EQ(bytes[4], 'e');
}

TEST(Bytes, CopiesAndSlicesShareTheBlock) {
  const Bytes whole = Bytes::copy("0123456789");
  const Bytes twin = whole;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(twin.data(), whole.data());
  EXPECT_EQ(whole.slice(3, 4).data(), whole.data() + 3);
  EXPECT_EQ(whole.slice(3, 4).text(), "3456");
}

TEST(Bytes, SliceIsCutToWhatIsThere) {
  const Bytes whole = Bytes::copy("0123456789");
  EXPECT_EQ(whole.slice(8, 100).text(), "89");
  EXPECT_EQ(whole.slice(8).text(), "89");
  EXPECT_TRUE(whole.slice(10).empty());
  EXPECT_TRUE(whole.slice(SIZE_MAX, SIZE_MAX).empty());
  EXPECT_TRUE(whole.slice(2, 0).empty());
  EXPECT_EQ(whole.slice(2, 6).slice(2, 100).text(), "4567");
}

TEST(Bytes, SliceOutlivesTheWhole) {
  Bytes slice;
  {
    const Bytes whole = Bytes::copy("0123456789");
    slice = whole.slice(2, 3);
  }
  EXPECT_EQ(slice.text(), "234");
}

TEST(Bytes, TakeFrontSplits) {
  Bytes rest = Bytes::copy("abcdef");
  EXPECT_EQ(rest.take_front(2).text(), "ab");
  EXPECT_TRUE(rest.take_front(0).empty());
  EXPECT_EQ(rest.text(), "cdef");
  EXPECT_EQ(rest.take_front(100).text(), "cdef");
  EXPECT_TRUE(rest.empty());
  EXPECT_TRUE(rest.take_front(1).empty());
}

TEST(Bytes, MovedFromIsEmpty) {
  Bytes from = Bytes::copy("abc");
  Bytes to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(from.data(), nullptr);
  from = std::move(to);
  EXPECT_EQ(from.text(), "abc");
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
  Bytes& same = from;
  from = std::move(same);
  EXPECT_EQ(from.text(), "abc");
}

TEST(Bytes, ComparesContents) {
  EXPECT_EQ(Bytes::copy("xab").slice(1), Bytes::copy("ab"));
  EXPECT_NE(Bytes::copy("ab"), Bytes::copy("abc"));
  EXPECT_NE(Bytes::copy("ab"), Bytes::copy("ac"));
}

TEST(Bytes, JoinConcatenates) {
  const std::array parts{Bytes::copy("ab"), Bytes(), Bytes::copy("c")};
  EXPECT_EQ(join(parts).text(), "abc");
  EXPECT_TRUE(join({}).empty());
  EXPECT_TRUE(join(std::array{Bytes(), Bytes()}).empty());
  const Bytes one = Bytes::copy("one");
  EXPECT_EQ(join(std::span(&one, 1)).data(), one.data()) << "one part is not copied";
}

TEST(Buffer, IsWrittenByItsOwnerBeforeItIsShared) {
  Ref<Buffer> buffer = Buffer::allocate(4);
  EXPECT_EQ(buffer->size(), 4U);
  EXPECT_TRUE(buffer->unique());
  std::memcpy(buffer->data(), "wxyz", 4);
  const std::uint8_t* data = buffer->data();
  const Bytes bytes(std::move(buffer), 1, 2);
  EXPECT_EQ(bytes.text(), "xy");
  EXPECT_EQ(bytes.data(), data + 1);
}

TEST(BufferDeathTest, ASliceOutsideTheBlockIsABug) {
  EXPECT_DEATH(Bytes(Buffer::allocate(4), 3, 2), "does not hold");
  EXPECT_DEATH(Bytes(Buffer::allocate(4), SIZE_MAX, 2), "does not hold");
  EXPECT_DEATH(Bytes(nullptr, 0, 1), "does not hold");
  EXPECT_DEATH(Buffer::allocate(SIZE_MAX), "does not hold");
}

}  // namespace
}  // namespace moq
