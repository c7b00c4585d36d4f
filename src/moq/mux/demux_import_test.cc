#include <gtest/gtest.h>

#include <array>

#include "moq/hang/catalog_track.h"
#include "moq/hang/container.h"
#include "moq/mux/exporter.h"
#include "moq/mux/h264/nal.h"
#include "moq/mux/importer.h"
#include "moq/mux/internal/start_gate.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/internal/testing_tracks.h"
#include "moq/mux/mkv/testing_elements.h"
#include "moq/mux/mp4/demuxer.h"
#include "moq/mux/ts/packet.h"
#include "moq/sim/world.h"

/// Containers on their way through the importer: what becomes of them in a broadcast.
namespace moq::mux {
namespace {

using testing::bytes_of;
using testing::read_testdata;
using testing::ReadGroups;
using Format = Importer::Format;

class DemuxImport : public ::testing::Test {
 protected:
  Importer create(Format format, Importer::AudioGroups groups = {}) {
    return *Importer::create(broadcast, world, {.format = format, .audio_groups = groups});
  }
  hang::Catalog catalog() {
    hang::CatalogConsumer consumer(reader);
    auto next = consumer.poll_next(kio::Waiter::none());
    EXPECT_TRUE(next.ready() && *next && **next);
    return ***next;
  }
  ReadGroups groups_of(std::string_view name) { return testing::read_track(reader, name); }

