#include "moq/hang/codec_string.h"

#include <gtest/gtest.h>

namespace moq::hang {
namespace {

/// The canonical form; "refused" for a malformed one.
std::string canonical(std::string_view codec) {
  const Result<std::string> out = canonical_codec(codec);
  EXPECT_TRUE(out || out.error().code == Code::invalid_argument);
  return out.value_or("refused");
}

TEST(CodecString, KeepsWhatItDoesNotParse) {
  for (const char* codec : {"", "vp8", "opus", "flac", "mp3", "ac-3", "pcm", "avc1", "mp4a.6B",
                            "mp4a.40", "vp9", "h264", "AVC1.42001E", "x.y.z"}) {
    EXPECT_EQ(canonical(codec), codec);
  }
}

TEST(CodecString, WritesAvcInLowerCase) {
  EXPECT_EQ(canonical("avc1.64001F"), "avc1.64001f");
  EXPECT_EQ(canonical("avc3.42c01e"), "avc3.42c01e");
  EXPECT_EQ(canonical("avc1.00000a"), "avc1.00000a");
  for (const char* codec : {"avc1.", "avc1.64001", "avc1.64001f0", "avc1.64001g", "avc3.64.00.1f",
                            "avc1.64001f.", "avc1.+4001f", "avc1.0x001f"}) {
    EXPECT_EQ(canonical(codec), "refused") << codec;
  }
}

TEST(CodecString, WritesHevcInUpperCaseWithoutZeros) {
  EXPECT_EQ(canonical("hvc1.1.6.L93.B0"), "hvc1.1.6.L93.B0");
  EXPECT_EQ(canonical("hev1.1.06.L93.b0.00.00.00.00.00"), "hev1.1.6.L93.B0");
  EXPECT_EQ(canonical("hev1.A2.4.H120.0.a"), "hev1.A2.4.H120.0.A");
  EXPECT_EQ(canonical("hvc1.1.6.L93"), "hvc1.1.6.L93");
  EXPECT_EQ(canonical("hvc1.1.6.L93."), "hvc1.1.6.L93");
  for (const char* codec :
       {"hvc1.", "hvc1.1", "hvc1.1.6", "hvc1.1.6.93", "hvc1.1.6.L", "hvc1.1.6.M93", "hvc1.D1.6.L93",
        "hvc1.256.6.L93", "hvc1.1.100000000.L93", "hvc1.1.6.L256", "hvc1.1.6.L93.100",
        "hvc1.1.6.L93..B0", "hvc1.1.6.L93.1.2.3.4.5.6.7", "hvc1.A.6.L93", "hvc1..6.L93"}) {
    EXPECT_EQ(canonical(codec), "refused") << codec;
  }
}

TEST(CodecString, WritesVp9WithTwoDigits) {
  EXPECT_EQ(canonical("vp09.00.10.08"), "vp09.00.10.08");
  EXPECT_EQ(canonical("vp09.2.51.10"), "vp09.02.51.10");
  EXPECT_EQ(canonical("vp09.00.10.08.01.01.01.01.00"), "vp09.00.10.08");
  EXPECT_EQ(canonical("vp09.02.10.10.1.9.16.9.1"), "vp09.02.10.10.01.09.16.09.01");
  for (const char* codec :
       {"vp09.", "vp09.00", "vp09.00.10", "vp09.00.10.08.01", "vp09.00.10.08.01.01.01.01",
        "vp09.00.10.08.01.01.01.01.00.00", "vp09.00.10.0x", "vp09.00.10.", "vp09.256.10.08"}) {
    EXPECT_EQ(canonical(codec), "refused") << codec;
  }
}

TEST(CodecString, WritesAv1WithoutItsDefaults) {
  EXPECT_EQ(canonical("av01.0.04M.08"), "av01.0.04M.08");
  EXPECT_EQ(canonical("av01.2.15H.12"), "av01.2.15H.12");
  EXPECT_EQ(canonical("av01.0.04M.10.0.110.01.01.01.0"), "av01.0.04M.10");
  EXPECT_EQ(canonical("av01.0.04M.10.0.112.09.16.09.0"), "av01.0.04M.10.0.112.09.16.09.0");
  for (const char* codec :
       {"av01.", "av01.3.04M.08", "av01.00.04M.08", "av01.0.4M.08", "av01.0.04X.08", "av01.0.04M.8",
        "av01.0.32M.08", "av01.0.04M", "av01.0.04M.08.0", "av01.0.04M.08.2.110.01.01.01.0",
        "av01.0.04M.08.0.210.01.01.01.0", "av01.0.04M.08.0.114.01.01.01.0",
        "av01.0.04M.08.0.11.01.01.01.0", "av01.0.04M.08.0.110.1.01.01.0",
        "av01.0.04M.08.0.110.01.01.01.2", "av01.0.04M.08.0.110.01.01.01.0.0", "av01.0.0.08"}) {
    EXPECT_EQ(canonical(codec), "refused") << codec;
  }
}

TEST(CodecString, WritesTheObjectTypeOfAac) {
  EXPECT_EQ(canonical("mp4a.40.2"), "mp4a.40.2");
  EXPECT_EQ(canonical("mp4a.40.02"), "mp4a.40.2");
  EXPECT_EQ(canonical("mp4a.40.29"), "mp4a.40.29");
  for (const char* codec : {"mp4a.40.", "mp4a.40.x", "mp4a.40.2.1", "mp4a.40.256", "mp4a.40.-1"}) {
    EXPECT_EQ(canonical(codec), "refused") << codec;
  }
}

}  // namespace
}  // namespace moq::hang
