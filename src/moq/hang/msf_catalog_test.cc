#include "moq/hang/msf_catalog.h"

#include <gtest/gtest.h>

#include "moq/hang/encoding.h"

namespace moq::hang::msf {
namespace {

// Taken by both moq-dev's reader and aiomoqt's; written by hand from the drafts' tables of keys.
constexpr std::string_view kCmaf =
    R"({"version":"draft-01","tracks":[{"name":"v","packaging":"cmaf","isLive":true,"role":"video",)"
    R"("codec":"avc1.64001f","width":1280,"height":720,"framerate":30.0,"bitrate":2000000,)"
    R"("initRef":"init0","renderGroup":1,"maxGrpSapStartingType":2,"maxObjSapStartingType":2},)"
    R"({"name":"a","packaging":"cmaf","isLive":true,"role":"audio","codec":"mp4a.40.2",)"
    R"("samplerate":48000,"channelConfig":"2","bitrate":128000,"initRef":"init1","renderGroup":1,)"
    R"("maxGrpSapStartingType":1,"maxObjSapStartingType":1}],"initDataList":[{"id":"init0",)"
    R"("type":"inline","data":"aGk="},{"id":"init1","type":"inline","data":"aG8="}]})";

Catalog decoded(std::string_view text) {
  Result<Catalog> catalog = decode(text);
  EXPECT_TRUE(catalog) << catalog.error().describe();
  return catalog ? *std::move(catalog) : Catalog();
}

std::string error_of(std::string_view text) {
  const Result<Catalog> catalog = decode(text);
  return catalog ? "decoded" : catalog.error().text;
}

std::string with_track(std::string_view track, std::string_view rest = "") {
  return R"({"version":"draft-01","tracks":[)" + std::string(track) + "]" + std::string(rest) + "}";
}

std::string video(std::string_view more) {
  return with_track(R"({"name":"v","packaging":"legacy","role":"video","codec":"vp8")" +
                    std::string(more) + "}");
}

TEST(MsfCatalog, ReadsWhatItHasInCommonWithHang) {
  const Catalog catalog = decoded(kCmaf);
  const VideoRendition& picture = catalog.video.renditions.at("v");
  EXPECT_EQ(picture.codec, "avc1.64001f");
  EXPECT_EQ(picture.coded_width, 1280U);
  EXPECT_EQ(picture.coded_height, 720U);
  EXPECT_EQ(picture.framerate, 30.0);
  EXPECT_EQ(picture.bitrate, 2'000'000U);
  EXPECT_EQ(picture.container.kind, Container::Kind::cmaf);
  EXPECT_EQ(picture.container.init.text(), "hi");
  EXPECT_EQ(picture.description, std::nullopt);
  const AudioRendition& sound = catalog.audio.renditions.at("a");
  EXPECT_EQ(sound.sample_rate, 48'000U);
  EXPECT_EQ(sound.channels, 2U);
  EXPECT_EQ(sound.container.init.text(), "ho");
}

TEST(MsfCatalog, WritesTheSameBytesThatItRead) { EXPECT_EQ(encode(decoded(kCmaf)), kCmaf); }

TEST(MsfCatalog, WritesAnEmptyCatalog) {
  EXPECT_EQ(encode(Catalog()), R"({"version":"draft-01","tracks":[]})");
}

TEST(MsfCatalog, CarriesAllThatBothCanSay) {
  Catalog catalog;
  VideoRendition& hd = catalog.video.renditions["hd"];
  hd.codec = "avc1.64001f";
  hd.label = "HD";
  hd.description = Bytes::copy("\x01\x64");
  hd.coded_width = 1920;
  hd.coded_height = 1080;
  hd.framerate = 29.97;
  hd.bitrate = 6'000'000;
  hd.stalled = true;
  hd.jitter_ms = 34;
  hd.delay_ms = 100;
  VideoRendition& sd = catalog.video.renditions["sd"];
  sd.codec = "vp8";
  sd.container.kind = Container::Kind::loc;
  AudioRendition& sound = catalog.audio.renditions["a"];
  sound.codec = "opus";
  sound.label = "Commentary";
  sound.sample_rate = 48'000;
  sound.channels = 6;
  sound.bitrate = 256'000;
  sound.jitter_ms = 20;
  catalog.extra["scte35"] = R"({"a":[1,null]})";
  EXPECT_EQ(decoded(encode(catalog)), catalog);
  // Through hang's form and back.
  const Result<Catalog> again = Catalog::decode(decoded(encode(catalog)).encode());
  ASSERT_TRUE(again);
  EXPECT_EQ(encode(*again), encode(catalog));
}

TEST(MsfCatalog, WritesEachInitDataOnceAndGroupsAlternatives) {
  Catalog catalog;
  for (const char* name : {"a", "b"}) {
    catalog.video.renditions[name].codec = "av01.0.04M.08";
    catalog.video.renditions[name].description = Bytes::copy("hi");
  }
  EXPECT_EQ(encode(catalog),
            R"({"version":"draft-01","tracks":[{"name":"a","packaging":"legacy","isLive":true,)"
            R"("role":"video","codec":"av01.0.04M.08","initRef":"init0","renderGroup":1,)"
            R"("altGroup":1,"maxGrpSapStartingType":2,"maxObjSapStartingType":2},{"name":"b",)"
            R"("packaging":"legacy","isLive":true,"role":"video","codec":"av01.0.04M.08",)"
            R"("initRef":"init0","renderGroup":1,"altGroup":1,"maxGrpSapStartingType":2,)"
            R"("maxObjSapStartingType":2}],"initDataList":[{"id":"init0","type":"inline",)"
            R"("data":"aGk="}]})");
}

TEST(MsfCatalog, LeavesOutWhatMsfCannotSay) {
  Catalog catalog;
  catalog.video.renditions["elsewhere"].broadcast = "../other";
  catalog.video.renditions["later"].container.kind = Container::Kind::unknown;
  catalog.video.renditions["both"].codec = "vp8";
  catalog.audio.renditions["both"].codec = "opus";
  catalog.text.renditions["t"].format = "vtt";
  catalog.json["j"].mode = "stream";
  catalog.extra["tracks"] = "7";  // Keys of MSF's own.
  catalog.extra["version"] = "7";
  Catalog rest;
  rest.video.renditions["both"].codec = "vp8";
  EXPECT_EQ(decoded(encode(catalog)), rest);
  EXPECT_EQ(encode(catalog).find("altGroup"), std::string::npos);
}

TEST(MsfCatalog, ReadsDraft00) {
  const Catalog catalog = decoded(
      R"({"version":1,"generatedAt":1,"tracks":[{"name":"a","packaging":"loc","role":"audio",)"
      R"("codec":"mp4a.40.2","initData":"EZA="}]})");
  const AudioRendition& sound = catalog.audio.renditions.at("a");
  EXPECT_EQ(sound.container.kind, Container::Kind::loc);
  EXPECT_EQ(sound.description, from_hex("1190"));
  // To be derived from the init data.
  EXPECT_EQ(sound.sample_rate, 0U);
  EXPECT_EQ(sound.channels, 0U);
}

TEST(MsfCatalog, SkipsTracksThatAreNotForUs) {
  EXPECT_EQ(decoded(with_track(R"({"name":"x","packaging":"loc"},)"
                               R"({"name":"c","packaging":"loc","role":"caption"},)"
                               R"({"name":"m","packaging":"mediatimeline","role":"video"},)"
                               R"({"name":"l","packaging":"locmaf","role":"audio"})")),
            Catalog());
  EXPECT_EQ(decoded(R"({"version":"draft-01","isComplete":true,"tracks":[]})"), Catalog());
}

TEST(MsfCatalog, ErrorsNameTheKey) {
  EXPECT_EQ(error_of("[]"), "catalog: the root: not an object");
  EXPECT_EQ(error_of(R"({"tracks":[]})"), "catalog: version: missing");
  EXPECT_EQ(error_of(R"({"version":2,"tracks":[]})"),
            "catalog: version: neither a draft's name nor 1");
  EXPECT_EQ(error_of(R"({"version":"draft-01"})"), "catalog: tracks: missing");
  EXPECT_EQ(error_of(R"({"version":"draft-01","tracks":{}})"), "catalog: tracks: not an array");
  EXPECT_EQ(error_of(with_track("7")), "catalog: tracks.0: not an object");
  EXPECT_EQ(error_of(with_track("{}")), "catalog: tracks.0.name: missing");
  EXPECT_EQ(error_of(with_track(R"({"name":"v","role":"video"})")),
            "catalog: tracks.v.packaging: missing");
  EXPECT_EQ(error_of(with_track(R"({"name":"v","role":"video","packaging":"loc"})")),
            "catalog: tracks.v.codec: missing");
  EXPECT_EQ(error_of(video(R"(,"width":-1)")),
            "catalog: tracks.v.width: not an integer of its range");
  EXPECT_EQ(error_of(video(R"(,"initRef":"init0")")),
            "catalog: tracks.v.initRef: 'init0' is not in initDataList");
  EXPECT_EQ(error_of(with_track(R"({"name":"v","role":"video","packaging":"cmaf","codec":"vp8"})")),
            "catalog: tracks.v.initRef: missing, and cmaf needs its init segment");
  EXPECT_EQ(error_of(with_track(R"({"name":"a","role":"audio","packaging":"loc","codec":"opus"})")),
            "catalog: tracks.a.samplerate: missing, and there is no init data");
  EXPECT_EQ(error_of(with_track(R"({"name":"a","role":"audio","packaging":"loc","codec":"opus",)"
                                R"("samplerate":48000,"channelConfig":"stereo"})")),
            "catalog: tracks.a.channelConfig: no number, and there is no init data");
  EXPECT_EQ(error_of(R"({"deltaUpdate":[]})"), "catalog: deltaUpdate: before a complete catalog");
  EXPECT_TRUE(error_of("{").starts_with("catalog: JSON: "));
}

TEST(MsfCatalog, ErrorsNameTheInitData) {
  const auto error = [](std::string_view entry) {
    return error_of(with_track(
        R"({"name":"v","packaging":"legacy","role":"video","codec":"vp8","initRef":"i"})",
        R"(,"initDataList":[)" + std::string(entry) + "]"));
  };
  EXPECT_EQ(error(R"({"id":"i","type":"inline","data":"aGk="})"), "decoded");
  EXPECT_EQ(error(R"({"id":"i","type":"inline","data":"aGk"})"),
            "catalog: tracks.v.initRef: 'i' is not base64");
  EXPECT_EQ(error(R"({"id":"i","type":"track-property","data":"0d"})"),
            "catalog: tracks.v.initRef: init data of type 'track-property', not inline");
  EXPECT_EQ(error(R"({"id":"i","type":"inline"})"), "catalog: initDataList.0.data: missing");
  EXPECT_EQ(error_of(R"({"version":"draft-01","tracks":[],"initDataList":7})"),
            "catalog: initDataList: not an array");
}

class MsfUpdates : public ::testing::Test {
 protected:
  MsfUpdates() { EXPECT_TRUE(decoder.apply(as_bytes(kCmaf))); }
  std::string update(std::string_view operations) {
    const std::string text = R"({"deltaUpdate":[)" + std::string(operations) + "]}";
    const Result<void> applied = decoder.apply(as_bytes(text));
    return applied ? "" : applied.error().text;
  }
  Catalog catalog() { return *decoder.catalog(); }

  Decoder decoder;
};

TEST_F(MsfUpdates, AddAndRemoveTracks) {
  EXPECT_EQ(update(R"({"op":"remove","tracks":[{"name":"v"},{"name":"unknown"}]},)"
                   R"({"op":"add","tracks":[{"name":"w","packaging":"legacy","role":"video",)"
                   R"("codec":"vp8"}]})"),
            "");
  EXPECT_FALSE(catalog().video.renditions.contains("v"));
  EXPECT_EQ(catalog().video.renditions.at("w").codec, "vp8");
  EXPECT_TRUE(catalog().audio.renditions.contains("a"));
}

TEST_F(MsfUpdates, CloneAndUpdateTracks) {
  EXPECT_EQ(update(R"({"op":"clone","tracks":[{"parentName":"v","name":"sd","width":640}]},)"
                   R"({"op":"update","tracks":[{"parentName":"v","bitrate":1}]},)"
                   R"({"op":"update","tracks":[{"name":"a","bitrate":2}]})"),
            "");
  EXPECT_EQ(catalog().video.renditions.at("sd").coded_width, 640U);
  EXPECT_EQ(catalog().video.renditions.at("sd").container.init.text(), "hi");
  EXPECT_EQ(catalog().video.renditions.at("sd").bitrate, 2'000'000U);
  EXPECT_EQ(catalog().video.renditions.at("v").bitrate, 1U);
  EXPECT_EQ(catalog().audio.renditions.at("a").bitrate, 2U);
}

TEST_F(MsfUpdates, AnotherCompleteCatalogReplacesAll) {
  ASSERT_TRUE(decoder.apply(as_bytes(video(""))));
  EXPECT_EQ(catalog().video.renditions.size(), 1U);
  EXPECT_TRUE(catalog().audio.renditions.empty());
}

TEST_F(MsfUpdates, ErrorsNameTheOperation) {
  EXPECT_EQ(update("7"), "catalog: deltaUpdate.0: not an object");
  decoder.start_group();
  ASSERT_TRUE(decoder.apply(as_bytes(kCmaf)));
  EXPECT_EQ(update(R"({"op":"add"})"), "catalog: deltaUpdate.0.tracks: missing");
  EXPECT_EQ(update(R"({"op":"swap","tracks":[]})"),
            "catalog: deltaUpdate.0.op: not add, remove, clone or update");
  EXPECT_EQ(update(R"({"op":"remove","tracks":7})"), "catalog: deltaUpdate.0.tracks: not an array");
  EXPECT_EQ(update(R"({"op":"clone","tracks":[{"parentName":"x","name":"y"}]})"),
            "catalog: deltaUpdate.0.tracks.0: there is no track 'x'");
}

std::string many_tracks(std::size_t count, std::string_view role) {
  std::string tracks;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) tracks += ',';
    tracks += R"({"name":")" + std::to_string(i) + R"(","packaging":"legacy","role":")" +
              std::string(role) + R"(","codec":"vp8"})";
  }
  return with_track(tracks);
}

