#include <gtest/gtest.h>

#include <algorithm>

#include "moq/av/ffmpeg/internal/picture.h"
#include "moq/av/ffmpeg/signals_test.h"

namespace moq::av::ffmpeg {
namespace {

constexpr std::uint32_t kWidth = 192;
constexpr std::uint32_t kHeight = 108;

VideoEncoderConfig config_of(VideoCodec codec = VideoCodec::h264) {
  return {.codec = codec,
          .kind = EncoderKind::software,
          .width = kWidth,
          .height = kHeight,
          .framerate = 30,
          .bitrate = 2'000'000};
}

std::string why(const std::optional<Error>& error) { return error ? error->describe() : ""; }

/// The NAL units of Annex B, without start codes.
std::vector<ByteSpan> split(ByteSpan packet) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i + 3 <= packet.size(); ++i) {
    if (packet[i] == 0 && packet[i + 1] == 0 && packet[i + 2] == 1) starts.push_back(i + 3);
  }
  std::vector<ByteSpan> nals;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    std::size_t end = i + 1 < starts.size() ? starts[i + 1] - 3 : packet.size();
    while (end > starts[i] && i + 1 < starts.size() && packet[end - 1] == 0) --end;
    nals.push_back(packet.subspan(starts[i], end - starts[i]));
  }
  return nals;
}
std::vector<int> nal_types(ByteSpan packet, VideoCodec codec = VideoCodec::h264) {
  std::vector<int> types;
  for (const ByteSpan nal : split(packet)) {
    types.push_back(codec == VideoCodec::h265 ? nal[0] >> 1 & 0x3f : nal[0] & 0x1f);
  }
  return types;
}
bool has(const std::vector<int>& types, int type) { return std::ranges::count(types, type) > 0; }

/// One packet for one picture, or a failure.
Packet encode_one(VideoEncoder& encoder, std::uint64_t time, ByteSpan picture, bool key = false) {
  Made<Packet> made = encoder.encode(time, picture, key);
  EXPECT_FALSE(made.error) << why(made.error);
  EXPECT_EQ(made.items.size(), 1U);
  return made.items.empty() ? Packet{} : made.items[0];
}
Picture decode_one(VideoDecoder& decoder, const Packet& packet) {
  Made<Picture> made = decoder.decode(packet.timestamp_us, packet.payload, packet.keyframe);
  EXPECT_FALSE(made.error) << why(made.error);
  EXPECT_EQ(made.items.size(), 1U);
  return made.items.empty() ? Picture{} : made.items[0];
}

void expect_round_trip(VideoCodec codec, const char* name) {
  Result<VideoEncoder> encoder = VideoEncoder::open(table(), config_of(codec));
  ASSERT_TRUE(encoder) << encoder.error().describe();
  Result<VideoDecoder> decoder = VideoDecoder::open(table(), {.codec = name});
  ASSERT_TRUE(decoder) << decoder.error().describe();
  for (int i = 0; i < 20; ++i) {
    const std::vector<std::uint8_t> picture = bars(kWidth, kHeight, i);
    const std::uint64_t time = 500'000 + static_cast<std::uint64_t>(i) * 33'333;
    const Packet packet = encode_one(*encoder, time, picture);
    EXPECT_EQ(packet.timestamp_us, time);
    EXPECT_EQ(packet.keyframe, i == 0);
    const Picture decoded = decode_one(*decoder, packet);
    EXPECT_EQ(decoded.timestamp_us, time);
    EXPECT_EQ(decoded.width, kWidth);
    EXPECT_EQ(decoded.height, kHeight);
    EXPECT_GT(psnr(decoded.data, picture), 35) << i;
  }
  EXPECT_TRUE(encoder->flush().items.empty()) << "nothing was held back";
  EXPECT_TRUE(decoder->flush().items.empty());
}

TEST(VideoCodec, AnswersEachPictureAtOnceAndWellInH264) {
  expect_round_trip(VideoCodec::h264, "avc3.64001f");
}

TEST(VideoCodec, AnswersEachPictureAtOnceAndWellInH265) {
  expect_round_trip(VideoCodec::h265, "hev1.1.6.L60.90");
}

