#include <gtest/gtest.h>

#include "moq/av/loader.h"

namespace moq::av {
namespace {

TEST(CodecLoader, SaysWhichFileIsMissing) {
  const Result<const CodecTable*> missing = load_codecs("/nowhere/libmoq-av.so.0");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::unsupported);
  EXPECT_NE(missing.error().text.find("/nowhere/libmoq-av.so.0"), std::string::npos);
}

TEST(CodecLoader, RefusesALibraryThatIsNone) {
  const Result<const CodecTable*> other = load_codecs("libm.so.6");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().text, "libm.so.6 is no component with codecs");
}

// This program has no component beside it, and none is installed where the system looks.
TEST(CodecLoader, RemembersThatThereIsNone) {
  const Result<const CodecTable*> first = codecs();
  const Result<const CodecTable*> second = codecs();
  ASSERT_EQ(first.has_value(), second.has_value());
  if (first) {
    EXPECT_EQ(*first, *second);
  } else {
    EXPECT_EQ(first.error().code, Code::unsupported);
    EXPECT_NE(first.error().text.find(kLibraryName), std::string::npos);
    EXPECT_EQ(first.error(), second.error());
  }
}

}  // namespace
}  // namespace moq::av
