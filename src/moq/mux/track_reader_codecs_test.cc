#include <gtest/gtest.h>

#include "moq/hang/container.h"
#include "moq/mux/importer.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/media_track.h"
#include "moq/mux/mp4/demuxer.h"
#include "moq/mux/track_reader.h"
#include "moq/sim/world.h"

/// What a reader of renditions gets, whatever their codec and container: the encoder's own frames
/// and the times to present them.
namespace moq::mux {
namespace {

using Format = MediaTrack::Format;
using testing::read_ivf;
using testing::read_testdata;

struct Sample {
  std::uint64_t pts_us = 0;
  bool begins_group = false;
  bool keyframe = false;
  Bytes payload;
  bool operator==(const Sample&) const = default;
};

/// One fragmented file of one track.
struct Source {
  std::string name;
  std::string file;
  Format format = Format::vp8;
  std::string codec;  ///< As the file's entry says.
};
std::ostream& operator<<(std::ostream& out, const Source& source) { return out << source.name; }

class TrackReaderCodecs : public ::testing::TestWithParam<Source> {
 protected:
  [[nodiscard]] static bool is_audio() { return MediaTrack::is_audio(GetParam().format); }
  [[nodiscard]] static mp4::Track::Kind kind() {
    return is_audio() ? mp4::Track::Kind::audio : mp4::Track::Kind::video;
  }
  /// Takes the file apart.
  void SetUp() override {
    mp4::Demuxer demuxer;
    demuxer.push(read_testdata(GetParam().file));
    for (auto event = demuxer.next(); event && *event; event = demuxer.next()) {
      if (auto* movie = std::get_if<mp4::Movie>(&**event)) file = movie->tracks.at(0);
      auto* fragment = std::get_if<mp4::Fragment>(&**event);
      if (!fragment) continue;
      for (const mp4::Sample& sample : fragment->samples) {
        samples.push_back({.pts_us = *hang::rescale(sample.pts(), file.timescale, 1'000'000),
                           .begins_group = sample.keyframe,
                           .keyframe = sample.keyframe,
                           .payload = sample.payload});
      }
    }
    ASSERT_GE(samples.size(), 3U);
  }
  /// All that can be read of a track.
  std::vector<Sample> read(const std::string& name, const hang::Container& container) {
    const auto decoder = FrameDecoder::create(container, kind());
    EXPECT_TRUE(decoder) << decoder.error().describe();
    TrackReader reader(world, events,
                       broadcast.consume().subscribe(name, {.max_age = 10s, .start = 0}), *decoder,
                       {.max_latency = 10s});
    std::vector<Sample> out;
    for (;;) {
      auto next = reader.poll_next(kio::Waiter::none());
      if (next.pending() || !*next || !**next) return out;
      const ReadSample& one = ***next;
      out.push_back({.pts_us = *hang::rescale(one.sample.pts(), decoder->timescale(), 1'000'000),
                     .begins_group = one.begins_group,
                     .keyframe = one.sample.keyframe,
                     .payload = one.sample.payload});
    }
  }
  /// What the format needs that its frames do not have.
  [[nodiscard]] Bytes init() const {
    if (GetParam().format == Format::mp3) return samples.front().payload.slice(0, 4);
    return file.entry.description;
  }