TEST(VideoCodec, PutsParameterSetsBeforeEachKeyFrame) {
  VideoEncoderConfig config = config_of();
  config.gop = 5;
  Result<VideoEncoder> h264 = VideoEncoder::open(table(), config);
  config.codec = VideoCodec::h265;
  Result<VideoEncoder> h265 = VideoEncoder::open(table(), config);
  ASSERT_TRUE(h264 && h265);
  EXPECT_EQ(nal_types(h264->parameter_sets().span()).at(0), 7);
  EXPECT_EQ(nal_types(h265->parameter_sets().span(), VideoCodec::h265).at(0), 32);

  for (int i = 0; i < 12; ++i) {
    const std::vector<std::uint8_t> picture = bars(kWidth, kHeight, i);
    const Packet packet = encode_one(*h264, static_cast<std::uint64_t>(i), picture);
    const std::vector<int> types = nal_types(packet.payload);
    EXPECT_EQ(packet.keyframe, i % 5 == 0) << i;
    EXPECT_EQ(has(types, 7) && has(types, 8) && has(types, 5), i % 5 == 0) << i;
    const Packet other = encode_one(*h265, static_cast<std::uint64_t>(i), picture);
    const std::vector<int> others = nal_types(other.payload, VideoCodec::h265);
    EXPECT_EQ(other.keyframe, i % 5 == 0) << i;
    EXPECT_EQ(has(others, 32) && has(others, 33) && has(others, 34), i % 5 == 0) << i;
    // 19 and 20 are IDR pictures, with which all decoders can begin.
    EXPECT_EQ(has(others, 19) || has(others, 20), i % 5 == 0) << i;
  }
}

TEST(VideoCodec, MakesAKeyFrameOnDemandAlone) {
  for (const VideoCodec codec : {VideoCodec::h264, VideoCodec::h265}) {
    Result<VideoEncoder> encoder = VideoEncoder::open(table(), config_of(codec));
    ASSERT_TRUE(encoder);
    for (int i = 0; i < 9; ++i) {
      // A cut in the content is none in the stream.
      const std::vector<std::uint8_t> picture = bars(kWidth, kHeight, i == 6 ? 900 : i);
      const Packet packet = encode_one(*encoder, static_cast<std::uint64_t>(i), picture, i == 4);
      EXPECT_EQ(packet.keyframe, i == 0 || i == 4) << i;
    }
  }
}

std::vector<std::uint8_t> flat_rgba(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  std::vector<std::uint8_t> picture;
  for (std::size_t i = 0; i < std::size_t{kWidth} * kHeight; ++i) {
    picture.insert(picture.end(), {red, green, blue, 255});
  }
  return picture;
}

TEST(VideoCodec, KeepsColoursFromRgbaToRgba) {
  VideoEncoderConfig config = config_of();
  config.input_format = PixelFormat::rgba;
  Result<VideoEncoder> encoder = VideoEncoder::open(table(), config);
  Result<VideoDecoder> rgba =
      VideoDecoder::open(table(), {.codec = "avc3.64001f", .output_format = PixelFormat::rgba});
  Result<VideoDecoder> i420 = VideoDecoder::open(table(), {.codec = "avc3.64001f"});
  ASSERT_TRUE(encoder && rgba && i420);

  const Packet packet = encode_one(*encoder, 0, flat_rgba(30, 200, 60));
  const Picture back = decode_one(*rgba, packet);
  const Picture planes = decode_one(*i420, packet);

  ASSERT_EQ(back.data.size(), std::size_t{kWidth} * kHeight * 4);
  const std::size_t middle = (std::size_t{kHeight / 2} * kWidth + kWidth / 2) * 4;
  EXPECT_NEAR(back.data[middle], 30, 4);
  EXPECT_NEAR(back.data[middle + 1], 200, 4);
  EXPECT_NEAR(back.data[middle + 2], 60, 4);
  EXPECT_EQ(back.data[middle + 3], 255);
  // ITU-R BT.601, 8 bits, limited range.
  EXPECT_NEAR(planes.data[middle / 4],
              16 + 65.481 * 30 / 255 + 128.553 * 200 / 255 + 24.966 * 60 / 255, 3);
}

TEST(VideoCodec, ScalesToTheSizeAskedFor) {
  Result<VideoEncoder> encoder = VideoEncoder::open(table(), config_of());
  Result<VideoDecoder> decoder = VideoDecoder::open(
      table(),
      {.codec = "avc3.64001f", .output_width = kWidth / 2, .output_height = kHeight / 2 + 2});
  ASSERT_TRUE(encoder && decoder);

  const Picture picture = decode_one(*decoder, encode_one(*encoder, 9, bars(kWidth, kHeight, 0)));

  EXPECT_EQ(picture.width, kWidth / 2);
  EXPECT_EQ(picture.height, kHeight / 2 + 2);
  EXPECT_EQ(picture.data.size(), std::size_t{kWidth / 2} * (kHeight / 2 + 2) * 3 / 2);
  EXPECT_EQ(picture.timestamp_us, 9U);
}

