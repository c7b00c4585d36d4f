#include "moq/mux/exporter.h"

#include <gtest/gtest.h>

#include "moq/hang/catalog_track.h"
#include "moq/hang/container.h"
#include "moq/mux/h264/access_unit.h"
#include "moq/mux/importer.h"
#include "moq/mux/internal/feed.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/mp4/demuxer.h"
#include "moq/sim/world.h"

namespace moq::mux {
namespace {

using testing::read_testdata;

/// What can be had now.
struct Output {
  Bytes bytes;
  bool ended = false;
  std::optional<Error> error;
};

Output drain(Exporter& exporter) {
  Output out;
  std::vector<Bytes> parts;
  for (;;) {
    auto next = exporter.poll_next(kio::Waiter::none());
    if (next.pending()) break;
    if (!*next) out.error = next->error();
    if (*next && !**next) out.ended = true;
    if (!*next || !**next) break;
    parts.push_back(***next);
  }
  out.bytes = join(parts);
  return out;
}

/// The tracks and samples of an MP4 stream.
struct Parsed {
  mp4::Movie movie;
  std::size_t movies = 0;
  std::size_t fragments = 0;
  std::map<std::uint32_t, std::vector<mp4::Sample>> samples;
};

Parsed parse(const Bytes& file) {
  Parsed out;
  mp4::Demuxer demuxer;
  demuxer.push(file);
  for (;;) {
    auto event = demuxer.next();
    EXPECT_TRUE(event) << event.error().describe();
    if (!event || !*event) break;
    if (auto* movie = std::get_if<mp4::Movie>(&**event)) {
      out.movie = *movie;
      ++out.movies;
    }
    if (auto* fragment = std::get_if<mp4::Fragment>(&**event)) {
      ++out.fragments;
      auto& all = out.samples[fragment->track_id];
      all.insert(all.end(), fragment->samples.begin(), fragment->samples.end());
    }
  }
  EXPECT_TRUE(demuxer.finish());
  return out;
}

class ExporterTest : public ::testing::Test {
 protected:
  Importer import_file(const std::string& name, Importer::Format format = Importer::Format::fmp4) {
    Importer importer = *Importer::create(broadcast, world, {.format = format});
    EXPECT_TRUE(importer.push(read_testdata(name)));
    return importer;
  }
  /// Reads all that is cached: without a limit of age it starts at the first group.
  Exporter create(Exporter::Options options = {}) {
    options.max_latency = 10s;
    if (max_tracks_wait) options.max_tracks_wait = *max_tracks_wait;
    return Exporter(world, broadcast.consume(), options);
  }