  sim::World world;
  net::broadcast::Producer broadcast;
  EventQueue events;
  mp4::Track file;
  std::vector<Sample> samples;
};
INSTANTIATE_TEST_SUITE_P(
    Mux, TrackReaderCodecs,
    ::testing::Values(Source{"hvc1", "frag_hvc1.mp4", Format::hvc1, "hvc1.1.6.L30.90"},
                      Source{"av01", "frag_av1.mp4", Format::av01, "av01.0.00M.08"},
                      Source{"vp9", "frag_vp9.mp4", Format::vp9, "vp09.00.10.08"},
                      Source{"flac", "frag_flac.mp4", Format::flac, "flac"},
                      Source{"mp3", "frag_mp3.mp4", Format::mp3, "mp3"}),
    [](const auto& each) { return each.param.name; });

TEST_P(TrackReaderCodecs, ReadLegacy) {
  hang::SharedCatalog catalog = *hang::SharedCatalog::create(broadcast, world);
  auto track = MediaTrack::create(broadcast, std::move(catalog), world,
                                  {.format = GetParam().format, .init = init()});
  ASSERT_TRUE(track) << track.error().describe();
  for (const Sample& sample : samples) ASSERT_TRUE(track->write(sample.payload, sample.pts_us));
  EXPECT_EQ(read(track->track().name(), {}), samples);
}

TEST_P(TrackReaderCodecs, ReadLoc) {
  net::track::Producer track = *broadcast.create_track("t", MediaTrack::info(GetParam().format));
  std::optional<net::group::Producer> group;
  for (const Sample& sample : samples) {
    if (sample.keyframe) {
      if (group) std::move(*group).finish();
      group = *track.append_group();
    }
    const Bytes frame =
        hang::encode_loc({.timestamp_us = sample.pts_us, .payload = sample.payload});
    ASSERT_TRUE(group->write_frame(sample.pts_us, frame));
  }
  EXPECT_EQ(read("t", {.kind = hang::Container::Kind::loc}), samples);
}

TEST_P(TrackReaderCodecs, ReadCmaf) {
  hang::SharedCatalog catalog = *hang::SharedCatalog::create(broadcast, world);
  Importer importer = Importer::create(broadcast, catalog.clone(), world, {});
  ASSERT_TRUE(importer.push(read_testdata(GetParam().file)));
  const hang::Catalog now = catalog.read();
  if (is_audio()) {
    ASSERT_TRUE(now.audio.renditions.contains("0.m4s"));
    EXPECT_EQ(now.audio.renditions.at("0.m4s").codec, GetParam().codec);
    // The importer's groups of audio are longer.
    for (Sample& sample : samples) sample.begins_group = &sample == &samples.front();
    EXPECT_EQ(read("0.m4s", now.audio.renditions.at("0.m4s").container), samples);
  } else {
    ASSERT_TRUE(now.video.renditions.contains("0.m4s"));
    EXPECT_EQ(now.video.renditions.at("0.m4s").codec, GetParam().codec);
    EXPECT_EQ(read("0.m4s", now.video.renditions.at("0.m4s").container), samples);
  }
}

TEST(TrackReaderBreaks, PassOverAGroupWithoutFrames) {
  sim::World world;
  net::broadcast::Producer broadcast;
  EventQueue events;
  auto track = MediaTrack::create(broadcast, *hang::SharedCatalog::create(broadcast, world), world,
                                  {.format = Format::vp8});
  ASSERT_TRUE(track);
  TrackReader reader(world, events, broadcast.consume().subscribe("0.vp8", {.max_age = 10s}),
                     *FrameDecoder::create({}, mp4::Track::Kind::video), {.max_latency = 10s});
  const Bytes frame = read_ivf("vp8.ivf").at(0);
  const auto next = [&reader] {
    auto polled = reader.poll_next(kio::Waiter::none());
    EXPECT_TRUE(polled.ready() && *polled && **polled);
    return (***polled).group;
  };
  ASSERT_TRUE(track->write(frame, 0));
  EXPECT_EQ(next(), 0U);
  ASSERT_TRUE(track->discontinuity());
  EXPECT_TRUE(reader.poll_next(kio::Waiter::none()).pending());
  ASSERT_TRUE(track->write(frame, 3'600'000'000));
  EXPECT_EQ(next(), 2U);
  ASSERT_TRUE(std::move(*track).finish());
  auto end = reader.poll_next(kio::Waiter::none());
  EXPECT_TRUE(end.ready() && *end && !**end);
}

}  // namespace
}  // namespace moq::mux
