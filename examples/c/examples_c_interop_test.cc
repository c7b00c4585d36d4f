// The C examples that carry media, with what ffmpeg makes, and what ffprobe says of the result.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "moq/app/child_test.h"

namespace {

using moq::app::test::Child;
using moq::app::test::kChildLimit;
using moq::app::test::RelayChild;

std::string example(const std::string& name) {
  return std::string(MOQ_BIN_DIR) + "/examples/c/" + name;
}

struct Command {
  int status = -1;
  std::string output;  ///< stdout and stderr.
};

Command run(const std::string& command) {
  Command out;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.output.append(buffer.data(), n);
  }
  out.status = pclose(pipe);
  return out;
}

class MediaInC : public testing::Test {
 protected:
  void SetUp() override {
    if (run("ffmpeg -version").status != 0 || run("ffprobe -version").status != 0) {
      GTEST_SKIP() << "ffmpeg is not installed";
    }
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder + "/" + name; }
  /// A minute of picture and tone, a group each second.
  void make_film(const std::string& file) const {
    const Command made = run(
        "ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i "
        "sine=frequency=440:sample_rate=48000 -t 60 -c:v libx264 -preset ultrafast -g 25 -pix_fmt "
        "yuv420p -c:a aac -f mp4 -movflags cmaf " +
        file);
    ASSERT_EQ(made.status, 0) << made.output;
  }
  /// Waits until the file has so many bytes.
  static void expect_size(const std::string& file, std::uintmax_t bytes) {
    const auto limit = std::chrono::steady_clock::now() + kChildLimit;
    std::error_code missing;
    while (std::filesystem::file_size(file, missing) + 1 < bytes + 1) {
      ASSERT_LT(std::chrono::steady_clock::now(), limit)
          << file << " has " << std::filesystem::file_size(file, missing) << " bytes";
      ::usleep(20'000);
    }
  }
  /// What ffprobe counts in it, without a complaint.
  static int frames_of(const std::string& codec, const std::string& file) {
    const Command probe =
        run("ffprobe -v error -count_frames -show_entries stream=codec_name,nb_read_frames -of "
            "csv=p=0 " +
            file);
    const std::size_t comma = probe.output.find(',');
    EXPECT_EQ(probe.status, 0) << probe.output;
    EXPECT_EQ(probe.output.substr(0, comma), codec) << probe.output;
    return std::atoi(probe.output.c_str() + comma + 1);
  }

  std::string folder = std::filesystem::temp_directory_path() / "moq-examples-XXXXXX";
};

TEST_F(MediaInC, AFilmGoesOnAfterARestartOfTheRelay) {
  make_film(path("film.mp4"));
  RelayChild relay;
  Child publisher({example("publish_file"), relay.url(), "film.hang", path("film.mp4")});
  Child subscriber(
      {example("subscribe_file"), relay.url(), "film.hang", path("film.h264"), path("film.aac")});
  expect_size(path("film.h264"), 100'000);
  expect_size(path("film.aac"), 10'000);

  relay.kill();
  relay.start();
  publisher.expect_err("connected (2)");
  subscriber.expect_err("connected (2)");
  const std::uintmax_t before = std::filesystem::file_size(path("film.h264"));
  expect_size(path("film.h264"), before + 200'000);
  expect_size(path("film.aac"), std::filesystem::file_size(path("film.aac")) + 20'000);

  subscriber.signal(SIGINT);
  EXPECT_EQ(subscriber.wait(), 0) << subscriber;
  publisher.signal(SIGINT);
  EXPECT_EQ(publisher.wait(), 0) << publisher;
  EXPECT_GT(frames_of("h264", path("film.h264")), 50);
  EXPECT_GT(frames_of("aac", path("film.aac")), 50);
}

TEST_F(MediaInC, AFilmFromAPipeEndsForItsReadersToo) {
  const RelayChild relay;
  Child subscriber(
      {example("subscribe_file"), relay.url(), "film.hang", path("film.h264"), path("film.aac")});
  subscriber.expect_err("connected (1)");
  const Command publisher =
      run("ffmpeg -v error -f lavfi -i testsrc2=size=160x90:rate=25 -f lavfi -i "
          "sine=frequency=440:sample_rate=48000 -t 3 -c:v libx264 -preset ultrafast -g 25 -pix_fmt "
          "yuv420p -c:a aac -f mp4 -movflags cmaf - | " +
          example("publish_file") + " " + relay.url() + " film.hang");
  EXPECT_EQ(publisher.status, 0) << publisher.output;
  EXPECT_EQ(subscriber.wait(), 0) << subscriber;
  EXPECT_GE(frames_of("h264", path("film.h264")), 70);
  EXPECT_GE(frames_of("aac", path("film.aac")), 130);
}

TEST_F(MediaInC, WhatIsNoFragmentedFilmIsRefusedInWords) {
  const RelayChild relay;
  const Command made =
      run("ffmpeg -v error -f lavfi -i testsrc2=size=160x90:rate=25 -t 1 -c:v libx264 " +
          path("plain.mp4"));
  ASSERT_EQ(made.status, 0) << made.output;
  Child publisher({example("publish_file"), relay.url(), "film.hang", path("plain.mp4")});
  EXPECT_EQ(publisher.wait(), 1) << publisher;
  EXPECT_NE(publisher.err().find("not a fragmented file"), std::string::npos) << publisher;
}

}  // namespace
