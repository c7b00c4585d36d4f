#include <gtest/gtest.h>

#include "moq/av/ffmpeg/signals_test.h"

namespace moq::av::ffmpeg {
namespace {

std::string str(const Result<AudioEncoder>& result) {
  return result ? "ok" : result.error().describe();
}
std::string why(const std::optional<Error>& error) { return error ? error->describe() : ""; }

/// Packets of `encoder` for what `pcm` has, given to it `piece` bytes at a time.
std::vector<Packet> encode_all(AudioEncoder& encoder, ByteSpan pcm, std::size_t piece) {
  std::vector<Packet> packets;
  while (!pcm.empty()) {
    const ByteSpan part = pcm.first(std::min(piece, pcm.size()));
    pcm = pcm.subspan(part.size());
    Made<Packet> made = encoder.encode(1'000'000, part);
    EXPECT_FALSE(made.error) << why(made.error);
    packets.insert(packets.end(), made.items.begin(), made.items.end());
  }
  Made<Packet> rest = encoder.flush();
  EXPECT_FALSE(rest.error) << why(rest.error);
  packets.insert(packets.end(), rest.items.begin(), rest.items.end());
  return packets;
}

AudioDecoderConfig decoder_for(const AudioEncoder& encoder) {
  const AudioEncoderInfo info = encoder.info();
  return {.codec = info.codec,
          .description = info.description,
          .description_size = info.description_size,
          .stream_rate = info.sample_rate,
          .stream_channels = info.channels};
}

std::vector<Pcm> decode_all(AudioDecoder& decoder, const std::vector<Packet>& packets) {
  std::vector<Pcm> all;
  for (const Packet& packet : packets) {
    Made<Pcm> made = decoder.decode(packet.timestamp_us, packet.payload);
    EXPECT_FALSE(made.error) << why(made.error);
    all.insert(all.end(), made.items.begin(), made.items.end());
  }
  Made<Pcm> rest = decoder.flush();
  EXPECT_FALSE(rest.error) << why(rest.error);
  all.insert(all.end(), rest.items.begin(), rest.items.end());
  return all;
}

std::vector<double> samples_of(const std::vector<Pcm>& all, SampleFormat format,
                               std::uint32_t channels) {
  std::vector<double> samples;
  for (const Pcm& pcm : all) {
    const std::vector<double> part = unpack(pcm.data, format, channels);
    samples.insert(samples.end(), part.begin(), part.end());
  }
  return samples;
}

struct Case {
  const char* codec;
  SampleFormat in;
  SampleFormat out;
};

/// A second of a tone in stereo survives codec and formats, at its level, on both channels.
void expect_round_trip(const Case& test) {
  SCOPED_TRACE(std::string(test.codec) + " " + std::to_string(static_cast<int>(test.in)));
  Result<AudioEncoder> encoder =
      AudioEncoder::open(table(), {.codec = test.codec, .input_format = test.in});
  ASSERT_TRUE(encoder) << str(encoder);
  AudioDecoderConfig config = decoder_for(*encoder);
  config.output_format = test.out;
  Result<AudioDecoder> decoder = AudioDecoder::open(table(), config);
  ASSERT_TRUE(decoder);

  const std::vector<std::uint8_t> pcm = pack(tone({}, 0, 48'000), test.in, 2);
  const std::vector<Pcm> decoded = decode_all(*decoder, encode_all(*encoder, pcm, pcm.size()));
  const std::vector<double> samples = samples_of(decoded, test.out, 2);

  EXPECT_GE(samples.size() / 2, 48'000U - 312U);
  for (std::uint32_t i = 0; i < 2; ++i) {
    std::vector<double> one = channel(samples, 2, i, 4'800);
    one.resize(38'400);  // Whole periods, without what is padded at the end.
    const Levels levels = measure(one, 1'000, 48'000);
    EXPECT_NEAR(levels.tone, 0.5, 0.03);
    EXPECT_NEAR(levels.all, 0.5, 0.03);
  }
}

TEST(AudioCodec, CarriesEverySampleFormatThroughOpus) {
  for (std::uint32_t i = 0; i < 8; ++i) {
    expect_round_trip({"opus", SampleFormat{i}, SampleFormat{7 - i}});
  }
}

TEST(AudioCodec, CarriesEverySampleFormatThroughAac) {
  for (std::uint32_t i = 0; i < 8; ++i) {
    expect_round_trip({"aac", SampleFormat{i}, SampleFormat{7 - i}});
  }
}

TEST(AudioCodec, CarriesPcmAsItIs) {
  Result<AudioEncoder> encoder = AudioEncoder::open(table(), {.codec = "pcm"});
  ASSERT_TRUE(encoder) << str(encoder);
  Result<AudioDecoder> decoder = AudioDecoder::open(table(), decoder_for(*encoder));
  ASSERT_TRUE(decoder);
  const std::vector<std::uint8_t> pcm = pack(tone({}, 0, 1'500), SampleFormat::f32, 2);

  const std::vector<Packet> packets = encode_all(*encoder, pcm, 800);
  std::vector<std::uint8_t> joined;
  for (const Pcm& part : decode_all(*decoder, packets)) {
    joined.insert(joined.end(), part.data.begin(), part.data.end());
  }

  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].payload.size(), 960U * 8);
  EXPECT_EQ(packets[1].payload.size(), 540U * 8) << "the rest is not padded";
  EXPECT_EQ(joined, pcm);
}

TEST(AudioCodec, ResamplesAndMixes) {
  Result<AudioEncoder> encoder = AudioEncoder::open(table(), {.input_format = SampleFormat::s16,
                                                              .input_rate = 44'100,
                                                              .input_channels = 1,
                                                              .output_channels = 2});
  ASSERT_TRUE(encoder) << str(encoder);
  EXPECT_EQ(encoder->info().sample_rate, 48'000U);
  EXPECT_EQ(encoder->info().channels, 2U);
  AudioDecoderConfig config = decoder_for(*encoder);
  config.output_rate = 16'000;
  config.output_channels = 1;
  Result<AudioDecoder> decoder = AudioDecoder::open(table(), config);
  ASSERT_TRUE(decoder);

  const std::vector<double> in = tone({.frequency = 440, .rate = 44'100, .channels = 1}, 0, 44'100);
  const std::vector<std::uint8_t> pcm = pack(in, SampleFormat::s16, 1);
  const std::vector<Pcm> decoded = decode_all(*decoder, encode_all(*encoder, pcm, 882));

  std::vector<double> samples = samples_of(decoded, SampleFormat::f32, 1);
  EXPECT_NEAR(static_cast<double>(samples.size()), 16'000, 500);
  samples.erase(samples.begin(), samples.begin() + 1'600);
  samples.resize(12'000);  // 330 periods.
  const Levels levels = measure(samples, 440, 16'000);
  EXPECT_NEAR(levels.tone, 0.5, 0.03) << "neither way is quieter";
  EXPECT_NEAR(levels.all, 0.5, 0.03);
}

TEST(AudioCodec, KeepsTheCatalogsRateUnlessAskedForAnother) {
  Result<AudioEncoder> encoder =
      AudioEncoder::open(table(), {.input_rate = 16'000, .input_channels = 1});
  ASSERT_TRUE(encoder) << str(encoder);
  EXPECT_EQ(encoder->info().sample_rate, 16'000U);
  Result<AudioDecoder> decoder = AudioDecoder::open(table(), decoder_for(*encoder));
  ASSERT_TRUE(decoder);

  const std::vector<double> in = tone({.rate = 16'000, .channels = 1}, 0, 16'000);
  const auto packets = encode_all(*encoder, pack(in, SampleFormat::f32, 1), 640);
  const std::vector<double> out = samples_of(decode_all(*decoder, packets), SampleFormat::f32, 1);

  EXPECT_NEAR(static_cast<double>(out.size()), 16'000, 500);  // FFmpeg's own is 48 kHz.
}

TEST(AudioCodec, CountsTimeFromTheFirstTimestampInWholePackets) {
  Result<AudioEncoder> encoder = AudioEncoder::open(table(), {});
  ASSERT_TRUE(encoder) << str(encoder);
  const std::vector<std::uint8_t> pcm = pack(tone({}, 0, 4'410), SampleFormat::f32, 2);

  const std::vector<Packet> packets = encode_all(*encoder, pcm, std::size_t{441} * 8);

  // 4410 samples and the lookahead of 312 are 4.9 packets.
  ASSERT_EQ(packets.size(), 5U);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(packets[i].timestamp_us, 1'000'000 + 20'000 * i);
    EXPECT_TRUE(packets[i].keyframe);
  }
}

TEST(AudioCodec, ShowsAGapAndIgnoresJitter) {
  Result<AudioEncoder> encoder = AudioEncoder::open(table(), {.input_channels = 1});
  ASSERT_TRUE(encoder) << str(encoder);
  const std::vector<std::uint8_t> pcm =
      pack(tone({.channels = 1}, 0, 480), SampleFormat::f32, 1);  // 10 ms.
  std::vector<std::uint64_t> times;
  constexpr std::uint64_t kTimes[] = {0, 17'000, 13'000, 30'000, 40'000, 900'000, 910'000};
  for (const std::uint64_t at : kTimes) {
    for (const Packet& packet : encoder->encode(at, pcm).items) {
      times.push_back(packet.timestamp_us);
    }
  }

  // What had begun at 40 ms is filled up with silence, and 900 ms begins a packet.
  EXPECT_EQ(times, (std::vector<std::uint64_t>{0, 20'000, 40'000, 900'000}));
}

TEST(AudioCodec, DecodedTimesFollowThePackets) {
  Result<AudioEncoder> encoder = AudioEncoder::open(table(), {});
  ASSERT_TRUE(encoder) << str(encoder);
  Result<AudioDecoder> decoder = AudioDecoder::open(table(), decoder_for(*encoder));
  ASSERT_TRUE(decoder);
  const std::vector<std::uint8_t> pcm = pack(tone({}, 0, 9'600), SampleFormat::f32, 2);

  const std::vector<Packet> packets = encode_all(*encoder, pcm, pcm.size());
  const std::vector<Pcm> decoded = decode_all(*decoder, packets);

  ASSERT_EQ(decoded.size(), packets.size());
  std::uint64_t end = 1'000'000;
  for (const Pcm& pcm_out : decoded) {
    EXPECT_NEAR(static_cast<double>(pcm_out.timestamp_us), static_cast<double>(end), 7'000);
    end = pcm_out.timestamp_us + pcm_out.data.size() / 8 * 1'000 / 48;
  }
}

TEST(AudioCodec, DescribesItselfForTheCatalog) {
  Result<AudioEncoder> opus = AudioEncoder::open(table(), {.bitrate = 64'000});
  Result<AudioEncoder> aac = AudioEncoder::open(table(), {.codec = "aac", .input_rate = 44'100});
  Result<AudioEncoder> pcm = AudioEncoder::open(table(), {.codec = "pcm"});
  ASSERT_TRUE(opus && aac && pcm);

  EXPECT_EQ(opus->codec(), "opus");
  ASSERT_TRUE(opus->description());
  EXPECT_EQ(opus->description()->size(), 19U);
  EXPECT_EQ(as_text(opus->description()->span()).substr(0, 8), "OpusHead");
  EXPECT_EQ(opus->info().bitrate, 64'000U);
  EXPECT_EQ(aac->codec(), "mp4a.40.2");
  ASSERT_TRUE(aac->description());
  // Object type 2, rate index 4, 2 channels (ISO/IEC 14496-3 §1.6.2.1).
  EXPECT_EQ(aac->description()->slice(0, 2), Bytes::copy(std::string_view("\x12\x10")));
  EXPECT_EQ(aac->info().sample_rate, 44'100U);
  EXPECT_EQ(pcm->codec(), "pcm");
  EXPECT_FALSE(pcm->description());
  EXPECT_EQ(pcm->info().bitrate, 48'000U * 2 * 32);
}

TEST(AudioCodec, TakesTheFrameDurationsOfOpus) {
  constexpr std::uint64_t kDurations[] = {2'500, 5'000, 10'000, 20'000, 40'000, 60'000};
  constexpr std::uint64_t kCount = 48 * 120 + 400;
  for (const std::uint64_t duration : kDurations) {
    Result<AudioEncoder> encoder =
        AudioEncoder::open(table(), {.input_channels = 1, .frame_duration_us = duration});
    ASSERT_TRUE(encoder) << str(encoder);
    const std::vector<double> samples = tone({.channels = 1}, 0, kCount);
    Made<Packet> made = encoder->encode(0, pack(samples, SampleFormat::f32, 1));
    EXPECT_EQ(made.items.size(), kCount * 1'000 / (48 * duration));
    ASSERT_GE(made.items.size(), 2U);
    EXPECT_EQ(made.items[1].timestamp_us, duration);
  }
}

Code code_of(const AudioEncoderConfig& config) {
  const Result<AudioEncoder> encoder = AudioEncoder::open(table(), config);
  if (encoder) return Code::internal;
  EXPECT_FALSE(encoder.error().text.empty());
  return encoder.error().code;
}

TEST(AudioCodec, RefusesWhatAnEncoderCannotDo) {
  EXPECT_EQ(code_of({.codec = "vorbis"}), Code::unsupported);
  EXPECT_EQ(code_of({.codec = nullptr}), Code::unsupported);
  EXPECT_EQ(code_of({.input_format = SampleFormat{8}}), Code::invalid_argument);
  EXPECT_EQ(code_of({.input_rate = 0}), Code::invalid_argument);
  EXPECT_EQ(code_of({.input_rate = kMaxSampleRate + 1}), Code::invalid_argument);
  EXPECT_EQ(code_of({.input_channels = 0}), Code::invalid_argument);
  EXPECT_EQ(code_of({.codec = "pcm", .input_channels = kMaxChannels + 1}), Code::invalid_argument);
  EXPECT_EQ(code_of({.input_channels = 6}), Code::invalid_argument);
  EXPECT_EQ(code_of({.output_rate = 44'100}), Code::invalid_argument);
  EXPECT_EQ(code_of({.frame_duration_us = 15'000}), Code::invalid_argument);
  EXPECT_EQ(code_of({.codec = "aac", .frame_duration_us = 20'000}), Code::invalid_argument);
  EXPECT_EQ(code_of({.codec = "pcm", .bitrate = 64'000}), Code::invalid_argument);
  EXPECT_EQ(code_of({.bitrate = kMaxBitrate + 1}), Code::invalid_argument);
}

TEST(AudioCodec, TakesWhatIsAtTheLimits) {
  EXPECT_TRUE(AudioEncoder::open(
      table(), {.codec = "pcm", .input_rate = kMaxSampleRate, .input_channels = kMaxChannels}));
  EXPECT_TRUE(AudioEncoder::open(table(), {.input_rate = kMinSampleRate, .input_channels = 1}));
  EXPECT_TRUE(AudioEncoder::open(table(), {.input_channels = kMaxChannels, .output_channels = 2}));
}

TEST(AudioCodec, RefusesPcmThatIsNoneAndGoesOn) {
  Result<AudioEncoder> encoder = AudioEncoder::open(
      table(), {.input_format = SampleFormat::u8, .input_rate = 8'000, .input_channels = 1});
  Result<AudioEncoder> stereo = AudioEncoder::open(table(), {});
  ASSERT_TRUE(encoder && stereo);
  const std::vector<std::uint8_t> large(kMaxPcmBytes + 1, 128);

  const auto code = [](const Made<Packet>& made) {
    return made.error ? made.error->code : Code::internal;
  };
  EXPECT_EQ(code(stereo->encode(0, ByteSpan(large).first(12))), Code::invalid_argument);
  EXPECT_EQ(code(encoder->encode(0, large)), Code::invalid_argument);
  EXPECT_EQ(code(encoder->encode(kMaxTimestamp + 1, ByteSpan(large).first(8))),
            Code::invalid_argument);
  EXPECT_TRUE(encoder->encode(0, {}).items.empty());
  const Made<Packet> good = encoder->encode(7, ByteSpan(large).first(320));
  EXPECT_FALSE(good.error);
  EXPECT_EQ(good.items.size(), 2U);
  EXPECT_EQ(good.items[0].timestamp_us, 7U) << "what was refused set no time";
}

TEST(AudioCodec, AnEncoderThatGotNothingFlushesToNothing) {
  Result<AudioEncoder> encoder = AudioEncoder::open(table(), {});
  ASSERT_TRUE(encoder);
  const Made<Packet> made = encoder->flush();
  EXPECT_FALSE(made.error);
  EXPECT_TRUE(made.items.empty());
}

TEST(AudioCodec, SkipsAPacketThatDoesNotDecode) {
  Result<AudioEncoder> encoder = AudioEncoder::open(table(), {.codec = "aac"});
  ASSERT_TRUE(encoder);
  Result<AudioDecoder> decoder = AudioDecoder::open(table(), decoder_for(*encoder));
  ASSERT_TRUE(decoder);
  const auto packets =
      encode_all(*encoder, pack(tone({}, 0, 9'600), SampleFormat::f32, 2), std::size_t{9'600} * 8);
  const std::vector<std::uint8_t> garbage(50, 0xff);

  ASSERT_FALSE(decoder->decode(0, packets[0].payload).error);
  for (const ByteSpan bad : {ByteSpan(garbage), ByteSpan()}) {
    const Made<Pcm> made = decoder->decode(20'000, bad);
    ASSERT_TRUE(made.error);
    EXPECT_EQ(made.error->code, Code::decode);
    EXPECT_FALSE(made.error->text.empty());
  }
  const Made<Pcm> next = decoder->decode(40'000, packets[1].payload);
  EXPECT_FALSE(next.error) << why(next.error);
  EXPECT_EQ(next.items.size(), 1U);
}

TEST(AudioCodec, RefusesWhatADecoderCannotDo) {
  const auto code = [](const AudioDecoderConfig& config) {
    const Result<AudioDecoder> decoder = AudioDecoder::open(table(), config);
    return decoder ? Code::internal : decoder.error().code;
  };
  const std::vector<std::uint8_t> large(kMaxDescriptionBytes + 1);
  EXPECT_EQ(code({.codec = "speex"}), Code::unsupported);
  EXPECT_EQ(code({.codec = ""}), Code::unsupported);
  EXPECT_EQ(code({.codec = "opus", .output_format = SampleFormat{8}}), Code::invalid_argument);
  EXPECT_EQ(code({.codec = "opus", .output_rate = 7'999}), Code::invalid_argument);
  EXPECT_EQ(code({.codec = "opus", .output_channels = 9}), Code::invalid_argument);
  EXPECT_EQ(
      code({.codec = "mp4a.40.2", .description = large.data(), .description_size = large.size()}),
      Code::invalid_argument);
}

TEST(AudioCodec, KnowsOneVersionOfTheTable) {
  EXPECT_EQ(moq_av_codecs(kAbiVersion + 1), nullptr);
  EXPECT_EQ(moq_av_codecs(0), nullptr);
  EXPECT_EQ(table().abi_version, kAbiVersion);
}

}  // namespace
}  // namespace moq::av::ffmpeg
