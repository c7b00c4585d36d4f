#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "moq/mux/exporter.h"
#include "moq/mux/importer.h"
#include "moq/sim/world.h"

/// What ffmpeg writes goes in, and what comes out passes ffprobe and decodes without a complaint.
namespace moq::mux {
namespace {

struct Command {
  int status = -1;
  std::string output;  ///< stdout and stderr.
};

Command run(const std::string& command) {
  Command out;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return out;
  std::array<char, 65536> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.output.append(buffer.data(), n);
  }
  out.status = pclose(pipe);
  return out;
}

/// What ffmpeg writes to stdout for two seconds of its test picture and tone.
std::string encode(const std::string& options) {
  const Command command = run(
      "ffmpeg -v fatal -f lavfi -i testsrc2=size=160x120:rate=25 -f lavfi -i "
      "sine=frequency=440:sample_rate=48000 -t 2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p " +
      options + " -");
  EXPECT_EQ(command.status, 0) << command.output;
  return command.output;
}

class Ffmpeg : public ::testing::Test {
 protected:
  void SetUp() override {
    if (run("ffmpeg -version").status != 0 || run("ffprobe -version").status != 0) {
      GTEST_SKIP() << "ffmpeg is not installed";
    }
    folder = std::filesystem::temp_directory_path() / ("moq-mux-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  /// Sends `input` through a broadcast, in pieces as a pipe gives them.
  std::string carry(const std::string& input, Importer::Format in, Exporter::Options options) {
    sim::World world;
    net::broadcast::Producer broadcast;
    Importer importer = *Importer::create(broadcast, world, {.format = in});
    options.max_latency = 10s;
    Exporter exporter(world, broadcast.consume(), options);
    std::string output;
    const auto drain = [&] {
      for (;;) {
        auto next = exporter.poll_next(kio::Waiter::none());
        if (next.pending() || !*next || !**next) return;
        output += (**next)->text();
      }
    };
    for (std::size_t at = 0; at < input.size(); at += 4000) {
      const Result<void> pushed =
          importer.push(Bytes::copy(std::string_view(input).substr(at, 4000)));
      EXPECT_TRUE(pushed) << pushed.error().describe();
      drain();
    }
    EXPECT_TRUE(std::move(importer).finish());
    drain();
    return output;
  }

  /// Writes a file and returns its path.
  std::string save(const std::string& name, const std::string& content) {
    const std::string path = folder / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  /// The number of packets, or with `-count_frames` frames, of a stream as ffprobe counts them.
  static int count(const std::string& path, const std::string& stream) {
    return std::atoi(run("ffprobe -v error -count_frames -select_streams " + stream +
                         " -show_entries stream=nb_read_frames -of csv=p=0 " + path)
                         .output.c_str());
  }
  /// The first presentation time in a stream that is not before `from`, in seconds, as ffprobe
  /// says.
  static double first_pts(const std::string& path, const std::string& stream, double from = -1e9) {
    std::istringstream lines(run("ffprobe -v error -select_streams " + stream +
                                 " -show_entries packet=pts_time -of csv=p=0 " + path)
                                 .output);
    for (std::string line; std::getline(lines, line);) {
      if (const double pts = std::atof(line.c_str()); pts >= from - 0.0005) return pts;
    }
    return -1;
  }
  /// What a decoder has to say about the file; nothing is good.
  static std::string complaints(const std::string& path) {
    return run("ffmpeg -v warning -xerror -i " + path + " -f null -").output;
  }

  std::filesystem::path folder;
};

constexpr const char* kCmaf =
    "-f mp4 -movflags cmaf+separate_moof+delay_moov+skip_trailer+frag_every_frame";

TEST_F(Ffmpeg, CmafWithAac) {
  const std::string input = encode(std::string("-g 25 -c:a aac ") + kCmaf);
  const std::string path = save("out.mp4", carry(input, Importer::Format::fmp4, {}));
  EXPECT_EQ(count(path, "v"), 50);
  EXPECT_GE(count(path, "a"), 93);
  EXPECT_EQ(complaints(path), "");
}

TEST_F(Ffmpeg, CmafWithOpusAndBFrames) {
  const std::string input = encode(std::string("-g 25 -bf 2 -c:a libopus ") + kCmaf);
  const std::string path = save("out.mp4", carry(input, Importer::Format::fmp4, {}));
  EXPECT_EQ(count(path, "v"), 50);
  EXPECT_GE(count(path, "a"), 100);
  EXPECT_EQ(complaints(path), "");
}

TEST_F(Ffmpeg, SeveralSamplesAFragment) {
  const std::string input =
      encode("-g 10 -bf 2 -c:a aac -f mp4 -movflags frag_keyframe+empty_moov+default_base_moof");
  const std::string path =
      save("out.mp4", carry(input, Importer::Format::fmp4, {.fragment_duration = std::nullopt}));
  EXPECT_EQ(count(path, "v"), 50);
  EXPECT_GE(count(path, "a"), 93);
  EXPECT_EQ(complaints(path), "");
}

TEST_F(Ffmpeg, EditLists) {
  const std::string input =
      encode("-g 10 -bf 2 -c:a aac -f mp4 -movflags frag_keyframe+delay_moov");
  const std::string path = save("out.mp4", carry(input, Importer::Format::fmp4, {}));
  EXPECT_EQ(count(path, "v"), 50);
  EXPECT_EQ(complaints(path), "");
}

TEST_F(Ffmpeg, EditListsKeepSoundAndPictureTogether) {
  // The sound begins a second after the picture: a pause in its edit list says so.
  const Command late = run(
      "ffmpeg -v fatal -f lavfi -i testsrc2=size=160x120:rate=25 -itsoffset 1 -f lavfi -i "
      "sine=sample_rate=48000 -t 3 -c:v libx264 -preset ultrafast -bf 2 -c:a aac -f mp4 -movflags "
      "frag_keyframe+delay_moov -");
  for (const std::string& input :
       {encode("-g 10 -bf 2 -c:a aac -f mp4 -movflags frag_keyframe+delay_moov"), late.output}) {
    const std::string in = save("in.mp4", input);
    const std::string out = save("out.mp4", carry(input, Importer::Format::fmp4, {}));
    // Sound from before the first picture is left out.
    const double picture = first_pts(in, "v");
    EXPECT_NEAR(first_pts(out, "a") - first_pts(out, "v"), first_pts(in, "a", picture) - picture,
                0.001);
    EXPECT_EQ(complaints(out), "");
  }
}

TEST_F(Ffmpeg, Hevc) {
  if (run("ffmpeg -v error -h encoder=libx265").output.find("libx265") == std::string::npos) {
    GTEST_SKIP() << "no libx265";
  }
  const std::string input =
      encode(std::string("-c:v libx265 -x265-params log-level=none -an ") + kCmaf);
  const std::string path = save("out.mp4", carry(input, Importer::Format::fmp4, {}));
  EXPECT_EQ(count(path, "v"), 50);
  EXPECT_EQ(complaints(path), "");
}

TEST_F(Ffmpeg, AnnexBInAndOut) {
  const std::string input = encode("-g 25 -an -f h264");
  const std::string h264 =
      save("out.h264", carry(input, Importer::Format::avc3, {.format = Exporter::Format::h264}));
  EXPECT_EQ(count(h264, "v"), 50);
  EXPECT_EQ(complaints(h264), "");
  const std::string mp4 = save("out.mp4", carry(input, Importer::Format::avc3, {}));
  EXPECT_EQ(count(mp4, "v"), 50);
  EXPECT_EQ(complaints(mp4), "");
}

TEST_F(Ffmpeg, AnnexBThatChangesItsSize) {
  const std::string scale = "-bf 0 -an -f h264 -vf scale=";
  const std::string input = encode("-g 25 " + scale + "160:120") + encode(scale + "320:240") +
                            encode("-g 10 " + scale + "160:120");
  const std::string h264 =
      save("out.h264", carry(input, Importer::Format::avc3, {.format = Exporter::Format::h264}));
  EXPECT_EQ(count(h264, "v"), 150);
  EXPECT_EQ(complaints(h264), "");
  // Each size begins with an init segment of its own; ffmpeg skips all but the first, and finds
  // what it needs in the key frames.
  const std::string mp4 = carry(input, Importer::Format::avc3, {});
  std::size_t inits = 0;
  std::size_t fragments = 0;
  for (std::size_t at = 0; (at = mp4.find("moov", at)) != std::string::npos; ++at) ++inits;
  for (std::size_t at = 0; (at = mp4.find("moof", at)) != std::string::npos; ++at) ++fragments;
  EXPECT_EQ(inits, 3U);
  EXPECT_EQ(fragments, 150U);
  const std::string path = save("out.mp4", mp4);
  EXPECT_EQ(count(path, "v"), 150);
  EXPECT_EQ(run("ffmpeg -v error -i " + path + " -f null -").output, "");
}

TEST_F(Ffmpeg, Containers) {
  struct Case {
    std::string options;
    Importer::Format format;
    int sounds;
  };
  const std::vector<Case> cases = {
      {"-c:a aac -f mpegts", Importer::Format::ts, 93},
      {"-c:a libopus -f mpegts -mpegts_m2ts_mode 1", Importer::Format::ts, 100},
      {"-c:a aac -f flv -flvflags no_duration_filesize", Importer::Format::flv, 93},
      {"-c:a aac -f matroska -live 1", Importer::Format::mkv, 93},
      {"-c:a libopus -f matroska", Importer::Format::mkv, 100}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.options);
    const std::string input = encode("-g 25 -bf 2 " + one.options);
    const std::string in = save("in", input);
    const std::string out = save("out.mp4", carry(input, one.format, {}));
    EXPECT_EQ(count(out, "v"), 50);
    EXPECT_GE(count(out, "a"), one.sounds - 4);  // Sound from before the first picture is left out.
    EXPECT_EQ(complaints(out), "");
    const double picture = first_pts(in, "v");
    EXPECT_NEAR(first_pts(out, "a") - first_pts(out, "v"), first_pts(in, "a", picture) - picture,
                0.0015);
    // H.264 in start codes again, out of either form.
    const std::string h264 =
        save("out.h264", carry(input, one.format, {.format = Exporter::Format::h264}));
    EXPECT_EQ(count(h264, "v"), 50);
    EXPECT_EQ(complaints(h264), "");
  }
}

TEST_F(Ffmpeg, HevcInMatroska) {
  if (run("ffmpeg -v error -h encoder=libx265").output.find("libx265") == std::string::npos) {
    GTEST_SKIP() << "no libx265";
  }
  const std::string input = encode(
      "-c:v libx265 -x265-params log-level=none:bframes=2:b-pyramid=0 -an -f matroska -live 1");
  const std::string path = save("out.mp4", carry(input, Importer::Format::mkv, {}));
  EXPECT_EQ(count(path, "v"), 50);
  EXPECT_EQ(complaints(path), "");
}

TEST_F(Ffmpeg, CmafAsAnnexB) {
  const std::string input = encode(std::string("-g 25 -c:a aac ") + kCmaf);
  const std::string path =
      save("out.h264", carry(input, Importer::Format::fmp4, {.format = Exporter::Format::h264}));
  EXPECT_EQ(count(path, "v"), 50);
  EXPECT_EQ(complaints(path), "");
}

}  // namespace
}  // namespace moq::mux
