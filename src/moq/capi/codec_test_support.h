#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <numbers>
#include <vector>

#include "moq/base/testing_paths.h"
#include "moq/capi/room_test_support.h"

namespace moq::capi {

/// The room, for what needs the built-in codecs.
class CodecTest : public Room {
 protected:
  ~CodecTest() override {
    if (catalog_ != 0) moq_consume_catalog_free(catalog_);
  }

  void SetUp() override {
    if (!std::filesystem::exists(test_bin_dir() + "/../lib/libmoq-av.so.0")) {
      GTEST_SKIP() << "built without MOQ_CODECS";
    }
  }

  /// Reads the catalog as it is now; it must not be empty.
  void read_catalog() {
    Recorder catalogs;
    const std::uint32_t task = made(moq_consume_catalog(consumer_, Recorder::callback, &catalogs));
    catalog_ = made(catalogs.next().value_or(0));
    moq_consume_catalog_close(task);
    EXPECT_EQ(catalogs.terminal(), 0);
  }

  std::uint32_t catalog_ = 0;
};

/// 20 ms of a tone of 1 kHz, 48 kHz stereo, floats; `number` says which ones.
inline std::vector<std::uint8_t> tone(int number) {
  std::vector<float> samples;
  for (int i = number * 960; i < (number + 1) * 960; ++i) {
    const double angle = 2 * std::numbers::pi * 1'000 * i / 48'000;
    samples.insert(samples.end(), 2, static_cast<float>(0.5 * std::sin(angle)));
  }
  std::vector<std::uint8_t> bytes(samples.size() * sizeof(float));
  std::memcpy(bytes.data(), samples.data(), bytes.size());
  return bytes;
}

/// Picture `number` of a soft pattern that moves, I420.
inline std::vector<std::uint8_t> pattern(int width, int height, int number) {
  std::vector<std::uint8_t> picture;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double wave = std::sin((x + 2.0 * number) / 9.0) * std::cos(y / 13.0);
      picture.push_back(static_cast<std::uint8_t>(std::lround(126 + 80 * wave)));
    }
  }
  picture.resize(picture.size() * 3 / 2, 128);
  return picture;
}

/// The mean difference of two pictures' bytes; 255 if their sizes differ.
inline double difference(const std::vector<std::uint8_t>& a, const std::uint8_t* b,
                         std::size_t size) {
  if (a.size() != size) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(size);
}

}  // namespace moq::capi
