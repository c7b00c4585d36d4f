#include "moq/hang/catalog.h"

#include <gtest/gtest.h>

namespace moq::hang {
namespace {

// The exact bytes of moq-dev hang 0.21.19: the empty catalog, and one of each kind of track.
constexpr std::string_view kEmpty = R"({"video":{"renditions":{}},"audio":{"renditions":{}}})";
constexpr std::string_view kMedia =
    R"({"video":{"renditions":{"video":{"codec":"avc1.64001f","codedWidth":1280,"codedHeight":720,)"
    R"("bitrate":6000000,"framerate":30.0,"container":{"kind":"legacy"}}}},"audio":{"renditions":)"
    R"({"audio":{"codec":"opus","sampleRate":48000,"numberOfChannels":2,"bitrate":128000,)"
    R"("container":{"kind":"legacy"}}}}})";
constexpr std::string_view kData =
    R"({"video":{"renditions":{}},"audio":{"renditions":{}},"json":{"tracks":{"chat":{"mode":)"
    R"("stream","compression":"deflate","schema":"https://example.com/chat.schema.json"}}},)"
    R"("binary":{"tracks":{"thumbnail":{"mode":"snapshot","mime":"image/jpeg"}}}})";

std::string with_video(std::string_view rendition) {
  return R"({"video":{"renditions":{"v":)" + std::string(rendition) +
         R"(}},"audio":{"renditions":{}}})";
}

std::string decode_error(std::string_view text) {
  const Result<Catalog> catalog = Catalog::decode(text);
  return catalog ? "decoded" : catalog.error().text;
}

VideoRendition decode_video(std::string_view rendition) {
  Result<Catalog> catalog = Catalog::decode(with_video(rendition));
  EXPECT_TRUE(catalog) << catalog.error().describe();
  return catalog ? catalog->video.renditions.at("v") : VideoRendition();
}

TEST(Catalog, WritesTheSameBytesThatItRead) {
  for (const std::string_view text : {kEmpty, kMedia, kData}) {
    const Result<Catalog> catalog = Catalog::decode(text);
    ASSERT_TRUE(catalog) << catalog.error().describe();
    EXPECT_EQ(catalog->encode(), text);
  }
}

TEST(Catalog, ReadsTheKnownKeys) {
  const Result<Catalog> catalog = Catalog::decode(kMedia);
  ASSERT_TRUE(catalog);
  const VideoRendition& video = catalog->video.renditions.at("video");
  EXPECT_EQ(video.codec, "avc1.64001f");
  EXPECT_EQ(video.coded_width, 1280U);
  EXPECT_EQ(video.coded_height, 720U);
  EXPECT_EQ(video.bitrate, 6'000'000U);
  EXPECT_EQ(video.framerate, 30.0);
  EXPECT_EQ(video.container.kind, Container::Kind::legacy);
  const AudioRendition& audio = catalog->audio.renditions.at("audio");
  EXPECT_EQ(audio.codec, "opus");
  EXPECT_EQ(audio.sample_rate, 48'000U);
  EXPECT_EQ(audio.channels, 2U);
}

TEST(Catalog, ReservesTheNamesThatASectionWouldBreak) {
  for (const char* name : {"scte35", "Video", "", "timelines", "catalog"}) {
    EXPECT_FALSE(is_reserved_section(name)) << name;
    Catalog catalog;
    catalog.extra[name] = "[1]";
    EXPECT_EQ(Catalog::decode(catalog.encode()), catalog) << name;
  }
  // These would not be read as they are written.
  for (const char* name : {"video", "audio", "archive", "clock", "timeline"}) {
    EXPECT_TRUE(is_reserved_section(name)) << name;
    Catalog catalog;
    catalog.extra[name] = R"({"renditions":1,"tracks":1})";
    EXPECT_NE(Catalog::decode(catalog.encode()), catalog) << name;
  }
  // And these only without their inner map.
  for (const char* name : {"text", "json", "binary"}) {
    EXPECT_TRUE(is_reserved_section(name)) << name;
    Catalog catalog;
    catalog.extra[name] = R"({"renditions":{"a":1},"tracks":{"a":1}})";
    EXPECT_FALSE(Catalog::decode(catalog.encode())) << name;
  }
}

TEST(Catalog, AcceptsAnEmptyObject) { EXPECT_EQ(Catalog::decode("{}"), Catalog()); }

TEST(Catalog, KeepsWhatItDoesNotKnow) {
  const std::string text =
      R"({"video":{"renditions":{"v":{"codec":"vp8","container":{"kind":"later","x":1},"new":[1]}},)"
      R"("more":{}},"audio":{"renditions":{}},"scte35":{"a":null}})";
  const Result<Catalog> catalog = Catalog::decode(text);
  ASSERT_TRUE(catalog);
  EXPECT_EQ(catalog->video.renditions.at("v").container.kind, Container::Kind::unknown);
  EXPECT_EQ(catalog->extra.at("scte35"), R"({"a":null})");
  EXPECT_EQ(catalog->encode(), text);
}

TEST(Catalog, DropsTheTimelineOfOlderPublishers) {
  const Result<Catalog> catalog = Catalog::decode(R"({"timeline":{"track":"t"}})");
  ASSERT_TRUE(catalog);
  EXPECT_EQ(catalog->encode(), kEmpty);
}

TEST(Catalog, WritesEveryKeyInItsPlace) {
  Catalog catalog;
  VideoRendition& video = catalog.video.renditions["v"];
  video.broadcast = "./source";
  video.label = "HD \"1\"";
  video.codec = "avc1.64001f";
  video.description = Bytes::copy(std::string_view("\x01\xab"));
  video.display_aspect_width = 16;
  video.display_aspect_height = 9;
  video.stalled = true;
  video.framerate = 29.97;
  video.optimize_for_latency = false;
  video.container = {.kind = Container::Kind::cmaf, .init = Bytes::copy(std::string_view("init"))};
  video.jitter_ms = 40;
  video.delay_ms = 0;
  catalog.video.display = Display{640, 360};
  catalog.video.rotation = 90;
  catalog.video.flip = true;
  catalog.archive = Archive{.track = "timeline.z"};
  catalog.clock = WallClock{.wall = 7};
  catalog.text.renditions["t"].format = "vtt";

  const std::string text = catalog.encode();

  EXPECT_EQ(text,
            R"({"video":{"renditions":{"v":{"broadcast":"source","label":"HD \"1\"",)"
            R"("codec":"avc1.64001f","description":"01ab","displayAspectWidth":16,)"
            R"("displayAspectHeight":9,"stalled":true,"framerate":29.97,)"
            R"("optimizeForLatency":false,"container":{"kind":"cmaf","init":"aW5pdA=="},)"
            R"("jitter":40}},"display":{"width":640,"height":360},"rotation":90.0,"flip":true},)"
            R"("audio":{"renditions":{}},"archive":{"track":"timeline.z","timescale":1000},)"
            R"("clock":{"wall":7,"timescale":1000000},"text":{"renditions":{"t":{"format":"vtt",)"
            R"("role":"subtitle","container":{"kind":"legacy"}}}}})");
  const Result<Catalog> again = Catalog::decode(text);
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->encode(), text);
}

TEST(Catalog, ReadsDescriptionAsHexAndInitAsBase64) {
  EXPECT_EQ(decode_video(R"({"codec":"c","description":"0aFF"})").description,
            Bytes::copy(std::string_view("\x0a\xff")));
  EXPECT_EQ(
      decode_video(R"({"codec":"c","container":{"kind":"cmaf","init":"aGk="}})").container.init,
      Bytes::copy(std::string_view("hi")));
}

TEST(Catalog, ReadsTheOldNamesOfTheAspect) {
  const VideoRendition video =
      decode_video(R"({"codec":"c","displayRatioWidth":4,"displayRatioHeight":3})");
  EXPECT_EQ(video.display_aspect_width, 4U);
  EXPECT_EQ(video.display_aspect_height, 3U);
}

TEST(Catalog, RoundsJitterUpAndReadsZeroAsAbsent) {
  EXPECT_EQ(decode_video(R"({"codec":"c","jitter":33.2})").jitter_ms, 34U);
  EXPECT_EQ(decode_video(R"({"codec":"c","jitter":0})").jitter_ms, std::nullopt);
}

TEST(Catalog, RoundsRotationToQuarterTurns) {
  for (const auto& [text, degrees] : std::map<std::string, double>{
           {"91.5", 90}, {"-90", 270}, {"359", 0}, {"720", 0}, {"134", 90}}) {
    const Result<Catalog> catalog = Catalog::decode(R"({"video":{"rotation":)" + text + "}}");
    ASSERT_TRUE(catalog);
    EXPECT_EQ(catalog->video.rotation, degrees) << text;
  }
}

TEST(Catalog, ErrorsNameTheKey) {
  EXPECT_EQ(decode_error(with_video("{}")), "catalog: video.renditions.v.codec: missing");
  EXPECT_EQ(decode_error(with_video(R"({"codec":"c","codedWidth":4294967296})")),
            "catalog: video.renditions.v.codedWidth: not an integer of its range");
  EXPECT_EQ(decode_error(with_video(R"({"codec":"c","codedWidth":-1})")),
            "catalog: video.renditions.v.codedWidth: not an integer of its range");
  EXPECT_EQ(decode_error(with_video(R"({"codec":"c","description":"AWQ="})")),
            "catalog: video.renditions.v.description: not hexadecimal");
  EXPECT_EQ(decode_error(with_video(R"({"codec":"c","container":{"kind":"cmaf"}})")),
            "catalog: video.renditions.v.container.init: missing");
  EXPECT_EQ(decode_error(with_video(R"({"codec":"c","container":{"kind":"cmaf","init":"a"}})")),
            "catalog: video.renditions.v.container.init: not base64");
  EXPECT_EQ(decode_error(with_video(R"({"codec":"c","container":{}})")),
            "catalog: video.renditions.v.container.kind: missing");
  EXPECT_EQ(decode_error(R"({"audio":{"renditions":{"a":{"codec":"opus","sampleRate":48000}}}})"),
            "catalog: audio.renditions.a.numberOfChannels: missing");
  EXPECT_EQ(decode_error(R"({"json":{"tracks":{"j":{}}}})"),
            "catalog: json.tracks.j.mode: missing");
  EXPECT_EQ(decode_error(R"({"clock":{"wall":1,"timescale":0}})"),
            "catalog: clock.timescale: zero");
  EXPECT_EQ(decode_error(R"({"clock":{"wall":1,"timescale":null}})"),
            "catalog: clock.timescale: null");
  EXPECT_EQ(decode_error(R"({"clock":{"wall":9007199254740992}})"),
            "catalog: clock.wall: not an integer of its range");
  EXPECT_EQ(decode_error("[]"), "catalog: the root: not an object");
  EXPECT_EQ(decode_error(R"({"video":{"renditions":{"v":{"codec":"a","codec":"b"}}}})"),
            R"(catalog: JSON: the key "codec" repeats)");
}

TEST(Catalog, RefusesWhatIsNotJson) {
  for (const std::string_view text :
       {"", "{", "{}x", "{\"a\":1e999}", "\xff", "nul", "{\"\xc3\":1}"}) {
    EXPECT_TRUE(decode_error(text).starts_with("catalog: JSON: ")) << decode_error(text);
  }
}

TEST(Catalog, RefusesDeepNesting) {
  const auto nested = [](std::size_t depth) {
    return R"({"x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(Catalog::decode(nested(63)));
  EXPECT_EQ(decode_error(nested(64)), "catalog: JSON: nested too deeply");
  EXPECT_EQ(decode_error(nested(1'000'000)), "catalog: JSON: nested too deeply");
}

TEST(Catalog, ForeignSectionsAreKeptAndBadArchivesDropped) {
  const std::string text =
      R"({"video":{"renditions":{}},"audio":{"renditions":{}},"json":7,"text":{"x":1}})";
  const Result<Catalog> catalog = Catalog::decode(text);
  ASSERT_TRUE(catalog) << catalog.error().describe();
  EXPECT_EQ(catalog->encode(), text);
  EXPECT_EQ(Catalog::decode(R"({"archive":{"track":"t","timescale":0}})")->archive, std::nullopt);
  EXPECT_EQ(Catalog::decode(R"({"archive":[]})")->archive, std::nullopt);
  EXPECT_EQ(Catalog::decode(R"({"archive":{"track":"t"}})")->archive->timescale, 1000U);
}

std::string with_renditions(std::size_t video, std::size_t audio) {
  Catalog catalog;
  for (std::size_t i = 0; i < video; ++i) catalog.video.renditions[std::to_string(i)].codec = "c";
  for (std::size_t i = 0; i < audio; ++i) catalog.audio.renditions[std::to_string(i)].codec = "c";
  return catalog.encode();
}

TEST(Catalog, RefusesMoreThan64Renditions) {
  EXPECT_TRUE(Catalog::decode(with_renditions(40, 24)));
  EXPECT_EQ(Catalog::decode(with_renditions(40, 25)).error().code, Code::too_many);
}

TEST(Catalog, RefusesMoreThan64DataTracks) {
  Catalog catalog;
  for (int i = 0; i < 64; ++i) catalog.json[std::to_string(i)].mode = "stream";
  EXPECT_TRUE(Catalog::decode(catalog.encode()));
  catalog.binary["one more"].mode = "stream";
  EXPECT_EQ(Catalog::decode(catalog.encode()).error().code, Code::too_many);
}

TEST(Catalog, RefusesTextAboveItsLimit) {
  std::string text(kEmpty);
  text.append(kMaxCatalogBytes - text.size(), ' ');
  EXPECT_TRUE(Catalog::decode(text));
  EXPECT_EQ(Catalog::decode(text + " ").error().code, Code::too_many);
}

TEST(ResolveBroadcast, IsRelativeToTheBroadcastOfTheCatalog) {
  EXPECT_EQ(resolve_broadcast("room/transcode", "./source"), "room/source");
  EXPECT_EQ(resolve_broadcast("room/transcode", "source"), "room/source");
  EXPECT_EQ(resolve_broadcast("room/transcode", "."), "room");
  EXPECT_EQ(resolve_broadcast("room/transcode", ""), "room/transcode");
  EXPECT_EQ(resolve_broadcast("a/b/c", "../d"), "a/d");
  EXPECT_EQ(resolve_broadcast("a", "b"), "b");
  EXPECT_EQ(resolve_broadcast("a/b", "../../c").error().code, Code::decode);
}

}  // namespace
}  // namespace moq::hang
