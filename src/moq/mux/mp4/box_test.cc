#include "moq/mux/mp4/box.h"

#include <gtest/gtest.h>

namespace moq::mux::mp4 {
namespace {

Bytes box(std::uint32_t size, FourCc type, std::string_view body) {
  return Writer().u32(size).u32(type.value).bytes(as_bytes(body)).take();
}

TEST(BoxReader, WalksBoxes) {
  const std::vector<Bytes> parts = {box(10, "free", "ab"), box(8, "skip", "")};
  const Bytes both = join(parts);
  BoxReader reader(both.span());
  const auto first = reader.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->type.text(), "free");
  EXPECT_EQ(as_text((*first)->body), "ab");
  EXPECT_EQ((*first)->whole.size(), 10U);
  EXPECT_EQ((**reader.next()).type, FourCc("skip"));
  EXPECT_EQ((*reader.next()).has_value(), false);
}

TEST(BoxReader, TakesSizeZeroAsTheRest) {
  const Bytes in = box(0, "mdat", "to the end");
  BoxReader reader(in.span());
  EXPECT_EQ(as_text((**reader.next()).body), "to the end");
}

TEST(BoxReader, Takes64BitSizes) {
  const Bytes in = Writer().u32(1).u32(FourCc("mdat").value).u64(18).u16(0x6162).take();
  BoxReader reader(in.span());
  EXPECT_EQ(as_text((**reader.next()).body), "ab");
}

TEST(BoxReader, RefusesSizesThatDoNotFit) {
  const auto error_of = [](const Bytes& in) { return BoxReader(in.span()).next().error().code; };
  EXPECT_EQ(error_of(box(11, "free", "ab")), Code::decode);
  EXPECT_EQ(error_of(box(7, "free", "")), Code::decode);
  EXPECT_EQ(error_of(box(8, "free", "").slice(0, 7)), Code::decode);
  EXPECT_EQ(error_of(Writer().u32(1).u32(0).u64(15).take()), Code::decode);
  EXPECT_EQ(error_of(Writer().u32(1).u32(0).u32(15).take()), Code::decode);
  EXPECT_EQ(error_of(Writer().u32(1).u32(0).u64(UINT64_MAX).take()), Code::decode);
}

TEST(FindBox, StopsAtABrokenBox) {
  const std::vector<Bytes> parts = {box(99, "free", ""), box(8, "skip", "")};
  EXPECT_FALSE(find_box(join(parts).span(), "skip"));
}

TEST(BoxWriter, FillsInSizes) {
  BoxWriter out;
  const std::size_t outer = out.begin("moof");
  out.end(out.begin_full("mfhd", 1, 0x020304));
  out.end(outer);
  EXPECT_EQ(out.take(), Writer()
                            .u32(20)
                            .u32(FourCc("moof").value)
                            .u32(12)
                            .u32(FourCc("mfhd").value)
                            .u32(0x01020304)
                            .take());
}

TEST(FourCc, PrintsWhatDoesNotPrint) { EXPECT_EQ(FourCc(0x61006262).text(), "a?bb"); }

}  // namespace
}  // namespace moq::mux::mp4
