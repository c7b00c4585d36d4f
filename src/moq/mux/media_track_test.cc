#include "moq/mux/media_track.h"

#include <gtest/gtest.h>

#include "moq/base/wire.h"
#include "moq/hang/container.h"
#include "moq/mux/h264/access_unit.h"
#include "moq/mux/h264/avcc.h"
#include "moq/mux/h265/access_unit.h"
#include "moq/mux/internal/testing.h"
#include "moq/mux/internal/testing_tracks.h"
#include "moq/mux/mp4/demuxer.h"
#include "moq/net/limits.h"
#include "moq/sim/world.h"

namespace moq::mux {
namespace {

using Format = MediaTrack::Format;
using testing::bytes_of;
using testing::read_ivf;
using testing::read_testdata;

const Bytes kOpusHead =
    bytes_of({'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0});
const Bytes kAac = bytes_of({0x11, 0x90});
// SPS and PPS of a picture of 1280x720, High 3.1.
const Bytes kAvcSets =
    bytes_of({0,    0,    0,    1,    0x67, 0x64, 0x00, 0x1f, 0xac, 0x24, 0x84, 0x01, 0x40,
              0x16, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x23,
              0xc6, 0x0c, 0x92, 0,    0,    0,    1,    0x68, 0xee, 0x32, 0xc8, 0xb0});
const Bytes kIdr = bytes_of({0, 0, 0, 1, 0x65, 0x88, 0x84});
const Bytes kDelta = bytes_of({0, 0, 0, 1, 0x41, 0x9a});
const Bytes kDelta3 = bytes_of({0, 0, 1, 0x41, 0x9b});

class MediaTrackTest : public ::testing::Test {
 protected:
  MediaTrack create(MediaTrack::Options options) {
    auto track = MediaTrack::create(broadcast, catalog.clone(), world, std::move(options));
    EXPECT_TRUE(track) << track.error().describe();
    return *std::move(track);
  }
  Code refusal(Format format, const Bytes& init) {
    auto track =
        MediaTrack::create(broadcast, catalog.clone(), world, {.format = format, .init = init});
    EXPECT_FALSE(track);
    EXPECT_EQ(catalog.read(), hang::Catalog());
    return track ? Code::internal : track.error().code;
  }
  hang::VideoRendition video(const std::string& name) {
    const hang::Catalog now = catalog.read();
    EXPECT_TRUE(now.video.renditions.contains(name)) << name;
    return catalog.lists(name) ? now.video.renditions.at(name) : hang::VideoRendition();
  }
  hang::AudioRendition audio(const std::string& name) {
    const hang::Catalog now = catalog.read();
    EXPECT_TRUE(now.audio.renditions.contains(name)) << name;
    return catalog.lists(name) ? now.audio.renditions.at(name) : hang::AudioRendition();
  }
  /// The frames of all groups, out of their container.
  std::map<std::uint64_t, std::vector<Bytes>> payloads(const MediaTrack& track) {
    std::map<std::uint64_t, std::vector<Bytes>> out;
    for (const auto& [sequence, frames] : testing::read_track(reader, track.track().name())) {
      auto& group = out[sequence];
      for (const auto& frame : frames) {
        const auto decoded = hang::decode_legacy(frame.payload, false);
        EXPECT_EQ(decoded->timestamp_us, frame.timestamp);
        group.push_back(decoded->payload);
      }
    }
    return out;
  }

  sim::World world;
  net::broadcast::Producer broadcast;
  net::broadcast::Consumer reader = broadcast.consume();
  hang::SharedCatalog catalog = *hang::SharedCatalog::create(broadcast, world);
};

using Groups = std::map<std::uint64_t, std::vector<Bytes>>;

Bytes join_two(const Bytes& first, const Bytes& second) {
  const Bytes parts[] = {first, second};
  return join(parts);
}

TEST(MediaTrackFormat, HasTheNamesOfTheContract) {
  const std::map<std::string_view, Format> names = {
      {"avc3", Format::avc3}, {"h264", Format::avc3}, {"avc1", Format::avc1},
      {"avcc", Format::avc1}, {"hev1", Format::hev1}, {"hvc1", Format::hvc1},
      {"hvcc", Format::hvc1}, {"av01", Format::av01}, {"av1", Format::av01},
      {"av1c", Format::av01}, {"av1C", Format::av01}, {"vp8", Format::vp8},
      {"vp08", Format::vp8},  {"vp9", Format::vp9},   {"vp09", Format::vp9},
      {"aac", Format::aac},   {"opus", Format::opus}, {"flac", Format::flac},
      {"mp3", Format::mp3}};
  for (const auto& [name, format] : names)
    EXPECT_EQ(MediaTrack::parse_format(name), format) << name;
  for (const char* name : {"", "h265", "hevc", "mp4", "fmp4", "H264", "avcC", "AV1", "opus "}) {
    EXPECT_EQ(MediaTrack::parse_format(name), std::nullopt) << name;
  }
  EXPECT_TRUE(MediaTrack::is_audio(Format::aac) && MediaTrack::is_audio(Format::mp3));
  EXPECT_FALSE(MediaTrack::is_audio(Format::vp9) || MediaTrack::is_audio(Format::avc1));
  EXPECT_EQ(MediaTrack::to_string(Format::avc3), "avc3");
}

TEST_F(MediaTrackTest, ListsAudioAtOnceUnderTheFirstFreeName) {
  const MediaTrack first = create({.format = Format::opus, .init = kOpusHead, .label = "Voice"});
  const MediaTrack second = create({.format = Format::opus, .init = kOpusHead});
  const MediaTrack third = create({.format = Format::aac, .init = kAac, .suffix = "mp4a"});

  EXPECT_EQ(audio("0.opus"), (hang::AudioRendition{.label = "Voice",
                                                   .codec = "opus",
                                                   .sample_rate = 48'000,
                                                   .channels = 2,
                                                   .description = kOpusHead}));
  EXPECT_EQ(audio("1.opus").label, std::nullopt);
  EXPECT_EQ(audio("0.mp4a").codec, "mp4a.40.2");
  EXPECT_EQ(audio("0.mp4a").description, kAac);
  EXPECT_EQ(audio("0.mp4a").sample_rate, 48'000U);
  const auto info = reader.subscribe("0.opus").poll_info(kio::Waiter::none());
  EXPECT_EQ(**info, (net::track::Info{.priority = 80, .max_age = 30s, .timescale = 1'000'000}));
}

TEST_F(MediaTrackTest, DescribesFlacWithItsBeginningAndMp3NotAtAll) {
  std::vector<int> flac = {'f', 'L', 'a', 'C', 0x80, 0, 0, 34};
  flac.resize(42, 0);
  flac[18] = 0x0a, flac[19] = 0xc4, flac[20] = 0x42;
  const MediaTrack lossless = create({.format = Format::flac, .init = bytes_of(flac)});
  const MediaTrack lossy = create({.format = Format::mp3, .init = bytes_of({0xff, 0xfb, 0x90, 0})});
  EXPECT_EQ(audio("0.flac").codec, "flac");
  EXPECT_EQ(audio("0.flac").sample_rate, 44'100U);
  EXPECT_EQ(audio("0.flac").description, bytes_of(flac));
  EXPECT_EQ(audio("0.mp3").codec, "mp3");
  EXPECT_EQ(audio("0.mp3").channels, 2U);
  EXPECT_EQ(audio("0.mp3").description, std::nullopt);
}

TEST_F(MediaTrackTest, RefusesInitDataThatIsMissingOrBroken) {
  for (const Format format :
       {Format::avc1, Format::hvc1, Format::aac, Format::opus, Format::flac, Format::mp3}) {
    EXPECT_EQ(refusal(format, {}), Code::decode) << MediaTrack::to_string(format);
  }
  for (const Format format :
       {Format::avc1, Format::avc3, Format::hvc1, Format::hev1, Format::av01, Format::vp8,
        Format::vp9, Format::aac, Format::opus, Format::flac, Format::mp3}) {
    EXPECT_EQ(refusal(format, bytes_of({0x0d})), Code::decode) << MediaTrack::to_string(format);
  }
  // No track has been there.
  auto info = reader.subscribe("0.opus").poll_info(kio::Waiter::none());
  ASSERT_TRUE(info.ready() && !*info);
  EXPECT_EQ(info->error().code, Code::not_found);
}

TEST_F(MediaTrackTest, MakesEachAudioFrameAGroup) {
  MediaTrack track = create({.format = Format::opus, .init = kOpusHead});
  const Bytes any = Bytes::copy("opus frame");
  ASSERT_TRUE(track.write(any, 0));
  ASSERT_TRUE(track.write(any, 20'000));
  EXPECT_EQ(payloads(track), (Groups{{0, {any}}, {1, {any}}}));
  EXPECT_EQ(track.write({}, 40'000).error().code, Code::decode);
}

TEST_F(MediaTrackTest, KeepsAudioInOneGroupUntilItIsCut) {
  MediaTrack track = create({.format = Format::opus,
                             .init = kOpusHead,
                             .audio_groups = MediaTrack::AudioGroups::until_cut});
  const auto write = [&](int frame) { ASSERT_TRUE(track.write(bytes_of({frame}), 0)); };
  write(0);
  write(1);
  track.cut();
  track.cut();
  write(2);
  ASSERT_TRUE(track.seek(7));
  write(3);
  ASSERT_TRUE(track.discontinuity());
  write(4);
  EXPECT_EQ(payloads(track), (Groups{{0, {bytes_of({0}), bytes_of({1})}},
                                     {1, {bytes_of({2})}},
                                     {7, {bytes_of({3})}},
                                     {8, {}},
                                     {9, {bytes_of({4})}}}));
}

TEST_F(MediaTrackTest, BeginsAnotherAudioGroupAtTheLimitsOfOne) {
  MediaTrack track = create({.format = Format::opus,
                             .init = kOpusHead,
                             .audio_groups = MediaTrack::AudioGroups::until_cut});
  for (std::size_t i = 0; i <= net::kMaxGroupFrames; ++i) {
    ASSERT_TRUE(track.write(bytes_of({1}), i));
  }
  const Groups groups = payloads(track);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups.at(0).size(), net::kMaxGroupFrames);
  EXPECT_EQ(groups.at(1).size(), 1U);

  track.cut();
  const Bytes half(Buffer::allocate(net::kMaxGroupBytes / 2), 0, net::kMaxGroupBytes / 2);
  ASSERT_TRUE(track.write(half, 1));
  ASSERT_TRUE(track.write(half, 2));  // Its time makes it too much.
  EXPECT_EQ(payloads(track).size(), 4U);
}

TEST_F(MediaTrackTest, ListsVideoOnceItsParametersAreKnown) {
  MediaTrack track = create({.format = Format::avc3, .suffix = "h264"});
  EXPECT_FALSE(catalog.lists("0.h264"));
  EXPECT_EQ(track.write(kDelta, 0).error().code, Code::malformed_track);
  EXPECT_EQ(track.write(kIdr, 0).error().code, Code::decode);
  ASSERT_TRUE(track.write(join_two(kAvcSets, kIdr), 0));
  const hang::VideoRendition out = video("0.h264");
  EXPECT_EQ(out.codec, "avc3.64001f");
  EXPECT_EQ(out.coded_width, 1280U);
  EXPECT_EQ(out.coded_height, 720U);
  EXPECT_EQ(out.description, std::nullopt);
  EXPECT_EQ(out.container.kind, hang::Container::Kind::legacy);
}

TEST_F(MediaTrackTest, GivesKeyFramesOfAnnexBTheirParameterSets) {
  MediaTrack track = create({.format = Format::avc3, .init = kAvcSets});
  EXPECT_EQ(video("0.avc3").codec, "avc3.64001f");
  ASSERT_TRUE(track.write(kIdr, 0));
  ASSERT_TRUE(track.write(kDelta, 1));
  ASSERT_TRUE(track.write(kDelta3, 2));
  ASSERT_TRUE(track.write(kIdr, 3));
  const Bytes whole = join_two(kAvcSets, kIdr);
  EXPECT_EQ(payloads(track), (Groups{{0, {whole, kDelta, kDelta3}}, {1, {whole}}}));
}

TEST_F(MediaTrackTest, KeepsParameterSetsThatComeAlone) {
  MediaTrack track = create({.format = Format::avc3});
  ASSERT_TRUE(track.write(kAvcSets, 0));
  EXPECT_EQ(video("0.avc3").codec, "avc3.64001f");
  ASSERT_TRUE(track.write(kIdr, 0));
  EXPECT_EQ(payloads(track), (Groups{{0, {join_two(kAvcSets, kIdr)}}}));
}

TEST_F(MediaTrackTest, PassesOnFieldsOfOnePictureAsOneFrame) {
  MediaTrack track = create({.format = Format::avc3, .init = kAvcSets});
  const Bytes fields = join_two(kIdr, kDelta);  // Both begin with the first macroblock.
  ASSERT_TRUE(track.write(fields, 0));
  EXPECT_EQ(payloads(track), (Groups{{0, {join_two(kAvcSets, fields)}}}));
}

TEST_F(MediaTrackTest, GoesOnAfterAFrameThatCannotBeRead) {
  MediaTrack track = create({.format = Format::avc3, .init = kAvcSets});
  ASSERT_TRUE(track.write(kIdr, 0));
  EXPECT_EQ(track.write(Bytes::copy("no start code"), 1).error().code, Code::decode);
  std::vector<int> large = {0, 0, 0, 1, 0x68};
  large.resize(large.size() + h264::kMaxParameterSetBytes, 7);
  EXPECT_EQ(track.write(join_two(bytes_of(large), kIdr), 1).error().code, Code::too_many);
  EXPECT_EQ(track.write(kDelta, kMaxVarint + 1).error().code, Code::invalid_argument);
  ASSERT_TRUE(track.write(kDelta, kMaxVarint));
  EXPECT_EQ(payloads(track), (Groups{{0, {join_two(kAvcSets, kIdr), kDelta}}}));
}

TEST_F(MediaTrackTest, TakesAKeyFrameAfterACut) {
  MediaTrack track = create({.format = Format::avc3, .init = kAvcSets});
  ASSERT_TRUE(track.write(kIdr, 0));
  track.cut();
  EXPECT_EQ(track.write(kDelta, 1).error().code, Code::malformed_track);
  ASSERT_TRUE(track.write(kIdr, 2));
  ASSERT_TRUE(track.discontinuity());
  EXPECT_EQ(track.write(kDelta, 3).error().code, Code::malformed_track);
  ASSERT_TRUE(track.write(kIdr, 4));
  EXPECT_EQ(payloads(track).size(), 4U);
}

TEST_F(MediaTrackTest, SeeksForwardOnly) {
  MediaTrack track = create({.format = Format::avc3, .init = kAvcSets});
  ASSERT_TRUE(track.seek(5));
  ASSERT_TRUE(track.write(kIdr, 0));
  EXPECT_EQ(track.seek(5).error().code, Code::invalid_argument);
  EXPECT_EQ(track.seek(kMaxVarint + 1).error().code, Code::invalid_argument);
  ASSERT_TRUE(track.write(kDelta, 1));  // The group goes on.
  ASSERT_TRUE(track.seek(6));
  EXPECT_EQ(track.write(kDelta, 2).error().code, Code::malformed_track);
  ASSERT_TRUE(track.write(kIdr, 3));
  EXPECT_EQ(payloads(track).at(5).size(), 2U);
  EXPECT_EQ(payloads(track).at(6).size(), 1U);
}

TEST_F(MediaTrackTest, DropsWhatBelongsToAGroupThatOutgrewItsLimits) {
  MediaTrack track = create({.format = Format::avc3, .init = kAvcSets});
  ASSERT_TRUE(track.write(kIdr, 0));
  for (std::size_t i = 0; i <= net::kMaxGroupFrames; ++i) ASSERT_TRUE(track.write(kDelta, i));
  ASSERT_TRUE(track.write(kIdr, 9));
  EXPECT_EQ(payloads(track).at(1).size(), 1U);
}

TEST_F(MediaTrackTest, SaysWhatThePublisherKnows) {
  const MediaTrack track = create({.format = Format::avc3,
                                   .init = kAvcSets,
                                   .label = "Main",
                                   .hint = {.coded_width = 1270,
                                            .coded_height = 710,
                                            .bitrate = 2'000'000,
                                            .framerate = 29.5,
                                            .optimize_for_latency = false}});
  EXPECT_EQ(video("0.avc3"), (hang::VideoRendition{.label = "Main",
                                                   .codec = "avc3.64001f",
                                                   .coded_width = 1270,
                                                   .coded_height = 710,
                                                   .bitrate = 2'000'000,
                                                   .framerate = 29.5,
                                                   .optimize_for_latency = false,
                                                   .jitter_ms = 34}));
}

TEST_F(MediaTrackTest, LeavesTheCatalogHoweverItEnds) {
  MediaTrack finished = create({.format = Format::opus, .init = kOpusHead});
  MediaTrack aborted = create({.format = Format::opus, .init = kOpusHead});
  std::optional<MediaTrack> dropped = create({.format = Format::avc3, .init = kAvcSets});
  net::track::Consumer ends[] = {reader.subscribe("0.opus"), reader.subscribe("1.opus"),
                                 reader.subscribe("0.avc3")};
  ASSERT_TRUE(std::move(finished).finish());
  EXPECT_FALSE(catalog.lists("0.opus"));
  std::move(aborted).abort(Error(Code::cancelled, "enough"));
  EXPECT_FALSE(catalog.lists("1.opus"));
  ASSERT_TRUE(catalog.edit([](hang::Catalog& out) -> Result<void> {
    out.audio.renditions["0.avc3"].codec = "opus";  // Somebody's, under the same name.
    return {};
  }));
  dropped.reset();
  EXPECT_TRUE(catalog.read().video.renditions.empty());
  EXPECT_EQ(audio("0.avc3").codec, "opus");

  auto end = ends[0].poll_next_group(kio::Waiter::none());
  EXPECT_TRUE(end.ready() && *end && !**end);
  end = ends[1].poll_next_group(kio::Waiter::none());
  ASSERT_TRUE(end.ready() && !*end);
  EXPECT_EQ(end->error().code, Code::cancelled);
  end = ends[2].poll_next_group(kio::Waiter::none());
  EXPECT_TRUE(end.ready() && !*end);
}

TEST_F(MediaTrackTest, TakesOverATrackThatWasAskedFor) {
  net::broadcast::Dynamic requests = broadcast.dynamic();
  const net::track::Consumer wanted = reader.subscribe("camera");
  auto request = requests.poll_requested_track(kio::Waiter::none());
  ASSERT_TRUE(request.ready() && *request);
  auto accepted = std::move(**request).accept(MediaTrack::info(Format::opus));
  ASSERT_TRUE(accepted);
  auto track = MediaTrack::create(*std::move(accepted), catalog.clone(), world,
                                  {.format = Format::opus, .init = kOpusHead});
  ASSERT_TRUE(track);
  EXPECT_EQ(audio("camera").codec, "opus");
  ASSERT_TRUE(track->write(bytes_of({1}), 5));
  EXPECT_EQ(payloads(*track), (Groups{{0, {bytes_of({1})}}}));
}

TEST_F(MediaTrackTest, TellsReadersOfJitter) {
  MediaTrack track = create({.format = Format::opus, .init = kOpusHead});
  const auto flush = [&](Duration at, std::uint64_t timestamp_us) {
    world.run_for(at - world.elapsed());
    track.flush(timestamp_us);
  };
  flush(100ms, 0);
  EXPECT_EQ(audio("0.opus").jitter_ms, std::nullopt);
  flush(125ms, 20'000);  // 5 ms later than the first.
  EXPECT_EQ(audio("0.opus").jitter_ms, 10U);
  flush(149ms, 40'000);
  EXPECT_EQ(audio("0.opus").jitter_ms, 10U);
  flush(185ms, 60'000);
  EXPECT_EQ(audio("0.opus").jitter_ms, 30U);
  flush(60s, 80'000);  // A break that nobody marked.
  EXPECT_EQ(audio("0.opus").jitter_ms, 30U);
}

// The real encoders' frames: what comes out is what went in, and the catalog says what ffprobe
// says.

struct Clip {
  std::string name;
  Format format = Format::vp8;
  Bytes init;
  std::vector<Bytes> frames;
  std::string codec;
};

std::ostream& operator<<(std::ostream& out, const Clip& clip) { return out << clip.name; }

/// The samples of the only track of a fragmented file, and its configuration.
std::pair<Bytes, std::vector<Bytes>> read_fragments(const std::string& name) {
  mp4::Demuxer demuxer;
  demuxer.push(read_testdata(name));
  std::pair<Bytes, std::vector<Bytes>> out;
  for (auto event = demuxer.next(); event && *event; event = demuxer.next()) {
    if (auto* movie = std::get_if<mp4::Movie>(&**event)) {
      out.first = movie->tracks.at(0).entry.description;
    } else if (auto* fragment = std::get_if<mp4::Fragment>(&**event)) {
      for (const mp4::Sample& sample : fragment->samples) out.second.push_back(sample.payload);
    }
  }
  return out;
}

Clip hvc1_clip() {
  auto [config, frames] = read_fragments("frag_hvc1.mp4");
  return {"hvc1", Format::hvc1, config, frames, "hvc1.1.6.L30.90"};
}

/// The same in Annex-B, the parameter sets before the first frame alone.
Clip hev1_clip() {
  auto [config, frames] = read_fragments("frag_hvc1.mp4");
  std::vector<Bytes> out;
  for (const Bytes& frame : frames) {
    out.push_back(h264::join_annex_b(*h264::split_length_prefixed(frame.span(), 4)));
  }
  const Bytes file = read_testdata("clip.h265");
  std::vector<ByteSpan> sets;
  for (const ByteSpan nal : h264::split_annex_b(file.span())) {
    if (sets.size() < 3 && !h265::is_slice(nal) &&
        h265::nal_type(nal) != h265::NalType::delimiter) {
      sets.push_back(nal);
    }
  }
  return {"hev1", Format::hev1, h264::join_annex_b(sets), out, "hev1.1.6.L30.90"};
}

class MediaTrackClip : public MediaTrackTest, public ::testing::WithParamInterface<Clip> {};
INSTANTIATE_TEST_SUITE_P(
    Mux, MediaTrackClip,
    ::testing::Values(hvc1_clip(), hev1_clip(),
                      Clip{"av01", Format::av01, {}, read_ivf("av1.ivf"), "av01.0.00M.08"},
                      Clip{"vp8", Format::vp8, {}, read_ivf("vp8.ivf"), "vp8"},
                      Clip{"vp9", Format::vp9, {}, read_ivf("vp9.ivf"), "vp09.00.10.08"}),
    [](const auto& each) { return each.param.name; });

TEST_P(MediaTrackClip, IsDescribedAndCutAtItsKeyFrames) {
  const Clip& clip = GetParam();
  MediaTrack track = create({.format = clip.format, .init = clip.init});
  EXPECT_EQ(catalog.lists("0." + clip.name), !clip.init.empty());
  ASSERT_EQ(clip.frames.size(), 6U);
  EXPECT_EQ(track.write(clip.frames[1], 0).error().code, Code::malformed_track);
  for (std::size_t i = 0; i < clip.frames.size(); ++i) {
    ASSERT_TRUE(track.write(clip.frames[i], i * 40'000));
  }

  const hang::VideoRendition out = video("0." + clip.name);
  EXPECT_EQ(out.codec, clip.codec);
  EXPECT_EQ(out.coded_width, 70U);
  EXPECT_EQ(out.coded_height, 50U);
  EXPECT_EQ(out.description, clip.format == Format::hvc1 ? std::optional(clip.init) : std::nullopt);
  std::vector<Bytes> sent = clip.frames;
  if (clip.format == Format::hev1) {
    sent[0] = join_two(clip.init, sent[0]);
    sent[3] = join_two(clip.init, sent[3]);
  }
  EXPECT_EQ(payloads(track),
            (Groups{{0, {sent[0], sent[1], sent[2]}}, {1, {sent[3], sent[4], sent[5]}}}));
}

TEST_F(MediaTrackTest, ReadsLengthPrefixedH264) {
  const Bytes config = *h264::find_config(kAvcSets)->encode();
  MediaTrack track = create({.format = Format::avc1, .init = config});
  EXPECT_EQ(video("0.avc1").codec, "avc1.64001f");
  EXPECT_EQ(video("0.avc1").coded_width, 1280U);
  EXPECT_EQ(video("0.avc1").description, config);
  const Bytes idr = h264::to_length_prefixed(kIdr.span());
  const Bytes delta = h264::to_length_prefixed(kDelta.span());
  EXPECT_EQ(track.write(delta, 0).error().code, Code::malformed_track);
  ASSERT_TRUE(track.write(idr, 0));
  ASSERT_TRUE(track.write(delta, 1));
  EXPECT_EQ(track.write(idr.slice(0, idr.size() - 1), 2).error().code, Code::decode);
  EXPECT_EQ(payloads(track), (Groups{{0, {idr, delta}}}));
}

TEST_F(MediaTrackTest, TakesConfigurationsWhoseSetsCannotBeRead) {
  const Bytes avcc = bytes_of({1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0});
  const MediaTrack avc = create({.format = Format::avc1, .init = avcc});
  EXPECT_EQ(video("0.avc1").codec, "avc1.42c01f");
  EXPECT_EQ(video("0.avc1").coded_width, std::nullopt);
  std::vector<int> hvcc(23, 0);
  hvcc[0] = hvcc[1] = 1;
  hvcc[12] = 93;
  const MediaTrack hevc = create({.format = Format::hvc1, .init = bytes_of(hvcc)});
  EXPECT_EQ(video("0.hvc1").codec, "hvc1.1.0.L93");
  EXPECT_EQ(video("0.hvc1").coded_width, std::nullopt);
}

TEST_F(MediaTrackTest, RefusesInitDataThatSaysNothing) {
  EXPECT_EQ(refusal(Format::avc3, kAvcSets.slice(29)), Code::decode);               // No SPS.
  EXPECT_EQ(refusal(Format::avc3, kAvcSets.slice(0, 9)), Code::decode);             // A cut one.
  EXPECT_EQ(refusal(Format::hev1, bytes_of({0, 0, 1, 35 << 1, 1})), Code::decode);  // A delimiter,
  EXPECT_EQ(refusal(Format::av01, bytes_of({0x12, 0})), Code::decode);              // another,
  EXPECT_EQ(refusal(Format::vp8, bytes_of({1, 0, 0})), Code::decode);               // delta frames.
  EXPECT_EQ(refusal(Format::vp9, bytes_of({0x84, 0, 0})), Code::decode);
}

TEST_F(MediaTrackTest, ReadsAv1FromItsConfiguration) {
  // As ffmpeg writes it for av1.ivf.
  const Bytes config = bytes_of({0x81, 0x00, 0x0c, 0x00, 0x0a, 0x0a, 0x00, 0x00, 0x00, 0x03, 0x2c,
                                 0x5c, 0x4d, 0xaf, 0x90, 0x04});
  const MediaTrack bare = create({.format = Format::av01, .init = config.slice(0, 4)});
  EXPECT_EQ(video("0.av01").codec, "av01.0.00M.08");
  EXPECT_EQ(video("0.av01").coded_width, std::nullopt);

  MediaTrack track = create({.format = Format::av01, .init = config});
  EXPECT_EQ(video("1.av01").coded_width, 70U);
  EXPECT_EQ(video("1.av01").description, std::nullopt);
  const Bytes frame = read_ivf("av1.ivf").at(3);
  const Bytes without = join_two(frame.slice(0, 2), frame.slice(14));
  ASSERT_TRUE(track.write(without, 0));
  EXPECT_EQ(payloads(track), (Groups{{0, {frame}}}));
}

TEST_F(MediaTrackTest, FollowsASizeThatChanges) {
  MediaTrack track = create({.format = Format::vp8});
  Bytes frame = read_ivf("vp8.ivf").at(0);
  ASSERT_TRUE(track.write(frame, 0));
  std::vector<std::uint8_t> wider(frame.begin(), frame.end());
  wider[6] = 80;
  ASSERT_TRUE(track.write(Bytes::copy(ByteSpan(wider)), 1));
  EXPECT_EQ(video("0.vp8").coded_width, 80U);
}

}  // namespace
}  // namespace moq::mux
