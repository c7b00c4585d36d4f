#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <vector>

#include "moq/av/codecs.h"
#include "moq/av/ffmpeg/internal/entry.h"

/// Tones and pictures for tests of codecs, and how to see whether they came through.
namespace moq::av::ffmpeg {

inline const CodecTable& table() { return *moq_av_codecs(kAbiVersion); }

struct Tone {
  double frequency = 1'000;
  double level = 0.5;
  std::uint32_t rate = 48'000;
  std::uint32_t channels = 2;
};

/// Samples `from` to `from + count` of a tone, of all channels in turn.
inline std::vector<double> tone(const Tone& tone, std::size_t from, std::size_t count) {
  std::vector<double> samples;
  for (std::size_t i = from; i < from + count; ++i) {
    const double at = static_cast<double>(i) / tone.rate;
    const double value = tone.level * std::sin(2 * std::numbers::pi * tone.frequency * at);
    samples.insert(samples.end(), tone.channels, value);
  }
  return samples;
}

template <typename T>
void append(std::vector<std::uint8_t>& bytes, T value) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof value);
}

/// Interleaved samples of -1 to 1 as `format`.
inline std::vector<std::uint8_t> pack(const std::vector<double>& samples, SampleFormat format,
                                      std::uint32_t channels) {
  const auto number = static_cast<std::uint32_t>(format);
  const bool planar = number >= 4;
  const std::size_t frames = samples.size() / channels;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double value = planar ? samples[(i % frames) * channels + i / frames] : samples[i];
    switch (number % 4) {
      case 0:
        append(bytes, static_cast<std::uint8_t>(std::lround(value * 127) + 128));
        break;
      case 1:
        append(bytes, static_cast<std::int16_t>(std::lround(value * 32'767)));
        break;
      case 2:
        append(bytes, static_cast<std::int32_t>(std::lround(value * 2'147'483'000.0)));
        break;
      default:
        append(bytes, static_cast<float>(value));
    }
  }
  return bytes;
}

/// The other way round.
inline std::vector<double> unpack(ByteSpan bytes, SampleFormat format, std::uint32_t channels) {
  const auto number = static_cast<std::uint32_t>(format);
  constexpr std::size_t kSizes[] = {1, 2, 4, 4};
  const std::size_t size = kSizes[number % 4];
  const std::size_t count = bytes.size() / size;
  const std::size_t frames = count / channels;
  std::vector<double> samples(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* at = bytes.data() + i * size;
    double value = 0;
    std::int16_t s16 = 0;
    std::int32_t s32 = 0;
    float f32 = 0;
    switch (number % 4) {
      case 0:
        value = (*at - 128) / 127.0;
        break;
      case 1:
        std::memcpy(&s16, at, 2);
        value = s16 / 32'767.0;
        break;
      case 2:
        std::memcpy(&s32, at, 4);
        value = s32 / 2'147'483'647.0;
        break;
      default:
        std::memcpy(&f32, at, 4);
        value = static_cast<double>(f32);
    }
    samples[number >= 4 ? (i % frames) * channels + i / frames : i] = value;
  }
  return samples;
}

/// One channel of interleaved samples, without the first `skip`.
inline std::vector<double> channel(const std::vector<double>& samples, std::uint32_t channels,
                                   std::uint32_t which, std::size_t skip) {
  std::vector<double> one;
  for (std::size_t i = skip * channels + which; i < samples.size(); i += channels) {
    one.push_back(samples[i]);
  }
  return one;
}

/// The level of the tone of `frequency` in `samples`, and of all that is in them.
struct Levels {
  double tone = 0;
  double all = 0;
};
inline Levels measure(const std::vector<double>& samples, double frequency, std::uint32_t rate) {
  double in_phase = 0;
  double quadrature = 0;
  double energy = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double angle = 2 * std::numbers::pi * frequency * static_cast<double>(i) / rate;
    in_phase += samples[i] * std::cos(angle);
    quadrature += samples[i] * std::sin(angle);
    energy += samples[i] * samples[i];
  }
  const auto count = static_cast<double>(samples.size());
  return {2 * std::hypot(in_phase, quadrature) / count, std::sqrt(2 * energy / count)};
}

/// Picture `number` of soft bars that move, as I420.
inline std::vector<std::uint8_t> bars(std::uint32_t width, std::uint32_t height, int number) {
  std::vector<std::uint8_t> picture;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const double wave = std::sin((x + 3.0 * number) / 11.0) * std::cos(y / 17.0);
      picture.push_back(static_cast<std::uint8_t>(std::lround(126 + 80 * wave)));
    }
  }
  for (int plane = 0; plane < 2; ++plane) {
    for (std::uint32_t y = 0; y < height / 2; ++y) {
      for (std::uint32_t x = 0; x < width / 2; ++x) {
        const double wave =
            std::sin((x + y + static_cast<std::uint32_t>(number)) / (plane == 0 ? 13.0 : 19.0));
        picture.push_back(static_cast<std::uint8_t>(std::lround(128 + 60 * wave)));
      }
    }
  }
  return picture;
}

/// Peak signal-to-noise ratio in decibels; 0 if the sizes differ.
inline double psnr(ByteSpan a, ByteSpan b) {
  if (a.size() != b.size() || a.empty()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = a[i] - b[i];
    sum += difference * difference;
  }
  const double mean = sum / static_cast<double>(a.size());
  return mean == 0 ? 99 : 10 * std::log10(255.0 * 255.0 / mean);
}

}  // namespace moq::av::ffmpeg