  sim::World world;
  net::broadcast::Producer broadcast;
  net::broadcast::Producer other;  ///< Whose catalog is of no matter.
  net::broadcast::Consumer reader = broadcast.consume();
};

std::vector<std::uint64_t> numbers_of(const ReadGroups& groups) {
  std::vector<std::uint64_t> out;
  for (const auto& [sequence, frames] : groups) out.push_back(sequence);
  return out;
}
std::size_t count(const ReadGroups& groups) {
  std::size_t out = 0;
  for (const auto& [sequence, frames] : groups) out += frames.size();
  return out;
}
using Numbers = std::vector<std::uint64_t>;

TEST_F(DemuxImport, PublishesATransportStream) {
  Importer importer = create(Format::ts);
  ASSERT_TRUE(importer.push(read_testdata("ts_h264_aac.ts")));
  const hang::Catalog now = catalog();
  const hang::VideoRendition& video = now.video.renditions.at("0.avc3");
  EXPECT_EQ(video.codec, "avc3.64000a");
  EXPECT_EQ(video.coded_width, 64U);
  EXPECT_EQ(video.framerate, 25.0);
  EXPECT_EQ(video.description, std::nullopt);
  const hang::AudioRendition& audio = now.audio.renditions.at("0.aac");
  EXPECT_EQ(audio.codec, "mp4a.40.2");
  EXPECT_EQ(audio.sample_rate, 48'000U);
  EXPECT_EQ(audio.channels, 1U);
  EXPECT_EQ(audio.description, bytes_of({0x11, 0x88}));

  // One picture is held until the next begins.
  const ReadGroups pictures = groups_of("0.avc3");
  ASSERT_EQ(numbers_of(pictures), (Numbers{0, 1, 2}));
  EXPECT_EQ(count(pictures), 24U);
  const testing::ReadFrame& first = pictures.at(0).at(0);
  EXPECT_EQ(first.timestamp, 1'480'000U);
  const auto frame = hang::decode_legacy(first.payload, true);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->timestamp_us, 1'480'000U);
  const auto nals = h264::split_annex_b(frame->payload.span());
  EXPECT_EQ(h264::nal_type(nals.at(1)), h264::NalType::sps);
  // Sound is cut with the picture.
  EXPECT_EQ(numbers_of(groups_of("0.aac")), (Numbers{0, 1, 2}));
  EXPECT_EQ(count(groups_of("0.aac")), 48U);
  EXPECT_EQ(importer.progress().frames, 24U);
  ASSERT_TRUE(std::move(importer).finish());
  EXPECT_EQ(importer.progress().frames, 25U);  // NOLINT(bugprone-use-after-move)
}

TEST_F(DemuxImport, PublishesFlvWithItsConfiguration) {
  Importer importer = create(Format::flv);
  const Bytes file = read_testdata("flv_h264_aac.flv");
  for (std::size_t at = 0; at < file.size(); at += 100) {
    ASSERT_TRUE(importer.push(file.slice(at, 100)));
  }
  const hang::Catalog now = catalog();
  const hang::VideoRendition& video = now.video.renditions.at("0.avc1");
  EXPECT_EQ(video.codec, "avc1.64000a");
  EXPECT_TRUE(video.description);
  EXPECT_EQ(now.audio.renditions.at("0.aac").codec, "mp4a.40.2");
  const ReadGroups pictures = groups_of("0.avc1");
  EXPECT_EQ(numbers_of(pictures), (Numbers{0, 1, 2}));
  EXPECT_EQ(count(pictures), 25U);
  EXPECT_EQ(pictures.at(0).at(1).timestamp, 200'000U);
  EXPECT_EQ(count(groups_of("0.aac")), 48U);
  EXPECT_EQ(importer.next_event(), Event(TrackBegan{"0.avc1", "avc1.64000a", "legacy"}));
  EXPECT_EQ(importer.next_event(), Event(TrackBegan{"0.aac", "mp4a.40.2", "legacy"}));
}

struct Vector {
  const char* file;
  Format format;
  const char* video;
  const char* audio;
};
constexpr std::array<Vector, 8> kVectors = {
    {{"ts_h264_aac.m2ts", Format::ts, "0.avc3", "0.aac"},
     {"ts_h265_mp3.ts", Format::ts, "0.hev1", "0.mp3"},
     {"ts_opus.ts", Format::ts, nullptr, "0.opus"},
     {"mkv_h264_opus.mkv", Format::mkv, "0.avc1", "0.opus"},
     {"mkv_vp8_opus_live.webm", Format::mkv, "0.vp8", "0.opus"},
     {"mkv_vp9_flac.mkv", Format::mkv, "0.vp9", "0.flac"},
     {"mkv_h265_aac.mkv", Format::mkv, "0.hvc1", "0.aac"},
     {"mkv_av1_mp3.mkv", Format::mkv, "0.av01", "0.mp3"}}};

TEST_F(DemuxImport, PublishesAllCodecs) {
  for (const Vector& vector : kVectors) {
    SCOPED_TRACE(vector.file);
    net::broadcast::Producer own;
    reader = own.consume();
    Importer importer = *Importer::create(own, world, {.format = vector.format});
    ASSERT_TRUE(importer.push(read_testdata(vector.file)));
    const hang::Catalog now = catalog();
    if (vector.video) {
      ASSERT_TRUE(now.video.renditions.contains(vector.video));
      const ReadGroups groups = groups_of(vector.video);
      EXPECT_GE(groups.size(), 3U);
      EXPECT_GE(count(groups), 24U);
    }
    ASSERT_TRUE(now.audio.renditions.contains(vector.audio));
    EXPECT_GE(count(groups_of(vector.audio)), 10U);
    EXPECT_TRUE(std::move(importer).finish());
  }
}

TEST_F(DemuxImport, BeginsWithAKeyFrameWhereItIsJoined) {
  const Bytes file = read_testdata("ts_h264_aac.ts");
  Importer importer = create(Format::ts);
  // Behind the first key frame, before the tables come again.
  ASSERT_TRUE(importer.push(file.slice(8 * ts::kPacketBytes)));
  ASSERT_TRUE(catalog().video.renditions.contains("0.avc3"));
  EXPECT_EQ(groups_of("0.avc3").at(0).at(0).timestamp, 1'880'000U);
}

TEST_F(DemuxImport, ListsAllTracksAtOnce) {
  for (const Vector& vector : kVectors) {
    if (!vector.video) continue;
    SCOPED_TRACE(vector.file);
    net::broadcast::Producer own;
    Importer importer = *Importer::create(own, world, {.format = vector.format});
    hang::CatalogConsumer catalogs(own.consume());
    for (Bytes rest = read_testdata(vector.file); !rest.empty();) {
      ASSERT_TRUE(importer.push(rest.take_front(50)));
      const auto next = catalogs.poll_next(kio::Waiter::none());
      if (next.pending()) continue;
      ASSERT_TRUE(*next && **next);
      EXPECT_EQ((**next)->video.renditions.size(), 1U);
      EXPECT_EQ((**next)->audio.renditions.size(), 1U);
    }
    EXPECT_GE(importer.progress().frames, 24U);
  }
}

TEST_F(DemuxImport, WaitsForATrackNoLongerThanItsLimit) {
  // An FLV header that promises sound which never comes.
  Writer out;
  out.bytes(as_bytes("FLV")).u8(1).u8(5).u32(9).u32(0);
  const auto frame = [&out](std::uint32_t ms) {
    out.u8(9).u24(15).u24(ms).u32(0).u8(0x91).bytes(as_bytes("vp08"));
    out.bytes(bytes_of({0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0}).span()).u32(26);
  };
  frame(0);
  frame(StartGate::kMaxHeldUs / 1000);
  Importer importer = create(Format::flv);
  ASSERT_TRUE(importer.push(out.take()));
  EXPECT_EQ(importer.progress().frames, 0U);
  frame(StartGate::kMaxHeldUs / 1000 + 1);
  ASSERT_TRUE(importer.push(out.take()));
  EXPECT_EQ(importer.progress().frames, 3U);
}

TEST(StartGate, HoldsNoMoreThanItsLimit) {
  const FoundFrame half{.payload = Bytes::copy(std::string(StartGate::kMaxHeldBytes / 2, 'x'))};
  StartGate gate;
  EXPECT_TRUE(gate.pass({half, half}, false).empty());
  EXPECT_EQ(gate.pass({FoundFrame{.payload = Bytes::copy("x")}}, false).size(), 3U);
  EXPECT_EQ(gate.pass({half}, false).size(), 1U);
}

TEST(StartGate, WaitsForTheParametersOfATrack) {
  StartGate gate;
  EXPECT_TRUE(gate.pass({FoundTrack{.id = 1, .format = "vp8"}}, true).empty());
  EXPECT_TRUE(gate.pass({FoundFrame{.track = 1, .payload = bytes_of({0x11, 0, 0})}}, true).empty());
  const Bytes key = bytes_of({0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0});
  EXPECT_EQ(gate.pass({FoundFrame{.track = 1, .payload = key}}, true).size(), 3U);
}

TEST_F(DemuxImport, ComesOutAsMp4WithTheConfigurationThatItHad) {
  Importer importer = create(Format::flv);
  ASSERT_TRUE(importer.push(read_testdata("flv_h264_aac.flv")));
  const Bytes avcc = *catalog().video.renditions.at("0.avc1").description;
  Exporter exporter(world, reader.clone(), {.max_latency = 10s});
  mp4::Demuxer demuxer;
  std::size_t pictures = 0;
  std::size_t sounds = 0;
  const auto drain = [&] {
    for (auto next = exporter.poll_next(kio::Waiter::none()); next.ready() && *next && **next;
         next = exporter.poll_next(kio::Waiter::none())) {
      demuxer.push(***next);
    }
    for (auto event = demuxer.next(); event && *event; event = demuxer.next()) {
      if (const auto* movie = std::get_if<mp4::Movie>(&**event)) {
        ASSERT_EQ(movie->tracks.size(), 2U);
        EXPECT_EQ(movie->tracks[0].entry.description, avcc);
        EXPECT_EQ(movie->tracks[0].entry.width, 64U);
      }
      if (const auto* fragment = std::get_if<mp4::Fragment>(&**event)) {
        (fragment->track_id == 1 ? pictures : sounds) += fragment->samples.size();
      }
    }
  };
  drain();
  ASSERT_TRUE(std::move(importer).finish());
  drain();
  EXPECT_EQ(pictures, 25U);
  EXPECT_GE(sounds, 45U);
  EXPECT_TRUE(demuxer.finish());
}

TEST_F(DemuxImport, MovesTracksTogetherIfTimesAreBelowZero) {
  using mkv::testing::all;
  using mkv::testing::element;
  using mkv::testing::number;
  const auto track = [](std::uint64_t id) {
    return element(0xae, all(number(0xd7, id), element(0x86, "A_MPEG/L3")).span());
  };
  const auto block = [](int id, int time) {
    return element(
        0xa3, bytes_of({0x80 | id, time < 0 ? 0xff : 0, time & 0xff, 0x80, 0xff, 0xfb, 0x14, 0xc4})
                  .span());
  };
  const Bytes tracks = all(track(1), track(2));
  Importer importer = create(Format::mkv);
  ASSERT_TRUE(importer.push(all(element(0x1a45dfa3, element(0x4282, "matroska").span()),
                                element(0x1654ae6b, tracks.span()), number(0xe7, 0), block(1, 0),
                                block(2, -5), block(1, 24), block(2, 19))));
  EXPECT_EQ(groups_of("0.mp3").at(0).at(1).timestamp, 29'000U);
  EXPECT_EQ(groups_of("1.mp3").at(0).at(0).timestamp, 0U);
  EXPECT_EQ(groups_of("1.mp3").at(0).at(1).timestamp, 24'000U);
}

TEST_F(DemuxImport, FailsOnAStreamThatHasNothing) {
  for (const Format format : {Format::ts, Format::flv, Format::mkv}) {
    net::broadcast::Producer own;
    Importer importer = *Importer::create(own, world, {.format = format});
    EXPECT_EQ(std::move(importer).finish().error().code, Code::decode);
  }
}

TEST_F(DemuxImport, CutsAudioIntoFramesIfAsked) {
  Importer importer = create(Format::ts, Importer::AudioGroups::each_frame);
  ASSERT_TRUE(importer.push(read_testdata("ts_h264_aac.ts")));
  EXPECT_EQ(groups_of("0.aac").size(), 48U);
  EXPECT_EQ(groups_of("0.avc3").size(), 3U);
  // Of fMP4, a group is a fragment.
  Importer fmp4 = Importer::create(broadcast, *hang::SharedCatalog::create(other, world), world,
                                   {.audio_groups = Importer::AudioGroups::each_frame});
  ASSERT_TRUE(fmp4.push(read_testdata("cmaf_h264_aac.mp4")));
  const ReadGroups fragments = groups_of("1.m4s");
  EXPECT_GE(fragments.size(), 40U);
  EXPECT_EQ(count(fragments), fragments.size());
  EXPECT_EQ(groups_of("0.m4s").size(), 3U);
}

TEST_F(DemuxImport, ATrackThatChangesMakesWayForAnother) {
  Importer importer = create(Format::ts);
  ASSERT_TRUE(importer.push(read_testdata("ts_h264_aac.ts")));
  ASSERT_TRUE(importer.push(read_testdata("ts_opus.ts")));
  const hang::Catalog now = catalog();
  EXPECT_TRUE(now.video.renditions.empty());
  EXPECT_TRUE(now.audio.renditions.contains("0.opus"));
}

TEST_F(DemuxImport, LeavesASharedCatalogWithItsEnd) {
  auto shared = *hang::SharedCatalog::create(broadcast, world);
  Importer importer = Importer::create(broadcast, shared.clone(), world, {.format = Format::flv});
  ASSERT_TRUE(importer.push(read_testdata("flv_h264_aac.flv")));
  EXPECT_TRUE(shared.lists("0.avc1"));
  ASSERT_TRUE(std::move(importer).finish());
  EXPECT_FALSE(shared.lists("0.avc1"));
  EXPECT_FALSE(shared.lists("0.aac"));
}

TEST_F(DemuxImport, AbortTellsReadersWhy) {
  Importer importer = create(Format::mkv);
  ASSERT_TRUE(importer.push(read_testdata("mkv_h264_opus.mkv")));
  net::track::Consumer track = reader.subscribe("0.avc1");
  std::move(importer).abort(Error(Code::io, "the pipe broke"));
  auto group = track.poll_next_group(kio::Waiter::none());
  while (group.ready() && *group) group = track.poll_next_group(kio::Waiter::none());
  EXPECT_EQ(group->error().code, Code::io);
}

TEST(ImporterFormats, HaveTheNamesOfContainers) {
  EXPECT_EQ(Importer::parse_container("cmaf"), Format::fmp4);
  EXPECT_EQ(Importer::parse_container("webm"), Format::mkv);
  EXPECT_EQ(Importer::parse_container("m2ts"), Format::ts);
  EXPECT_EQ(Importer::parse_container("flv"), Format::flv);
  EXPECT_EQ(Importer::parse_container("TS"), std::nullopt);
  EXPECT_EQ(Importer::parse_container("avc3"), std::nullopt);
  EXPECT_EQ(Importer::parse_container(""), std::nullopt);
}

/// Segments of a source, as they are pushed one by one.
class ImportGroups : public DemuxImport {
 protected:
  /// A second of media with three groups of video, again and again.
  static Bytes segment(Format format) {
    return read_testdata(format == Format::fmp4   ? "cmaf_h264_aac.mp4"
                         : format == Format::ts   ? "ts_h264_aac.ts"
                         : format == Format::avc3 ? "clip.h264"
                                                  : "flv_h264_aac.flv");
  }
  static std::string video_of(Format format) {
    return format == Format::fmp4 ? "0.m4s" : format == Format::flv ? "0.avc1" : "0.avc3";
  }
};

TEST_F(ImportGroups, AreNumberedFromWhereTheyAreSought) {
  for (const Format format : {Format::fmp4, Format::ts, Format::avc3}) {
    net::broadcast::Producer own;
    reader = own.consume();
    Importer importer = *Importer::create(own, world, {.format = format});
    const std::string video = video_of(format);
    ASSERT_TRUE(importer.seek(100));
    ASSERT_TRUE(importer.push(segment(format)));
    EXPECT_EQ(numbers_of(groups_of(video)), (Numbers{100, 101, 102}));
    ASSERT_TRUE(importer.seek(200));
    ASSERT_TRUE(importer.push(segment(format)));
    EXPECT_EQ(numbers_of(groups_of(video)), (Numbers{100, 101, 102, 200, 201, 202}));
    // What was begun stays whole: no picture is lost.
    EXPECT_EQ(count(groups_of(video)), format == Format::fmp4 ? 48U : 49U);
    if (format == Format::avc3) continue;
    const ReadGroups sound = groups_of(format == Format::fmp4 ? "1.m4s" : "0.aac");
    const Numbers numbers = numbers_of(sound);
    EXPECT_EQ(numbers.front(), 100U);
    EXPECT_TRUE(sound.contains(200));
    EXPECT_EQ(count(sound), 96U);
    EXPECT_LE(numbers.back(), 203U);
  }
}

TEST_F(ImportGroups, AreNotSoughtBackwards) {
  for (const Format format : {Format::fmp4, Format::ts, Format::avc3}) {
    net::broadcast::Producer own;
    Importer importer = *Importer::create(own, world, {.format = format});
    ASSERT_TRUE(importer.seek(5));
    EXPECT_EQ(importer.seek(5).error().code, Code::invalid_argument);
    ASSERT_TRUE(importer.push(segment(format)));
    EXPECT_EQ(importer.seek(7).error().code, Code::invalid_argument);  // There are 5, 6 and 7.
    EXPECT_EQ(importer.seek(kMaxVarint + 1).error().code, Code::invalid_argument);
    EXPECT_TRUE(importer.seek(kMaxVarint));
  }
}

TEST_F(ImportGroups, OfSoundEndWhereTheyAreCut) {
  const Bytes file = read_testdata("ts_opus.ts");
  Importer importer = create(Format::ts);
  const std::size_t half = file.size() / 188 / 2 * 188;
  ASSERT_TRUE(importer.push(file.slice(0, half)));
  EXPECT_EQ(numbers_of(groups_of("0.opus")), Numbers{0});
  importer.cut();
  EXPECT_EQ(numbers_of(groups_of("0.opus")), Numbers{0});
  ASSERT_TRUE(importer.push(file.slice(half)));
  EXPECT_EQ(numbers_of(groups_of("0.opus")), (Numbers{0, 1}));
  EXPECT_EQ(count(groups_of("0.opus")), 51U);
}

TEST_F(ImportGroups, OfSoundLastForASecondUnlessTheyAreCut) {
  // The same second again: its times go back.
  const Bytes file = read_testdata("flv_mp3.flv");
  Importer alone = create(Format::flv);
  ASSERT_TRUE(alone.push(file));
  EXPECT_EQ(numbers_of(groups_of("0.mp3")), (Numbers{0, 1}));  // 40 frames last 1.04 s.
}

}  // namespace
}  // namespace moq::mux