TEST(VideoCodec, FollowsAStreamThatChangesItsSize) {
  VideoEncoderConfig larger = config_of();
  larger.width = 256;
  larger.height = 144;
  Result<VideoEncoder> first = VideoEncoder::open(table(), config_of());
  Result<VideoEncoder> second = VideoEncoder::open(table(), larger);
  Result<VideoDecoder> decoder = VideoDecoder::open(table(), {.codec = "avc3.64001f"});
  ASSERT_TRUE(first && second && decoder);

  EXPECT_EQ(decode_one(*decoder, encode_one(*first, 0, bars(kWidth, kHeight, 0))).width, kWidth);
  const std::vector<std::uint8_t> picture = bars(256, 144, 0);
  const Picture decoded = decode_one(*decoder, encode_one(*second, 1, picture));
  EXPECT_EQ(decoded.width, 256U);
  EXPECT_GT(psnr(decoded.data, picture), 30);
}

/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3) of Annex B parameter sets.
std::vector<std::uint8_t> avcc(ByteSpan sets) {
  const std::vector<ByteSpan> nals = split(sets);
  std::vector<std::uint8_t> record{1, nals[0][1], nals[0][2], nals[0][3], 0xff};
  for (const ByteSpan nal : {nals[0], nals[1]}) {
    record.insert(record.end(), {static_cast<std::uint8_t>(record.size() == 5 ? 0xe1 : 1),
                                 static_cast<std::uint8_t>(nal.size() >> 8),
                                 static_cast<std::uint8_t>(nal.size())});
    record.insert(record.end(), nal.begin(), nal.end());
  }
  return record;
}

TEST(VideoCodec, DecodesLengthPrefixesWithADescription) {
  Result<VideoEncoder> encoder = VideoEncoder::open(table(), config_of());
  ASSERT_TRUE(encoder);
  const std::vector<std::uint8_t> record = avcc(encoder->parameter_sets().span());
  Result<VideoDecoder> decoder = VideoDecoder::open(
      table(),
      {.codec = "avc1.64001f", .description = record.data(), .description_size = record.size()});
  ASSERT_TRUE(decoder) << decoder.error().describe();
  const std::vector<std::uint8_t> picture = bars(kWidth, kHeight, 0);

  const Packet packet = encode_one(*encoder, 3, picture);
  std::vector<std::uint8_t> prefixed;
  for (const ByteSpan nal : split(packet.payload)) {
    const int type = nal[0] & 0x1f;
    if (type != 1 && type != 5) continue;
    for (int shift = 24; shift >= 0; shift -= 8) {
      prefixed.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
    }
    prefixed.insert(prefixed.end(), nal.begin(), nal.end());
  }
  const Picture decoded = decode_one(*decoder, {3, true, Bytes::copy(prefixed)});

  EXPECT_GT(psnr(decoded.data, picture), 35);
}

/// Bytes of 60 pictures of a second or two each of noise, which no encoder can predict.
std::size_t bytes_of_noise(VideoEncoder& encoder, std::uint32_t seed, bool& keyframes) {
  std::size_t bytes = 0;
  for (int i = 0; i < 60; ++i) {
    std::vector<std::uint8_t> picture = bars(kWidth, kHeight, i);
    for (std::uint8_t& pixel : picture) {
      seed = seed * 1'664'525 + 1'013'904'223;
      pixel = static_cast<std::uint8_t>(pixel / 2 + (seed >> 25));
    }
    const Packet packet = encode_one(encoder, static_cast<std::uint64_t>(i), picture);
    bytes += packet.payload.size();
    keyframes = keyframes || packet.keyframe;
  }
  return bytes;
}