TEST(MsfCatalog, RefusesMoreThan64Renditions) {
  EXPECT_EQ(decoded(many_tracks(kMaxRenditions, "video")).video.renditions.size(), 64U);
  EXPECT_EQ(decode(many_tracks(kMaxRenditions + 1, "video")).error().code, Code::too_many);
}

TEST(MsfCatalog, RefusesMoreTracksThanItKeeps) {
  EXPECT_TRUE(decode(many_tracks(kMaxTracks, "log")));
  EXPECT_EQ(decode(many_tracks(kMaxTracks + 1, "log")).error().code, Code::too_many);
}

TEST(MsfCatalog, RefusesMoreInitDataThanItKeeps) {
  const auto with_inits = [](std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) list += ',';
      list += R"({"id":")" + std::to_string(i) + R"(","type":"inline","data":""})";
    }
    return with_track("", R"(,"initDataList":[)" + list + "]");
  };
  EXPECT_TRUE(decode(with_inits(kMaxInits)));
  EXPECT_EQ(decode(with_inits(kMaxInits + 1)).error().code, Code::too_many);
}

TEST(MsfCatalog, RefusesTextAboveItsLimit) {
  std::string text = with_track("");
  text.append(kMaxCatalogBytes - text.size(), ' ');
  EXPECT_TRUE(decode(text));
  EXPECT_EQ(decode(text + " ").error().code, Code::too_many);
}

TEST_F(MsfUpdates, MayNotGrowTheCatalogAboveTheLimitOfOne) {
  const std::string label(kMaxCatalogBytes / 3, 'x');
  const auto add = [&](std::string_view name) {
    return update(R"({"op":"add","tracks":[{"name":")" + std::string(name) + R"(","label":")" +
                  label + R"("}]})");
  };
  EXPECT_EQ(add("1"), "");
  EXPECT_EQ(add("1"), "");  // In place of the other.
  EXPECT_EQ(add("2"), "");
  EXPECT_EQ(add("3"), "catalog: its updates made it too large");
}

TEST(CatalogFormat, IsDetectedByTheEndOfTheName) {
  EXPECT_EQ(detect_catalog_format("demo/bbb.hang"), CatalogFormat::hang);
  EXPECT_EQ(detect_catalog_format("demo/bbb.msf"), CatalogFormat::msf);
  EXPECT_EQ(detect_catalog_format("demo.msf/bbb"), CatalogFormat::hang);
  EXPECT_EQ(detect_catalog_format("bbb"), CatalogFormat::hang);
  EXPECT_EQ(detect_catalog_format(""), CatalogFormat::hang);
}

}  // namespace
}  // namespace moq::hang::msf