  sim::World world;
  net::broadcast::Producer broadcast;
  std::optional<Duration> max_tracks_wait = 0s;  ///< None: the default.
};

TEST_F(ExporterTest, WritesCmafTracksAsOneFile) {
  Importer importer = import_file("cmaf_h264_aac.mp4");
  Exporter exporter = create();
  const Parsed out = parse(drain(exporter).bytes);

  EXPECT_EQ(out.movies, 1U);
  ASSERT_EQ(out.movie.tracks.size(), 2U);
  EXPECT_EQ(out.movie.tracks[0].entry.codec, "avc1.64000a");
  EXPECT_EQ(out.movie.tracks[1].entry.codec, "mp4a.40.2");
  const auto& video = out.samples.at(1);
  ASSERT_EQ(video.size(), 25U);
  EXPECT_TRUE(video[0].keyframe);
  EXPECT_EQ(video[1].pts(), 1536U);
  const Parsed in = parse(read_testdata("cmaf_h264_aac.mp4"));
  EXPECT_EQ(video, in.samples.at(1));
  EXPECT_EQ(out.samples.at(2).size(), 48U);
  for (std::size_t i = 0; i < 48; ++i) EXPECT_EQ(out.samples.at(2)[i].dts, i * 1024);
}

TEST_F(ExporterTest, WritesEachFrameAsItComes) {
  const Bytes file = read_testdata("cmaf_h264_aac.mp4");
  Importer importer = *Importer::create(broadcast, world, {});
  Exporter exporter = create();
  std::size_t grew = 0;
  for (std::size_t at = 0; at < file.size(); at += 200) {
    ASSERT_TRUE(importer.push(file.slice(at, 200)));
    if (!drain(exporter).bytes.empty()) ++grew;
  }
  EXPECT_GT(grew, 30U);
}

TEST_F(ExporterTest, AsksAgainForACatalogThatIsNotThere) {
  Exporter exporter = create();
  EXPECT_TRUE(drain(exporter).bytes.empty());
  Importer importer = import_file("cmaf_h264_aac.mp4");
  EXPECT_TRUE(drain(exporter).bytes.empty());
  world.run_for(250ms);
  EXPECT_EQ(parse(drain(exporter).bytes).samples.at(1).size(), 25U);
}

TEST_F(ExporterTest, EndsWithTheBroadcast) {
  Importer importer = import_file("cmaf_h264_aac.mp4");
  Exporter exporter = create();
  EXPECT_FALSE(drain(exporter).ended);
  ASSERT_TRUE(std::move(importer).finish());
  EXPECT_TRUE(drain(exporter).ended);
}

TEST_F(ExporterTest, WritesOneFragmentAGroupIfAsked) {
  Importer importer = import_file("cmaf_h264_aac.mp4");
  Exporter exporter = create({.fragment_duration = std::nullopt});
  std::vector<Bytes> parts = {drain(exporter).bytes};
  EXPECT_EQ(parse(parts[0]).samples.at(1).size(), 20U);  // The third group is not complete.
  ASSERT_TRUE(std::move(importer).finish());
  const Output rest = drain(exporter);
  EXPECT_TRUE(rest.ended);
  parts.push_back(rest.bytes);
  const Parsed out = parse(join(parts));
  EXPECT_EQ(out.samples.at(1).size(), 25U);
  EXPECT_EQ(out.samples.at(2).size(), 48U);
  EXPECT_EQ(out.fragments, 6U);
}

TEST_F(ExporterTest, CapsFragmentsIfAsked) {
  Importer importer = import_file("cmaf_h264_aac.mp4");
  Exporter exporter = create({.fragment_duration = 200ms});
  std::vector<Bytes> parts = {drain(exporter).bytes};
  ASSERT_TRUE(std::move(importer).finish());
  parts.push_back(drain(exporter).bytes);
  const Parsed out = parse(join(parts));
  EXPECT_EQ(out.samples.at(1).size(), 25U);
  EXPECT_GE(out.fragments, 9U);
  EXPECT_LE(out.fragments, 12U);
}

TEST_F(ExporterTest, WritesAnnexBAsMp4) {
  Importer importer = import_file("clip.h264", Importer::Format::avc3);
  Exporter exporter = create();
  const Parsed out = parse(drain(exporter).bytes);
  ASSERT_EQ(out.movie.tracks.size(), 1U);
  EXPECT_EQ(out.movie.tracks[0].entry.codec, "avc1.64000a");
  EXPECT_EQ(out.movie.tracks[0].entry.width, 64U);
  const auto& video = out.samples.at(1);
  ASSERT_GE(video.size(), 24U);
  for (std::size_t i = 0; i < video.size(); ++i) {
    EXPECT_EQ(video[i].dts, i * 40'000);
    EXPECT_EQ(video[i].composition_offset, 0);
    EXPECT_EQ(video[i].keyframe, i % 10 == 0);
    EXPECT_TRUE(h264::split_length_prefixed(video[i].payload.span(), 4));
  }
}

/// The access units of an Annex-B stream.
std::vector<h264::AccessUnit> units_of(const Bytes& stream) {
  h264::AccessUnitReader reader;
  auto units = *reader.push(stream.span());
  auto last = *reader.finish();
  units.insert(units.end(), last.begin(), last.end());
  return units;
}

TEST_F(ExporterTest, WritesCmafAsAnnexB) {
  Importer importer = import_file("cmaf_h264_aac.mp4");
  Exporter exporter = create({.format = Exporter::Format::h264});
  const auto units = units_of(drain(exporter).bytes);
  ASSERT_EQ(units.size(), 25U);
  EXPECT_TRUE(units[0].keyframe && units[10].keyframe && units[20].keyframe);
  const auto nals = h264::split_annex_b(units[10].payload.span());
  EXPECT_EQ(h264::nal_type(nals[0]), h264::NalType::sps);
  EXPECT_EQ(h264::nal_type(nals[1]), h264::NalType::pps);
}

TEST_F(ExporterTest, WritesAnnexBAsItWas) {
  Importer importer = import_file("clip.h264", Importer::Format::avc3);
  Exporter exporter = create({.format = Exporter::Format::h264});
  std::vector<Bytes> parts = {drain(exporter).bytes};
  ASSERT_TRUE(std::move(importer).finish());
  parts.push_back(drain(exporter).bytes);
  EXPECT_TRUE(units_of(join(parts)) == units_of(read_testdata("clip.h264")));
}

TEST_F(ExporterTest, ReadsTheCompressedCatalog) {
  Importer importer = import_file("cmaf_h264_aac.mp4");
  Exporter exporter = create({.catalog_format = hang::CatalogFormat::hang_compressed});
  EXPECT_EQ(parse(drain(exporter).bytes).samples.at(1).size(), 25U);
}

TEST_F(ExporterTest, ReadsTheMsfCatalogWhereThereIsNoOther) {
  Importer importer = *Importer::create(broadcast, world, {.catalogs = hang::CatalogTracks::msf});
  ASSERT_TRUE(importer.push(read_testdata("cmaf_h264_aac.mp4")));
  Exporter blind = create({});
  EXPECT_TRUE(drain(blind).bytes.empty());
  Exporter exporter = create({.catalog_format = hang::CatalogFormat::msf});
  const auto movie = parse(drain(exporter).bytes);
  EXPECT_EQ(movie.samples.at(1).size(), 25U);
  EXPECT_GT(movie.samples.at(2).size(), 30U);
}

TEST_F(ExporterTest, DerivesFromTheInitDataWhatAnMsfTrackLeavesOut) {
  net::track::Producer catalog = *broadcast.create_track(hang::kMsfCatalogTrack);
  net::track::Producer track = *broadcast.create_track("a", {.timescale = 1'000'000});
  ASSERT_TRUE(catalog.write_frame(
      0, Bytes::copy(R"({"version":1,"tracks":[{"name":"a","packaging":"legacy","role":"audio",)"
                     R"("codec":"mp4a.40.2","initData":"EZA="}]})")));
  ASSERT_TRUE(track.write_frame(
      0, hang::encode_legacy({.timestamp_us = 0, .payload = Bytes::copy("sound")})));
  Exporter exporter = create({.catalog_format = hang::CatalogFormat::msf});
  const Bytes written = drain(exporter).bytes;
  EXPECT_NE(written.text().find("mp4a"), std::string_view::npos);
}

TEST_F(ExporterTest, FailsIfNothingFitsTheFormat) {
  hang::CatalogProducer catalogs = *hang::CatalogProducer::create(broadcast, world);
  Exporter exporter = create({.format = Exporter::Format::h264});
  hang::Catalog catalog;
  catalog.video.renditions["v"].codec = "vp8";
  ASSERT_TRUE(catalogs.update(catalog));
  EXPECT_TRUE(!drain(exporter).error);
  std::move(catalogs).finish();
  EXPECT_EQ(drain(exporter).error->code, Code::unsupported);
}

/// A broadcast of legacy tracks, written by hand.
class LegacyExporterTest : public ExporterTest {
 protected:
  void SetUp() override {
    hang::Catalog catalog;
    const auto movie = mp4::parse_init(read_testdata("cmaf_h264_aac.mp4"));
    hang::VideoRendition& rendition = catalog.video.renditions["v"];
    rendition.codec = "avc1.64000a";
    rendition.description = movie->tracks[0].entry.description;
    rendition.framerate = 25;
    ASSERT_TRUE(catalogs.update(catalog));
  }
  void add_audio() {
    hang::Catalog catalog = catalogs.catalog();
    hang::AudioRendition& rendition = catalog.audio.renditions["a"];
    rendition.codec = "opus";
    rendition.sample_rate = 48'000;
    rendition.channels = 2;
    ASSERT_TRUE(catalogs.update(catalog));
  }
  net::track::Producer create_track(std::string_view name) {
    return *broadcast.create_track(name, {.max_age = 60s, .timescale = 1'000'000});
  }
  static void write(net::group::Producer& group, std::uint64_t time_us, std::string_view payload) {
    const Bytes frame =
        hang::encode_legacy({.timestamp_us = time_us, .payload = Bytes::copy(payload)});
    ASSERT_TRUE(group.write_frame(time_us, frame));
  }
  static void write_group(net::track::Producer& track, std::uint64_t time_us, int frames,
                          std::string_view payload = "x") {
    net::group::Producer group = *track.append_group();
    for (int i = 0; i < frames; ++i) {
      write(group, time_us + static_cast<std::uint64_t>(i) * 40'000, payload);
    }
    std::move(group).finish();
  }

  hang::CatalogProducer catalogs = *hang::CatalogProducer::create(broadcast, world);
};

TEST_F(LegacyExporterTest, FindsDecodeTimesForReorderedFrames) {
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  drain(exporter);
  // Two groups, each of a key frame, and twice a later frame with two B-frames.
  for (const std::uint64_t start : {0, 280'000}) {
    net::group::Producer group = *video.append_group();
    for (const std::uint64_t ms : {0, 120, 40, 80, 240, 160, 200}) {
      write(group, start + ms * 1000, "x");
    }
    std::move(group).finish();
  }
  const auto samples = parse(drain(exporter).bytes).samples.at(1);
  ASSERT_EQ(samples.size(), 14U);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_TRUE(i == 0 || samples[i].dts > samples[i - 1].dts) << i;
    EXPECT_GE(samples[i].composition_offset, -2);
    EXPECT_LE(samples[i].composition_offset, 130'000);
  }
  EXPECT_EQ(samples[1].pts(), 120'000U);
  EXPECT_EQ(samples[2].pts(), 40'000U);
  EXPECT_EQ(samples[13].pts(), 480'000U);
}

TEST_F(LegacyExporterTest, ReadsLocFramesAndPassesOverMarks) {
  hang::Catalog catalog = catalogs.catalog();
  catalog.video.renditions.at("v").container.kind = hang::Container::Kind::loc;
  ASSERT_TRUE(catalogs.update(catalog));
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  drain(exporter);
  const auto write_loc = [](net::group::Producer& group, std::uint64_t time_us,
                            std::string_view payload) {
    const hang::Frame frame{.timestamp_us = time_us, .payload = Bytes::copy(payload)};
    ASSERT_TRUE(group.write_frame(time_us, hang::encode_loc(frame)));
  };
  for (const std::uint64_t start : {0, 80'000}) {
    net::group::Producer group = *video.append_group();
    write_loc(group, start, "key");
    write_loc(group, start + 40'000, "delta");
    write_loc(group, start + 80'000, "");  // Where the group ends.
    std::move(group).finish();
  }
  net::group::Producer pause = *video.append_group();
  write_loc(pause, 160'000, "");
  std::move(pause).finish();
  write_group(video, 0, 0);
  std::move(video).finish();
  std::move(catalogs).finish();
  const Output out = drain(exporter);
  EXPECT_TRUE(out.ended);
  const auto samples = parse(out.bytes).samples.at(1);
  ASSERT_EQ(samples.size(), 4U);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].pts(), 40'000 * i);
    EXPECT_EQ(samples[i].keyframe, i % 2 == 0);
    EXPECT_EQ(samples[i].payload.text(), i % 2 == 0 ? "key" : "delta");
  }
}

TEST_F(LegacyExporterTest, BeginsWithAPictureAndDropsSoundFromBefore) {
  add_audio();
  net::track::Producer audio = create_track("a");
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  drain(exporter);
  net::group::Producer sound = *audio.append_group();
  for (int i = 0; i < 10; ++i) write(sound, static_cast<std::uint64_t>(i) * 20'000, "\xfc");
  EXPECT_TRUE(drain(exporter).bytes.empty());
  write_group(video, 100'000, 1);
  const Parsed out = parse(drain(exporter).bytes);
  EXPECT_EQ(out.samples.at(1).front().dts, 100'000U);
  ASSERT_EQ(out.samples.at(2).size(), 5U);
  EXPECT_EQ(out.samples.at(2).front().dts, 4800U);
  EXPECT_EQ(out.samples.at(2).front().duration, 960U);
}

TEST_F(LegacyExporterTest, AwaitsSoundThatIsListedAfterThePictures) {
  max_tracks_wait.reset();
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  write_group(video, 0, 10);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  world.run_for(900ms);
  net::track::Producer audio = create_track("a");
  add_audio();
  write_group(audio, 0, 10);
  write_group(video, 400'000, 10);
  const Parsed out = parse(drain(exporter).bytes);
  EXPECT_EQ(out.movies, 1U);
  EXPECT_EQ(out.movie.tracks.size(), 2U);
  EXPECT_EQ(out.samples.at(1).size(), 20U);  // All that was held, and what came then.
  EXPECT_EQ(out.samples.at(2).size(), 10U);
}

TEST_F(LegacyExporterTest, AwaitsPicturesThatAreListedAfterTheSound) {
  max_tracks_wait.reset();
  const hang::Catalog whole = catalogs.catalog();
  ASSERT_TRUE(catalogs.update({}));
  add_audio();
  net::track::Producer audio = create_track("a");
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  write_group(audio, 0, 10);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  hang::Catalog both = catalogs.catalog();
  both.video = whole.video;
  ASSERT_TRUE(catalogs.update(both));
  write_group(video, 200'000, 5);
  const Parsed out = parse(drain(exporter).bytes);
  EXPECT_EQ(out.movies, 1U);
  EXPECT_EQ(out.samples.at(1).size(), 5U);
  EXPECT_EQ(out.samples.at(2).size(), 5U);  // From the first picture on.
}

TEST_F(LegacyExporterTest, AwaitsNoTrackForLongerThanAsked) {
  max_tracks_wait.reset();
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  write_group(video, 0, 10);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  world.run_for(1s);
  const Parsed out = parse(drain(exporter).bytes);
  EXPECT_EQ(out.movie.tracks.size(), 1U);
  EXPECT_EQ(out.samples.at(1).size(), 10U);
}

TEST_F(LegacyExporterTest, AwaitsNothingOfABroadcastThatEnds) {
  max_tracks_wait.reset();
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  write_group(video, 0, 10);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  std::move(video).finish();
  std::move(catalogs).finish();
  const Output out = drain(exporter);
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(parse(out.bytes).samples.at(1).size(), 10U);
}

TEST_F(LegacyExporterTest, AwaitsNoTrackOnceItHoldsManySamples) {
  max_tracks_wait = 1h;
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  constexpr int kMost = static_cast<int>(kMaxPendingSamples);
  write_group(video, 0, kMost - 1);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  write_group(video, 40'000 * kMost, 10);
  EXPECT_EQ(parse(drain(exporter).bytes).samples.at(1).size(), kMaxPendingSamples + 9);
}

TEST_F(LegacyExporterTest, AwaitsNoTrackOnceItHoldsManyBytes) {
  max_tracks_wait = 1h;
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  const std::string quarter(kMaxPendingBytes / 4, 'x');
  write_group(video, 0, 3, quarter);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  write_group(video, 120'000, 3, quarter);
  EXPECT_EQ(parse(drain(exporter).bytes).samples.at(1).size(), 6U);
}

TEST_F(LegacyExporterTest, DropsWhatItHeldOfABroadcastThatStartedOver) {
  max_tracks_wait.reset();
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  write_group(video, 100'000, 10);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  net::broadcast::Producer next;
  hang::CatalogProducer catalogs_again = *hang::CatalogProducer::create(next, world);
  ASSERT_TRUE(catalogs_again.update(catalogs.catalog()));
  net::track::Producer again = *next.create_track("v", {.timescale = 1'000'000});
  exporter.replace(next.consume());
  write_group(again, 0, 5);
  world.run_for(1s);
  EXPECT_EQ(parse(drain(exporter).bytes).samples.at(1).size(), 5U);
}

TEST_F(LegacyExporterTest, DropsSoundFromBeforeThatComesLater) {
  add_audio();
  net::track::Producer audio = create_track("a");
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  drain(exporter);
  write_group(video, 100'000, 1);
  const Bytes before = drain(exporter).bytes;
  net::group::Producer sound = *audio.append_group();
  for (int i = 0; i < 10; ++i) write(sound, static_cast<std::uint64_t>(i) * 20'000, "\xfc");
  const std::vector<Bytes> parts = {before, drain(exporter).bytes};
  EXPECT_EQ(parse(join(parts)).samples.at(2).front().dts, 4800U);
}

TEST_F(LegacyExporterTest, AsksAgainForATrackThatFailed) {
  net::track::Producer first = create_track("v");
  Exporter exporter = create();
  drain(exporter);
  write_group(first, 0, 3);
  const Bytes before = drain(exporter).bytes;
  EXPECT_EQ(parse(before).samples.at(1).size(), 3U);
  std::move(first).abort(Error(Code::restarted));
  EXPECT_TRUE(drain(exporter).bytes.empty());

  net::track::Producer second = create_track("v");
  write_group(second, 0, 3);
  EXPECT_TRUE(drain(exporter).bytes.empty());
  world.run_for(1s);
  const std::vector<Bytes> parts = {before, drain(exporter).bytes};
  const auto samples = parse(join(parts)).samples.at(1);
  ASSERT_EQ(samples.size(), 6U);
  // The publisher's times started over; the stream's go on.
  for (std::size_t i = 1; i < samples.size(); ++i) EXPECT_GT(samples[i].dts, samples[i - 1].dts);
}

TEST_F(LegacyExporterTest, GoesOnWithAnotherBroadcastWhereTheTimesEnded) {
  add_audio();
  net::track::Producer video = create_track("v");
  net::track::Producer audio = create_track("a");
  Exporter exporter = create();
  drain(exporter);
  write_group(video, 5'000'000, 10);
  write_group(audio, 5'000'000, 10, "\xfc");
  const Bytes before = drain(exporter).bytes;

  net::broadcast::Producer next;
  hang::CatalogProducer next_catalogs = *hang::CatalogProducer::create(next, world);
  ASSERT_TRUE(next_catalogs.update(catalogs.catalog()));
  net::track::Producer next_video = *next.create_track("v", {.timescale = 1'000'000});
  net::track::Producer next_audio = *next.create_track("a", {.timescale = 1'000'000});
  exporter.replace(next.consume());
  write_group(next_video, 77'000'000, 10);
  write_group(next_audio, 77'000'000, 10, "\xfc");
  const std::vector<Bytes> parts = {before, drain(exporter).bytes};
  const Parsed out = parse(join(parts));
  EXPECT_EQ(out.movies, 1U);
  ASSERT_EQ(out.samples.at(1).size(), 20U);
  EXPECT_EQ(out.samples.at(1)[10].dts, 5'400'000U);
  EXPECT_EQ(out.samples.at(1)[19].dts, 5'760'000U);
  ASSERT_EQ(out.samples.at(2).size(), 20U);
  EXPECT_EQ(out.samples.at(2)[10].dts, 5'400'000U * 48 / 1000);
}

TEST_F(LegacyExporterTest, TakesTheBestRenditionOrTheOneThatIsNamed) {
  hang::Catalog catalog = catalogs.catalog();
  for (const auto& [name, width] : std::map<std::string, std::uint32_t>{{"w", 640}, {"x", 320}}) {
    catalog.video.renditions[name] = catalog.video.renditions["v"];
    catalog.video.renditions[name].coded_width = width;
    catalog.video.renditions[name].coded_height = 240;
  }
  catalog.video.renditions["y"] = catalog.video.renditions["w"];
  catalog.video.renditions["y"].stalled = true;
  catalog.video.renditions["z"] = catalog.video.renditions["w"];
  catalog.video.renditions["z"].container.kind = hang::Container::Kind::unknown;
  catalog.video.renditions["z"].container.other = R"({"kind":"later"})";
  catalog.video.renditions["z"].coded_width = 4000;
  ASSERT_TRUE(catalogs.update(catalog));
  const auto chosen = [this](Exporter::Options options) {
    Exporter exporter = create(std::move(options));
    drain(exporter);
    const auto event = exporter.next_event();
    return event ? std::get<TrackBegan>(*event).name : "";
  };
  EXPECT_EQ(chosen({}), "w");
  EXPECT_EQ(chosen({.video_name = "x"}), "x");
  EXPECT_EQ(chosen({.video_name = "nothing"}), "");
  EXPECT_EQ(chosen({.video_codec = "hvc1"}), "");
}

TEST_F(LegacyExporterTest, EndsAWhileAfterItsTracksIfTheCatalogStays) {
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  drain(exporter);
  write_group(video, 0, 3);
  std::move(video).finish();
  EXPECT_FALSE(drain(exporter).ended);
  world.run_for(2s);
  EXPECT_TRUE(drain(exporter).ended);
}

TEST_F(LegacyExporterTest, ReportsWhatWasDelivered) {
  net::track::Producer video = create_track("v");
  Exporter exporter = create();
  drain(exporter);
  write_group(video, 0, 3, "abc");
  drain(exporter);
  EXPECT_EQ(exporter.next_event(), Event(TrackBegan{"v", "avc1.64000a", "legacy"}));
  EXPECT_EQ(exporter.next_event(), Event(GroupDone{"v", 0, 3, 9}));
  EXPECT_EQ(exporter.next_event(), std::nullopt);
  EXPECT_EQ(exporter.progress().frames, 3U);
  EXPECT_EQ(exporter.progress().bytes, 9U);
  EXPECT_EQ(exporter.progress().media_us, 80'000U);
}

}  // namespace
}  // namespace moq::mux
