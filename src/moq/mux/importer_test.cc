#include "moq/mux/importer.h"

#include <gtest/gtest.h>

#include "moq/hang/catalog_track.h"
#include "moq/hang/container.h"
#include "moq/mux/h264/nal.h"
#include "moq/mux/internal/sample_clock.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/internal/testing_tracks.h"
#include "moq/mux/mp4/demuxer.h"
#include "moq/sim/world.h"

namespace moq::mux {
namespace {

using testing::read_testdata;
using testing::read_track;

class ImporterTest : public ::testing::Test {
 protected:
  Importer create(Importer::Format format) {
    return *Importer::create(broadcast, world, {.format = format});
  }
  hang::Catalog catalog() {
    hang::CatalogConsumer consumer(reader);
    auto next = consumer.poll_next(kio::Waiter::none());
    EXPECT_TRUE(next.ready() && *next && **next);
    return ***next;
  }
  net::track::Info info(std::string_view name) {
    return **reader.subscribe(name).poll_info(kio::Waiter::none());
  }

  sim::World world;
  net::broadcast::Producer broadcast;
  net::broadcast::Consumer reader = broadcast.consume();
};

/// The samples of a cmaf track's frames.
std::vector<mp4::Sample> samples_of(const std::vector<testing::ReadFrame>& frames,
                                    const Bytes& init) {
  const auto movie = mp4::parse_init(init);
  EXPECT_TRUE(movie && movie->tracks.size() == 1);
  std::vector<mp4::Sample> out;
  for (const auto& frame : frames) {
    const auto samples = mp4::read_cmaf_frame(movie->tracks[0], frame.payload);
    EXPECT_TRUE(samples);
    out.insert(out.end(), samples->begin(), samples->end());
  }
  return out;
}

TEST_F(ImporterTest, PublishesCmafWithItsCatalog) {
  Importer importer = create(Importer::Format::fmp4);
  ASSERT_TRUE(importer.push(read_testdata("cmaf_h264_aac.mp4")));

  const hang::Catalog now = catalog();
  ASSERT_EQ(now.video.renditions.size(), 1U);
  const hang::VideoRendition& video = now.video.renditions.at("0.m4s");
  EXPECT_EQ(video.codec, "avc1.64000a");
  EXPECT_EQ(video.coded_width, 64U);
  EXPECT_EQ(video.framerate, 25.0);
  EXPECT_EQ(video.jitter_ms, 80U);  // ffmpeg's first fragment has two frames.
  EXPECT_EQ(video.container.kind, hang::Container::Kind::cmaf);
  ASSERT_TRUE(video.description);
  const hang::AudioRendition& audio = now.audio.renditions.at("1.m4s");
  EXPECT_EQ(audio.codec, "mp4a.40.2");
  EXPECT_EQ(audio.sample_rate, 48'000U);
  EXPECT_EQ(audio.channels, 1U);
  EXPECT_EQ(audio.description->size(), 5U);
  EXPECT_EQ(mp4::parse_init(audio.container.init)->tracks.at(0).kind, mp4::Track::Kind::audio);

  EXPECT_EQ(info("0.m4s"), (net::track::Info{.priority = 60, .max_age = 30s, .timescale = 12'800}));
  EXPECT_EQ(info("1.m4s"), (net::track::Info{.priority = 80, .max_age = 30s, .timescale = 48'000}));
}

TEST_F(ImporterTest, CutsVideoGroupsAtKeyFrames) {
  const Bytes file = read_testdata("cmaf_h264_aac.mp4");
  Importer importer = create(Importer::Format::fmp4);
  for (std::size_t at = 0; at < file.size(); at += 100)
    ASSERT_TRUE(importer.push(file.slice(at, 100)));
  const Bytes init = catalog().video.renditions.at("0.m4s").container.init;
  net::track::Consumer track = testing::subscribe_all(reader, "0.m4s");
  ASSERT_TRUE(std::move(importer).finish());

  const auto groups = testing::read_all(track);
  ASSERT_EQ(groups.size(), 3U);
  std::vector<mp4::Sample> all;
  for (const auto& [sequence, frames] : groups) {
    const std::vector<mp4::Sample> samples = samples_of(frames, init);
    EXPECT_TRUE(samples[0].keyframe);
    EXPECT_EQ(frames[0].timestamp, samples[0].pts());
    all.insert(all.end(), samples.begin(), samples.end());
  }
  ASSERT_EQ(all.size(), 25U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].keyframe, i % 10 == 0);
    EXPECT_EQ(all[i].dts, 512 * i);
  }
}

TEST_F(ImporterTest, CutsAudioGroupsWithVideoAndRepairsTheTimesOfFfmpeg) {
  Importer importer = create(Importer::Format::fmp4);
  ASSERT_TRUE(importer.push(read_testdata("cmaf_h264_aac.mp4")));
  const Bytes init = catalog().audio.renditions.at("1.m4s").container.init;
  const auto groups = read_track(reader, "1.m4s");
  EXPECT_GE(groups.size(), 3U);
  EXPECT_LE(groups.size(), 4U);
  std::uint64_t expected = 0;
  for (const auto& [sequence, frames] : groups) {
    for (const mp4::Sample& sample : samples_of(frames, init)) {
      EXPECT_EQ(sample.dts, expected);
      expected += 1024;
    }
  }
  EXPECT_EQ(expected, 48 * 1024U);
}

TEST_F(ImporterTest, SplitsFragmentsThatHoldSeveralGroups) {
  // All of it in one fragment of each track.
  mp4::Demuxer demuxer;
  demuxer.push(read_testdata("cmaf_h264_aac.mp4"));
  const auto movie = std::get<mp4::Movie>(**demuxer.next());
  std::vector<mp4::Sample> samples;
  for (auto event = demuxer.next(); *event; event = demuxer.next()) {
    const auto& fragment = std::get<mp4::Fragment>(**event);
    if (fragment.track_id != 1) continue;
    samples.insert(samples.end(), fragment.samples.begin(), fragment.samples.end());
  }
  Importer importer = create(Importer::Format::fmp4);
  ASSERT_TRUE(importer.push(mp4::write_init(movie.tracks)));
  ASSERT_TRUE(importer.push(mp4::write_fragment(1, 1, samples)));
  const auto groups = read_track(reader, "0.m4s");
  ASSERT_EQ(groups.size(), 3U);
  for (const auto& [sequence, frames] : groups) EXPECT_EQ(frames.size(), 1U);
}

TEST_F(ImporterTest, ReportsTracksAndGroups) {
  Importer importer = create(Importer::Format::fmp4);
  ASSERT_TRUE(importer.push(read_testdata("cmaf_h264_aac.mp4")));
  EXPECT_EQ(importer.next_event(), Event(TrackBegan{"0.m4s", "avc1.64000a", "cmaf"}));
  EXPECT_EQ(importer.next_event(), Event(TrackBegan{"1.m4s", "mp4a.40.2", "cmaf"}));
  std::uint64_t video_groups = 0;
  while (const std::optional<Event> event = importer.next_event()) {
    const auto& done = std::get<GroupDone>(*event);
    if (done.track != "0.m4s") continue;
    EXPECT_EQ(done.sequence, video_groups++);
    EXPECT_GE(done.frames, 9U);
  }
  EXPECT_EQ(video_groups, 2U);  // The third is open.
  EXPECT_EQ(importer.progress().frames, 25U);
}

TEST_F(ImporterTest, PublishesAnnexBWithTheCadenceOfItsSps) {
  Importer importer = create(Importer::Format::avc3);
  ASSERT_TRUE(importer.push(read_testdata("clip.h264")));
  const hang::VideoRendition video = catalog().video.renditions.at("0.avc3");
  EXPECT_EQ(video.codec, "avc3.64000a");
  EXPECT_EQ(video.coded_width, 64U);
  EXPECT_EQ(video.coded_height, 48U);
  EXPECT_EQ(video.framerate, 25.0);
  EXPECT_EQ(video.description, std::nullopt);
  EXPECT_EQ(video.container.kind, hang::Container::Kind::legacy);
  net::track::Consumer track = testing::subscribe_all(reader, "0.avc3");
  ASSERT_TRUE(std::move(importer).finish());

  const auto groups = testing::read_all(track);
  ASSERT_EQ(groups.size(), 3U);
  std::uint64_t count = 0;
  for (const auto& [sequence, frames] : groups) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto frame = hang::decode_legacy(frames[i].payload, i == 0);
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->timestamp_us, frames[i].timestamp);
      EXPECT_EQ(frame->timestamp_us, 40'000 * count++);
      const auto nals = h264::split_annex_b(frame->payload.span());
      EXPECT_EQ(h264::nal_type(nals[0]), i == 0 ? h264::NalType::sps : h264::NalType::slice);
    }
  }
  EXPECT_EQ(count, 25U);
}

TEST_F(ImporterTest, FollowsTheClockAfterAPauseOfTheSource) {
  const Bytes clip = read_testdata("clip.h264");
  Importer importer = create(Importer::Format::avc3);
  ASSERT_TRUE(importer.push(clip));
  world.run_for(60s);
  ASSERT_TRUE(importer.push(clip));
  const auto groups = read_track(reader, "0.avc3");
  // The last frame of the first clip was complete only when the second came.
  EXPECT_EQ(groups.at(2).back().timestamp, 60'000'000U);
  EXPECT_EQ(groups.at(3).front().timestamp, 60'040'000U);
}

TEST_F(ImporterTest, FailsOnBrokenInput) {
  Importer fmp4 = create(Importer::Format::fmp4);
  EXPECT_EQ(fmp4.push(Bytes::copy("this is no MP4 file at all")).error().code, Code::decode);
}

TEST_F(ImporterTest, ACutFileEndsItsTracksAndTellsWhere) {
  const Bytes file = read_testdata("cmaf_h264_aac.mp4");
  Importer importer = create(Importer::Format::fmp4);
  ASSERT_TRUE(importer.push(file.slice(0, file.size() - 3)));
  net::track::Consumer track = testing::subscribe_all(reader, "0.m4s");
  hang::CatalogConsumer catalogs(reader);
  const Result<void> finished = std::move(importer).finish();
  ASSERT_FALSE(finished);
  EXPECT_TRUE(finished.error().text.starts_with("mp4: the input ends after "))
      << finished.error().text;
  EXPECT_GE(testing::read_all(track).size(), 3U);
  auto end = track.poll_next_group(kio::Waiter::none());
  EXPECT_TRUE(end.ready() && *end && !**end);
  auto catalog = catalogs.poll_next(kio::Waiter::none());
  while (catalog.ready() && *catalog && **catalog)
    catalog = catalogs.poll_next(kio::Waiter::none());
  EXPECT_TRUE(catalog.ready() && *catalog);
}

TEST_F(ImporterTest, FailsOnAStreamThatHasNothing) {
  Importer importer = create(Importer::Format::avc3);
  ASSERT_TRUE(importer.push(Bytes::copy("this is no H.264 stream")));
  EXPECT_EQ(std::move(importer).finish().error().code, Code::decode);
}

TEST_F(ImporterTest, AcceptsTheSameHeaderAgainAndNoOther) {
  const Bytes file = read_testdata("cmaf_h264_aac.mp4");
  Importer importer = create(Importer::Format::fmp4);
  ASSERT_TRUE(importer.push(file));
  EXPECT_TRUE(importer.push(file));
  EXPECT_EQ(importer.push(read_testdata("frag_h264_opus.mp4")).error().code, Code::unsupported);
}

TEST_F(ImporterTest, AbortTellsReadersWhy) {
  Importer importer = create(Importer::Format::fmp4);
  ASSERT_TRUE(importer.push(read_testdata("cmaf_h264_aac.mp4")));
  net::track::Consumer track = reader.subscribe("0.m4s");
  hang::CatalogConsumer catalogs(reader);
  std::move(importer).abort(Error(Code::io, "the pipe broke"));
  auto group = track.poll_next_group(kio::Waiter::none());
  while (group.ready() && *group) group = track.poll_next_group(kio::Waiter::none());
  EXPECT_EQ(group->error().code, Code::io);
}

TEST_F(ImporterTest, SharesACatalogAndLeavesItWhenFinished) {
  hang::SharedCatalog shared = *hang::SharedCatalog::create(broadcast, world);
  ASSERT_TRUE(shared.edit([](hang::Catalog& out) -> Result<void> {
    out.audio.renditions["1.m4s"].codec = "opus";  // Somebody's, without a track here.
    return {};
  }));
  Importer first = Importer::create(broadcast, shared.clone(), world, {});
  Importer second = Importer::create(broadcast, shared.clone(), world, {});
  ASSERT_TRUE(first.push(read_testdata("cmaf_h264_aac.mp4")));
  ASSERT_TRUE(second.push(read_testdata("frag_h264_opus.mp4")));

  const auto names = [this] {
    std::vector<std::string> out;
    for (const auto& [name, rendition] : catalog().video.renditions) out.push_back(name);
    for (const auto& [name, rendition] : catalog().audio.renditions) out.push_back(name);
    return out;
  };
  EXPECT_EQ(names(), (std::vector<std::string>{"0.m4s", "3.m4s", "1.m4s", "2.m4s", "4.m4s"}));
  ASSERT_TRUE(std::move(first).finish());
  EXPECT_EQ(names(), (std::vector<std::string>{"3.m4s", "1.m4s", "4.m4s"}));
  std::move(second).abort(Error(Code::cancelled));
  EXPECT_EQ(names(), (std::vector<std::string>{"1.m4s"}));
  {
  }
}

TEST(SampleClock, RepairsTheSampleThatFfmpegStampsWithItsEnd) {
  // As ffmpeg 5.1 writes them: 0, 1024, then 3072 without duration, then 3072.
  SampleClock clock;
  std::vector<mp4::Sample> samples = {{.dts = 0, .duration = 1024},
                                      {.dts = 1024, .duration = 1024},
                                      {.dts = 3072, .duration = 0},
                                      {.dts = 3072, .duration = 1024}};
  for (mp4::Sample& sample : samples) clock.repair(sample);
  EXPECT_EQ(samples[2].dts, 2048U);
  EXPECT_EQ(samples[2].duration, 1024U);
  EXPECT_EQ(samples[3].dts, 3072U);
}

TEST(SampleClock, LeavesAGapAlone) {
  SampleClock clock;
  mp4::Sample first{.dts = 0, .duration = 1024};
  mp4::Sample later{.dts = 48'000, .duration = 0};
  clock.repair(first);
  clock.repair(later);
  EXPECT_EQ(later.dts, 48'000U);
}

}  // namespace
}  // namespace moq::mux
