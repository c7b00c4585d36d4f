#include "moq/mux/mp4/demuxer.h"

#include <gtest/gtest.h>

#include "moq/base/random.h"
#include "moq/mux/h264/nal.h"
#include "moq/mux/internal/testing.h"

namespace moq::mux::mp4 {
namespace {

using mux::testing::read_testdata;

/// All that comes out of one file.
struct Output {
  Movie movie;
  std::vector<Fragment> fragments;
  std::optional<Error> error;

  [[nodiscard]] std::vector<Sample> samples(std::uint32_t track_id) const {
    std::vector<Sample> out;
    for (const Fragment& fragment : fragments) {
      if (fragment.track_id != track_id) continue;
      out.insert(out.end(), fragment.samples.begin(), fragment.samples.end());
    }
    return out;
  }
};

/// Appends what comes out now. Returns false after an error.
bool drain(Demuxer& demuxer, Output& out) {
  for (;;) {
    auto event = demuxer.next();
    if (!event) out.error = event.error();
    if (!event || !*event) return event.has_value();
    if (auto* movie = std::get_if<Movie>(&**event)) out.movie = *movie;
    if (auto* fragment = std::get_if<Fragment>(&**event)) out.fragments.push_back(*fragment);
  }
}

Output demux(const Bytes& file, std::size_t piece = SIZE_MAX) {
  Demuxer demuxer;
  Output out;
  for (std::size_t at = 0; at < file.size(); at += std::min(piece, file.size())) {
    demuxer.push(file.slice(at, piece));
    if (!drain(demuxer, out)) break;
  }
  return out;
}

std::vector<std::uint64_t> pts_of(const std::vector<Sample>& samples) {
  std::vector<std::uint64_t> out;
  for (const Sample& sample : samples) out.push_back(sample.pts());
  return out;
}

std::size_t count_keyframes(const std::vector<Sample>& samples) {
  std::size_t count = 0;
  for (const Sample& sample : samples) count += sample.keyframe ? 1 : 0;
  return count;
}

TEST(Demuxer, ReadsTheTracksOfCmaf) {
  const Output out = demux(read_testdata("cmaf_h264_aac.mp4"));
  ASSERT_FALSE(out.error) << out.error->describe();
  ASSERT_EQ(out.movie.tracks.size(), 2U);
  const Track& video = out.movie.tracks[0];
  EXPECT_EQ(video.kind, Track::Kind::video);
  EXPECT_EQ(video.timescale, 12'800U);
  EXPECT_EQ(video.entry.codec, "avc1.64000a");
  EXPECT_EQ(video.entry.width, 64U);
  EXPECT_EQ(video.entry.height, 48U);
  EXPECT_EQ(video.entry.description[0], 1);
  const Track& audio = out.movie.tracks[1];
  EXPECT_EQ(audio.kind, Track::Kind::audio);
  EXPECT_EQ(audio.timescale, 48'000U);
  EXPECT_EQ(audio.entry.codec, "mp4a.40.2");
  EXPECT_EQ(audio.entry.sample_rate, 48'000U);
  EXPECT_EQ(audio.entry.channels, 1U);
  EXPECT_EQ(audio.entry.bitrate, 16'000U);
  EXPECT_FALSE(audio.entry.description.empty());
}

TEST(Demuxer, ReadsOneSampleAFragmentOfCmaf) {
  const Output out = demux(read_testdata("cmaf_h264_aac.mp4"));
  // ffmpeg holds the first frame back with its delayed moov, and writes it with the second.
  EXPECT_EQ(out.fragments[0].samples.size(), 2U);
  for (std::size_t i = 1; i < out.fragments.size(); ++i) {
    EXPECT_EQ(out.fragments[i].samples.size(), 1U);
  }
  const std::vector<Sample> video = out.samples(1);
  ASSERT_EQ(video.size(), 25U);
  EXPECT_EQ(count_keyframes(video), 3U);
  EXPECT_TRUE(video[0].keyframe && video[10].keyframe && video[20].keyframe);
  // A key frame, the next one, and the two B-frames between.
  EXPECT_EQ(pts_of({video.begin(), video.begin() + 4}),
            (std::vector<std::uint64_t>{0, 1536, 512, 1024}));
  for (const Sample& sample : video) {
    EXPECT_TRUE(h264::split_length_prefixed(sample.payload.span(), 4));
  }
  EXPECT_EQ(out.samples(2).size(), 48U);
  EXPECT_EQ(out.samples(2)[3].dts, 3 * 1024U);
}

TEST(Demuxer, ReadsSeveralSamplesOfSeveralTracksAFragment) {
  const Output out = demux(read_testdata("frag_h264_opus.mp4"));
  ASSERT_FALSE(out.error) << out.error->describe();
  EXPECT_EQ(out.movie.tracks[1].entry.codec, "opus");
  EXPECT_EQ(out.movie.tracks[1].entry.sample_rate, 48'000U);
  EXPECT_EQ(out.samples(1).size(), 25U);
  EXPECT_EQ(count_keyframes(out.samples(1)), 3U);
  EXPECT_GE(out.samples(2).size(), 50U);
  EXPECT_LT(out.fragments.size(), 10U);
}

TEST(Demuxer, AppliesEditLists) {
  const Output out = demux(read_testdata("frag_edits_h264_aac.mp4"));
  ASSERT_FALSE(out.error) << out.error->describe();
  // All is moved by the longer of the two delays, the 80 ms of the video: no time is below 0, and
  // nothing is decoded after it is shown. As ffprobe lists them: 0, 120, 40, 80 ms at 12800 units a
  // second.
  const std::vector<Sample> video = out.samples(1);
  EXPECT_EQ(pts_of({video.begin(), video.begin() + 4}),
            (std::vector<std::uint64_t>{1024, 1024 + 1536, 1024 + 512, 1024 + 1024}));
  EXPECT_EQ(video[0].dts, 0U);
  for (const Sample& sample : video) EXPECT_GE(sample.composition_offset, 0);
  // The encoder's delay, 1024 samples, lies before 0, which is at 80 ms.
  const std::vector<Sample> audio = out.samples(2);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(audio[i].pts(), 3840 + 1024 * i - 1024);
}

/// `init` of one track with an edit list of these durations and media times.
Bytes with_edits(const Bytes& init, const std::vector<std::pair<std::uint32_t, int>>& edits) {
  BoxWriter list;
  const std::size_t edts = list.begin("edts");
  const std::size_t elst = list.begin_full("elst", 0, 0);
  list.out().u32(static_cast<std::uint32_t>(edits.size()));
  for (const auto& [duration, time] : edits) {
    list.out().u32(duration).u32(static_cast<std::uint32_t>(time)).u32(0x00010000);
  }
  list.end(elst);
  list.end(edts);
  const Bytes added = list.take();
  // At the end of `trak`, and the sizes of what holds it.
  const Box moov = *find_box(init.span(), "moov");
  const Box trak = *find_box(moov.body, "trak");
  const auto offset_of = [&init](ByteSpan part) {
    return static_cast<std::size_t>(part.data() - init.data());
  };
  std::vector<std::uint8_t> out(init.begin(), init.end());
  for (const Box& box : {moov, trak}) {
    const Bytes size =
        Writer().u32(static_cast<std::uint32_t>(box.whole.size() + added.size())).take();
    std::ranges::copy(size, out.begin() + static_cast<std::ptrdiff_t>(offset_of(box.whole)));
  }
  const std::size_t end = offset_of(trak.whole) + trak.whole.size();
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(end), added.begin(), added.end());
  return Bytes::copy(ByteSpan(out));
}

TEST(Demuxer, ReadsEdits) {
  const Output file = demux(read_testdata("cmaf_h264_aac.mp4"));
  const Bytes init = write_init(std::span(file.movie.tracks).subspan(1, 1));
  const auto shift = [&init](const std::vector<std::pair<std::uint32_t, int>>& edits) {
    return parse_init(with_edits(init, edits))->tracks.at(0).edit_shift;
  };
  EXPECT_EQ(shift({}), 0);
  EXPECT_EQ(shift({{0, 312}}), -312);
  // A pause of 978 ms, at 48000 units a second.
  EXPECT_EQ(shift({{978, -1}, {0, 312}}), 978 * 48 - 312);
  EXPECT_EQ(shift({{500, -1}, {500, -1}, {0, 0}, {100, 7}}), 48'000);
  EXPECT_EQ(shift({{UINT32_MAX, -1}, {0, 312}}), 0);
}

class Pieces : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Demuxer, Pieces, ::testing::Values(1, 2, 7, 15, 16, 100, 1000, 5000));

TEST_P(Pieces, YieldTheSame) {
  for (const char* name : {"cmaf_h264_aac.mp4", "frag_h264_opus.mp4"}) {
    const Output whole = demux(read_testdata(name));
    const Output pieces = demux(read_testdata(name), GetParam());
    EXPECT_FALSE(pieces.error);
    EXPECT_EQ(pieces.fragments, whole.fragments);
  }
}

TEST(Demuxer, PayloadsShareTheInput) {
  const Bytes file = read_testdata("cmaf_h264_aac.mp4");
  for (const Fragment& fragment : demux(file).fragments) {
    EXPECT_GE(fragment.samples[0].payload.data(), file.data());
    EXPECT_LE(fragment.samples[0].payload.end(), file.end());
  }
}

/// What the demuxer says when the input ends after the first `size` bytes of `file`.
std::string end_of(const Bytes& file, std::size_t size) {
  Demuxer demuxer;
  Output out;
  demuxer.push(file.slice(0, size));
  drain(demuxer, out);
  const Result<void> finished = demuxer.finish();
  return finished ? "" : finished.error().text;
}

TEST(Demuxer, TellsWhereTheFileEndsTooSoon) {
  const Bytes file = read_testdata("cmaf_h264_aac.mp4");
  const auto start_of = [&file](FourCc type) {
    return static_cast<std::size_t>(find_box(file.span(), type)->whole.data() - file.data());
  };
  const std::size_t moof = start_of("moof");
  const std::size_t mdat = start_of("mdat");
  EXPECT_EQ(end_of(file, file.size()), "");
  EXPECT_EQ(end_of(file, moof), "");
  EXPECT_EQ(end_of(file, moof + 5),
            "mp4: the input ends within a box header, at byte " + std::to_string(moof));
  EXPECT_EQ(end_of(file, moof + 20), "mp4: the input ends after 20 of " +
                                         std::to_string(mdat - moof) +
                                         " bytes of 'moof', at byte " + std::to_string(moof));
  EXPECT_EQ(end_of(file, mdat),
            "mp4: the input ends before the mdat, at byte " + std::to_string(moof));
  EXPECT_EQ(end_of(file, 10), "mp4: the input ends after 10 of 28 bytes of 'ftyp', at byte 0");
}

TEST(Demuxer, YieldsWhatIsWholeOfACutFile) {
  const Bytes file = read_testdata("frag_h264_opus.mp4");
  const Output whole = demux(file);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Output cut = demux(file.slice(0, size));
    ASSERT_FALSE(cut.error) << size;
    ASSERT_LE(cut.fragments.size(), whole.fragments.size());
  }
}

TEST(Demuxer, NeverCrashesOnABrokenFile) {
  for (const char* name : {"cmaf_h264_aac.mp4", "frag_h264_opus.mp4", "frag_edits_h264_aac.mp4"}) {
    const Bytes file = read_testdata(name);
    SeededRandom random(1);
    for (int round = 0; round < 3000; ++round) {
      std::vector<std::uint8_t> broken(file.begin(), file.end());
      for (int i = 0; i < 4; ++i) {
        // Most of what is not payload is at the start.
        broken[random.below(i < 2 ? 2000 : broken.size())] =
            static_cast<std::uint8_t>(random.next());
      }
      const Output out = demux(Bytes::copy(ByteSpan(broken)), 1500);
      for (const Fragment& fragment : out.fragments) EXPECT_FALSE(fragment.samples.empty());
    }
  }
}

Code error_of(const Bytes& file) {
  const Output out = demux(file);
  return out.error ? out.error->code : Code::internal;
}

Bytes box(FourCc type, const std::function<void(BoxWriter&)>& body) {
  BoxWriter out;
  const std::size_t start = out.begin(type);
  body(out);
  out.end(start);
  return out.take();
}

TEST(Demuxer, RefusesWhatIsNotFragmented) {
  EXPECT_EQ(error_of(box("mdat", [](BoxWriter&) {})), Code::unsupported);
  EXPECT_EQ(error_of(box("moov", [](BoxWriter&) {})), Code::unsupported);
}

TEST(Demuxer, RefusesLyingSizes) {
  EXPECT_EQ(error_of(Writer().u32(7).u32(FourCc("moov").value).take()), Code::decode);
  EXPECT_EQ(error_of(Writer().u32(1).u32(FourCc("moov").value).u64(15).take()), Code::decode);
  EXPECT_EQ(error_of(Writer().u32(0).u32(FourCc("free").value).take()), Code::unsupported);
  EXPECT_EQ(error_of(Writer().u32(1).u32(FourCc("moov").value).u64(UINT64_MAX).take()),
            Code::too_many);
  EXPECT_EQ(error_of(Writer().u32(kMaxMovieBytes + 1).u32(FourCc("moov").value).take()),
            Code::too_many);
}

TEST(Demuxer, RefusesWhatIsNoMp4) {
  EXPECT_EQ(error_of(Bytes::copy("<!DOCTYPE html>")), Code::decode);
}

/// The file up to its first fragment, then `tail`.
Bytes after_moov(const Bytes& tail);

TEST(Demuxer, NamesTheCauseAndThePlace) {
  const std::string end = ", at byte " + std::to_string(after_moov({}).size());
  const auto says = [](const Bytes& tail) { return demux(after_moov(tail)).error.value().text; };
  EXPECT_EQ(says(Bytes::copy("garbage, not a box")), "mp4: neither media nor a box" + end);
  EXPECT_EQ(says(Writer().u32(20).u32(0x01020304).take()), "mp4: neither media nor a box" + end);
  EXPECT_EQ(says(Writer().u64(0).u64(0).take()), "mp4: neither media nor a box" + end);
  EXPECT_EQ(says(Writer().u32(0).u32(FourCc("mdat").value).take()), "mp4: 'mdat' has no end" + end);
  EXPECT_EQ(says(Writer().u32(UINT32_MAX).u32(FourCc("mdat").value).take()),
            "mp4: 'mdat' has 4294967295 bytes, more than 33554432" + end);
  EXPECT_EQ(says(Writer().u32(3).u32(FourCc("moof").value).take()),
            "mp4: 'moof' is smaller than its header" + end);
  EXPECT_EQ(says(box("moof", [](BoxWriter& out) { out.box("traf", {}); })),
            "mp4: a broken tfhd" + end);
}

TEST(Demuxer, SkipsBoxesOfAnySizeThatAreNotForUs) {
  const Output out = demux(Writer().u32(1).u32(FourCc("free").value).u64(1ULL << 62).u64(0).take());
  EXPECT_FALSE(out.error);
}

Bytes after_moov(const Bytes& tail) {
  const Bytes file = read_testdata("cmaf_h264_aac.mp4");
  const std::optional<Box> moov = find_box(file.span(), "moov");
  const auto end = static_cast<std::size_t>(moov->whole.data() - file.data()) + moov->whole.size();
  const std::vector<Bytes> parts = {file.slice(0, end), tail};
  return join(parts);
}

struct Run {
  std::uint32_t flags = 0x1 | 0x100 | 0x200;
  std::uint32_t count = 1;
  std::uint32_t data_offset = 0;
  std::uint32_t size = 4;
  bool with_time = true;
};

/// A moof of one sample of track 1, and an mdat of 4 bytes.
Bytes fragment_of(const Run& run) {
  const Bytes moof = box("moof", [&run](BoxWriter& out) {
    const std::size_t traf = out.begin("traf");
    const std::size_t tfhd = out.begin_full("tfhd", 0, 0x020000);
    out.out().u32(1);
    out.end(tfhd);
    if (run.with_time) {
      const std::size_t tfdt = out.begin_full("tfdt", 0, 0);
      out.out().u32(0);
      out.end(tfdt);
    }
    const std::size_t trun = out.begin_full("trun", 0, run.flags);
    out.out().u32(run.count).u32(run.data_offset);
    if ((run.flags & 0x100) != 0) out.out().u32(1);
    if ((run.flags & 0x200) != 0) out.out().u32(run.size);
    out.end(trun);
    out.end(traf);
  });
  const Bytes mdat = box("mdat", [](BoxWriter& out) { out.out().u32(0); });
  const std::vector<Bytes> parts = {moof, mdat};
  return after_moov(join(parts));
}

TEST(Demuxer, ChecksWhereSamplesAre) {
  constexpr std::uint32_t kMoof = 8 + 8 + 16 + 16 + 28;
  EXPECT_EQ(error_of(fragment_of({.data_offset = kMoof + 8})), Code::internal);
  EXPECT_EQ(error_of(fragment_of({.data_offset = kMoof + 9})), Code::decode);
  EXPECT_EQ(error_of(fragment_of({.data_offset = kMoof + 7})), Code::decode);
  EXPECT_EQ(error_of(fragment_of({.data_offset = 0x80000000})), Code::decode);
  EXPECT_EQ(error_of(fragment_of({.data_offset = kMoof + 8, .size = 5})), Code::decode);
  EXPECT_EQ(error_of(fragment_of({.data_offset = kMoof + 8, .size = UINT32_MAX})), Code::decode);
  EXPECT_EQ(error_of(fragment_of({.data_offset = kMoof + 8, .with_time = false})), Code::decode);
}

TEST(Demuxer, LimitsSamplesThatTakeNoBytes) {
  const auto run = [](std::size_t count) {
    return fragment_of({.flags = 0x1, .count = static_cast<std::uint32_t>(count)});
  };
  // At the limit it fails for another reason: all but the last need a duration.
  EXPECT_EQ(error_of(run(kMaxFragmentSamples)), Code::decode);
  EXPECT_EQ(error_of(run(kMaxFragmentSamples + 1)), Code::too_many);
  EXPECT_EQ(error_of(run(UINT32_MAX)), Code::too_many);
}

TEST(Demuxer, RefusesAFragmentWithoutItsData) {
  const Bytes one = fragment_of({.data_offset = 1000});
  EXPECT_EQ(error_of(one), Code::internal);  // It may come in a later mdat.
  const Bytes init = after_moov({});
  const std::vector<Bytes> parts = {one, one.slice(init.size())};
  EXPECT_EQ(error_of(join(parts)), Code::decode);
}

}  // namespace
}  // namespace moq::mux::mp4