TEST(VideoCodec, TakesALowerBitrateWhileItRuns) {
  VideoEncoderConfig config = config_of();
  config.gop = 1'000;
  Result<VideoEncoder> encoder = VideoEncoder::open(table(), config);
  ASSERT_TRUE(encoder);
  EXPECT_EQ(encoder->info().bitrate, 2'000'000U);
  bool keyframes = false;
  const std::size_t before = bytes_of_noise(*encoder, 1, keyframes);
  keyframes = false;

  ASSERT_TRUE(encoder->set_bitrate(300'000));
  const std::size_t after = bytes_of_noise(*encoder, 2, keyframes);
  ASSERT_TRUE(encoder->set_bitrate(2'000'000));
  const std::size_t again = bytes_of_noise(*encoder, 3, keyframes);

  EXPECT_GT(before, 300'000U);
  EXPECT_LT(after, before / 2);
  EXPECT_GT(again, after * 2);
  EXPECT_FALSE(keyframes);
}

TEST(VideoCodec, RefusesABitrateThatItCannotTakeAndGoesOn) {
  Result<VideoEncoder> h264 = VideoEncoder::open(table(), config_of());
  Result<VideoEncoder> h265 = VideoEncoder::open(table(), config_of(VideoCodec::h265));
  ASSERT_TRUE(h264 && h265);

  EXPECT_FALSE(h264->set_bitrate(2'000'001));
  EXPECT_FALSE(h264->set_bitrate(kMinBitrate - 1));
  EXPECT_TRUE(h264->set_bitrate(kMinBitrate));
  EXPECT_TRUE(h265->set_bitrate(2'000'000)) << "no change";
  const Result<void> refused = h265->set_bitrate(1'000'000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_EQ(h265->info().bitrate, 2'000'000U);
  encode_one(*h265, 0, bars(kWidth, kHeight, 0));
}

TEST(VideoCodec, ChoosesTheEncoderByKindOrName) {
  const auto name = [](const VideoEncoderConfig& config) -> std::string {
    const Result<VideoEncoder> encoder = VideoEncoder::open(table(), config);
    return encoder ? encoder->info().encoder : "no: " + encoder.error().text;
  };
  VideoEncoderConfig config = config_of();
  EXPECT_EQ(name(config), "libx264");
  config.kind = EncoderKind::any;
  const std::string any = name(config);
  config.kind = EncoderKind::hardware;
  const std::string hardware = name(config);
  // Without hardware the one falls back, and the other says what was tried.
  if (hardware == "h264_nvenc") {
    EXPECT_EQ(any, "h264_nvenc");
  } else {
    EXPECT_TRUE(hardware.starts_with("no: no encoder for H.264 (h264_nvenc")) << hardware;
    EXPECT_EQ(any, "libx264");
  }
  config.kind = EncoderKind::named;
  EXPECT_TRUE(name(config).starts_with("no: "));
  config.encoder = "libx264";
  EXPECT_EQ(name(config), "libx264");
  config.encoder = "libx265";
  EXPECT_EQ(name(config), "no: libx265 does not make H.264");
  config.encoder = "nonsense";
  EXPECT_EQ(name(config), "no: nonsense is not there");
}

TEST(VideoCodec, RefusesSizesAndRatesOutOfRange) {
  const auto with = [](auto change) {
    VideoEncoderConfig config = config_of();
    change(config);
    const Result<VideoEncoder> encoder = VideoEncoder::open(table(), config);
    return encoder ? Code::internal : encoder.error().code;
  };
  const Code bad = Code::invalid_argument;
  EXPECT_EQ(with([](auto& c) { c.width = 0; }), bad);
  EXPECT_EQ(with([](auto& c) { c.width = 191; }), bad);
  EXPECT_EQ(with([](auto& c) { c.height = 107; }), bad);
  EXPECT_EQ(with([](auto& c) { c.width = kMaxPictureSide + 2; }), bad);
  EXPECT_EQ(with([](auto& c) { c.width = 8'192, c.height = 4'354; }), bad);
  EXPECT_EQ(with([](auto& c) { c.framerate = 0; }), bad);
  EXPECT_EQ(with([](auto& c) { c.framerate = kMaxFramerate + 1; }), bad);
  EXPECT_EQ(with([](auto& c) { c.bitrate = kMinBitrate - 1; }), bad);
  EXPECT_EQ(with([](auto& c) { c.bitrate = kMaxBitrate + 1; }), bad);
  EXPECT_EQ(with([](auto& c) { c.gop = 1'000'001; }), bad);
  EXPECT_EQ(with([](auto& c) { c.codec = VideoCodec{2}; }), bad);
  EXPECT_EQ(with([](auto& c) { c.kind = EncoderKind{4}; }), bad);
  EXPECT_EQ(with([](auto& c) { c.input_format = PixelFormat{2}; }), bad);
  EXPECT_TRUE(check_size(8'192, 4'352));  // Level 6.2 to the pixel.
  EXPECT_TRUE(check_size(kMaxPictureSide, 2));
}

TEST(VideoCodec, RefusesAPictureOfAnotherSizeAndGoesOn) {
  Result<VideoEncoder> encoder = VideoEncoder::open(table(), config_of());
  ASSERT_TRUE(encoder);
  const std::vector<std::uint8_t> picture = bars(kWidth, kHeight, 0);

  for (const ByteSpan bad : {ByteSpan(picture).first(picture.size() - 1), ByteSpan()}) {
    const Made<Packet> made = encoder->encode(0, bad, false);
    ASSERT_TRUE(made.error);
    EXPECT_EQ(made.error->code, Code::invalid_argument);
    EXPECT_TRUE(made.items.empty());
  }
  EXPECT_TRUE(encoder->encode(kMaxTimestamp + 1, picture, false).error);
  EXPECT_EQ(encode_one(*encoder, kMaxTimestamp, picture).timestamp_us, kMaxTimestamp);
}

TEST(VideoCodec, SkipsWhatDoesNotDecode) {
  Result<VideoEncoder> encoder = VideoEncoder::open(table(), config_of());
  Result<VideoDecoder> decoder = VideoDecoder::open(table(), {.codec = "avc3.64001f"});
  ASSERT_TRUE(encoder && decoder);
  const Packet key = encode_one(*encoder, 0, bars(kWidth, kHeight, 0));
  const Packet delta = encode_one(*encoder, 1, bars(kWidth, kHeight, 1));
  const std::vector<std::uint8_t> garbage(200, 0x5a);

  const auto code = [&](ByteSpan payload, bool keyframe) {
    const Made<Picture> made = decoder->decode(0, payload, keyframe);
    return made.error ? made.error->code : Code::internal;
  };
  EXPECT_EQ(code(delta.payload, false), Code::decode) << "before any key frame";
  EXPECT_EQ(code(garbage, true), Code::decode);
  EXPECT_EQ(code({}, true), Code::decode);
  decode_one(*decoder, key);
  EXPECT_EQ(code(garbage, false), Code::decode);
  EXPECT_GT(psnr(decode_one(*decoder, delta).data.span(), bars(kWidth, kHeight, 1)), 30);
}

TEST(VideoCodec, RefusesWhatADecoderCannotDo) {
  const auto code = [](const VideoDecoderConfig& config) {
    const Result<VideoDecoder> decoder = VideoDecoder::open(table(), config);
    return decoder ? Code::internal : decoder.error().code;
  };
  EXPECT_EQ(code({.codec = "vp8"}), Code::unsupported);
  EXPECT_EQ(code({.codec = nullptr}), Code::unsupported);
  EXPECT_EQ(code({.codec = "avc1.64001f", .output_format = PixelFormat{2}}),
            Code::invalid_argument);
  EXPECT_EQ(code({.codec = "avc1.64001f", .output_width = 64}), Code::invalid_argument);
  EXPECT_EQ(code({.codec = "avc1.64001f", .output_width = 64, .output_height = 63}),
            Code::invalid_argument);
}

/// The first pixel's Y, Cb and Cr of a flat picture after conversion to what we hand out.
std::vector<int> converted(std::vector<std::uint8_t> yuv, AVColorSpace matrix, bool full) {
  constexpr std::uint32_t kSide = 32;
  constexpr std::size_t kPixels = std::size_t{kSide} * kSide;
  std::vector<std::uint8_t> in;
  in.insert(in.end(), kPixels, yuv[0]);
  in.insert(in.end(), kPixels / 4, yuv[1]);
  in.insert(in.end(), kPixels / 4, yuv[2]);
  std::vector<std::uint8_t> out(in.size());
  const Planes from = planes_of(PixelFormat::i420, kSide, kSide, in.data());
  const Planes to = planes_of(PixelFormat::i420, kSide, kSide, out.data());
  Scaler scaler;
  EXPECT_TRUE(scaler.scale({AV_PIX_FMT_YUV420P, kSide, kSide, matrix, full}, from.data,
                           from.strides, {AV_PIX_FMT_YUV420P, kSide, kSide}, to));
  return {out[0], to.data[1][0], to.data[2][0]};
}

TEST(VideoCodec, TurnsTheColoursOfAStreamIntoBt601) {
  // Pure green: 173 42 26 by BT.709, 145 54 34 by BT.601.
  const std::vector<int> hd = converted({173, 42, 26}, AVCOL_SPC_BT709, false);
  EXPECT_NEAR(hd[0], 145, 2);
  EXPECT_NEAR(hd[1], 54, 2);
  EXPECT_NEAR(hd[2], 34, 2);
  // White of the full range.
  EXPECT_NEAR(converted({255, 128, 128}, AVCOL_SPC_SMPTE170M, true)[0], 235, 1);
}

}  // namespace
}  // namespace moq::av::ffmpeg
