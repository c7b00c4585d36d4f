#include <algorithm>

#include "moq/base/log.h"
#include "moq/hang/container.h"
#include "moq/mux/h264/avcc.h"
#include "moq/mux/h264/sps.h"
#include "moq/mux/internal/group_schedule.h"
#include "moq/mux/internal/import_stream.h"
#include "moq/mux/internal/sample_clock.h"
#include "moq/mux/mp4/demuxer.h"

namespace moq::mux {
namespace {

using mp4::Sample;
using mp4::Track;

/// Audio groups last no longer, so a reader that joins waits no longer for the next one.
constexpr std::uint64_t kMaxAudioGroupSeconds = 1;

/// The frame rate that an avc1 track's parameter sets say.
std::optional<double> framerate_of(const Track& track) {
  if (track.entry.format != mp4::FourCc("avc1")) return std::nullopt;
  const auto config = h264::AvcConfig::decode(track.entry.description);
  if (!config || config->sps.empty()) return std::nullopt;
  const auto sps = h264::Sps::decode(config->sps.front().span());
  return sps ? sps->framerate : std::nullopt;
}

std::optional<Bytes> description_of(const Track& track) {
  // Opus needs none unless it has a channel mapping, and peers write none.
  const bool plain_opus = track.entry.codec == "opus" && track.entry.channels <= 2;
  if (track.entry.description.empty() || plain_opus) return std::nullopt;
  return track.entry.description;
}

/// One track of the file on its way to one of the broadcast.
struct Passage {
  Track track;
  TrackWriter writer;
  SampleClock clock;
  GroupSchedule schedule;
  std::uint64_t jitter_ms = 0;  ///< As the catalog says it.
};

class Fmp4Stream : public Importer::Stream {
 public:
  explicit Fmp4Stream(ImportContext& context) : context_(&context) {}

  Result<void> push(const Bytes& data) override {
    demuxer_.push(data);
    for (;;) {
      MOQ_TRY(auto event, demuxer_.next());
      if (!event) return {};
      if (const auto* movie = std::get_if<mp4::Movie>(&*event)) MOQ_CHECK(take_movie(*movie));
      if (auto* fragment = std::get_if<mp4::Fragment>(&*event)) MOQ_CHECK(take_fragment(*fragment));
    }
  }

  Result<void> finish() override {
    if (passages_.empty()) {
      const Error error(Code::decode, "mp4: the stream ended before its tracks");
      const Result<void> cut = demuxer_.finish();
      return std::unexpected(cut ? error : cut.error().with_context(error.text));
    }
    for (Passage& passage : passages_) std::move(passage.writer).finish();
    return demuxer_.finish();
  }

  void abort(const Error& error) override {
    for (Passage& passage : passages_) std::move(passage.writer).abort(error);
  }

  void cut() override {
    for (Passage& passage : passages_) passage.schedule.cut();
  }

  Result<void> seek(std::uint64_t sequence) override {
    MOQ_CHECK(check_sequence(sequence, sequence_));
    for (const Passage& passage : passages_) {
      MOQ_CHECK(check_sequence(sequence, passage.writer.last_sequence()));
    }
    for (Passage& passage : passages_) passage.schedule.seek(sequence);
    sequence_ = sequence;
    return {};
  }

 private:
  Result<void> take_movie(const mp4::Movie& movie) {
    if (!passages_.empty()) return check_same(movie);
    for (const Track& track : movie.tracks) {
      if (track.kind == Track::Kind::other) continue;
      if (track.entry.codec.empty()) {
        MOQ_LOG(warn, "mux", "mp4: track {} has the unknown codec '{}'", track.id,
                track.entry.format.text());
        continue;
      }
      MOQ_CHECK(add_track(track));
    }
    if (passages_.empty()) return fail(Code::unsupported, "mp4: no track of a codec we know");
    has_video_ = std::ranges::any_of(
        passages_, [](const Passage& passage) { return passage.track.kind == Track::Kind::video; });
    return context_->catalog.edit([this](hang::Catalog& catalog) -> Result<void> {
      for (const Passage& passage : passages_) describe(passage, catalog);
      return {};
    });
  }

  Result<void> add_track(const Track& track) {
    const bool is_video = track.kind == Track::Kind::video;
    MOQ_TRY(TrackWriter writer, context_->create_track(".m4s", is_video, track.timescale));
    context_->events.push(TrackBegan{writer.name(), track.entry.codec, "cmaf"});
    const bool each_frame =
        context_->options.audio_groups == Importer::AudioGroups::each_frame && !is_video;
    const std::uint64_t longest = each_frame ? 0 : kMaxAudioGroupSeconds * track.timescale;
    passages_.push_back({.track = track,
                         .writer = std::move(writer),
                         .clock = SampleClock(),
                         .schedule = GroupSchedule(longest)});
    if (sequence_) passages_.back().schedule.seek(*sequence_);
    return {};
  }

  /// Writes a track's rendition.
  static void describe(const Passage& passage, hang::Catalog& catalog) {
    const Track& track = passage.track;
    hang::Container container{.kind = hang::Container::Kind::cmaf,
                              .init = mp4::write_init(std::span(&track, 1))};
    if (track.kind == Track::Kind::video) {
      hang::VideoRendition& out = catalog.video.renditions[passage.writer.name()];
      out.codec = track.entry.codec;
      out.description = description_of(track);
      out.coded_width = track.entry.width;
      out.coded_height = track.entry.height;
      out.bitrate = track.entry.bitrate;
      out.framerate = framerate_of(track);
      out.container = std::move(container);
    } else {
      hang::AudioRendition& out = catalog.audio.renditions[passage.writer.name()];
      out.codec = track.entry.codec;
      out.sample_rate = track.entry.sample_rate;
      out.channels = track.entry.channels;
      out.bitrate = track.entry.bitrate;
      out.description = description_of(track);
      out.container = std::move(container);
    }
  }

  /// A header that comes again (a stream that was cut and joined) must be the same.
  Result<void> check_same(const mp4::Movie& movie) const {
    for (const Passage& passage : passages_) {
      const Track* track = movie.find(passage.track.id);
      if (!track || track->timescale != passage.track.timescale ||
          track->entry.box != passage.track.entry.box) {
        return fail(Code::unsupported, "mp4: the tracks change within the stream");
      }
    }
    return {};
  }

  Result<void> take_fragment(mp4::Fragment& fragment) {
    const auto passage = std::ranges::find(passages_, fragment.track_id,
                                           [](const Passage& one) { return one.track.id; });
    if (passage == passages_.end()) return {};
    for (Sample& sample : fragment.samples) passage->clock.repair(sample);
    if (passage->track.kind == Track::Kind::audio) return take_audio(*passage, fragment.samples);
    // A key frame within the fragment begins a group, so it begins a frame of ours too.
    std::span<const Sample> rest = fragment.samples;
    while (!rest.empty()) {
      const auto next_key = std::find_if(rest.begin() + 1, rest.end(),
                                         [](const Sample& sample) { return sample.keyframe; });
      const auto size = static_cast<std::size_t>(next_key - rest.begin());
      MOQ_CHECK(take_video(*passage, rest.first(size)));
      rest = rest.subspan(size);
    }
    return {};
  }

  Result<void> take_video(Passage& passage, std::span<const Sample> samples) {
    if (samples.front().keyframe) {
      const std::optional<std::uint64_t> sequence = passage.schedule.begin(samples.front().dts);
      MOQ_CHECK(passage.writer.begin_group(sequence));
      for (Passage& other : passages_) other.schedule.video_began(sequence.has_value());
    }
    return publish(passage, samples);
  }

  Result<void> take_audio(Passage& passage, std::span<const Sample> samples) {
    const std::uint64_t dts = samples.front().dts;
    if (!passage.writer.has_group() || passage.schedule.is_due(dts)) {
      MOQ_CHECK(passage.writer.begin_group(passage.schedule.begin(dts)));
    }
    return publish(passage, samples);
  }

  /// Writes samples as one frame of the open group; without one they are of no use to anybody.
  Result<void> publish(Passage& passage, std::span<const Sample> samples) {
    if (!passage.writer.has_group()) return {};
    std::uint64_t earliest = UINT64_MAX;
    std::uint64_t duration = 0;
    for (const Sample& sample : samples) {
      earliest = std::min(earliest, sample.pts());
      duration += sample.duration;
    }
    const std::uint64_t timescale = passage.track.timescale;
    const auto media_us = hang::rescale(earliest, timescale, 1'000'000);
    const bool counts = passage.track.kind == Track::Kind::video || !has_video_;
    const auto sequence = static_cast<std::uint32_t>(passage.writer.frames());
    Bytes frame = mp4::write_fragment(sequence, passage.track.id, samples);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      context_->count(counts, samples[i].payload.size(), media_us.value_or(0));
    }
    MOQ_CHECK(passage.writer.write(earliest, std::move(frame)));
    return note_jitter(passage, (duration * 1000 + timescale - 1) / timescale);
  }

  /// Tells readers how long a frame is held back: as long as the samples in it last.
  Result<void> note_jitter(Passage& passage, std::uint64_t jitter_ms) {
    if (jitter_ms <= passage.jitter_ms) return {};
    passage.jitter_ms = jitter_ms;
    return context_->catalog.edit([&](hang::Catalog& catalog) -> Result<void> {
      const auto note = [&](auto& renditions) {
        const auto listed = renditions.find(passage.writer.name());
        if (listed != renditions.end()) listed->second.jitter_ms = jitter_ms;
      };
      note(catalog.video.renditions);
      note(catalog.audio.renditions);
      return {};
    });
  }

  ImportContext* context_;
  mp4::Demuxer demuxer_;
  std::vector<Passage> passages_;
  bool has_video_ = false;
  std::optional<std::uint64_t> sequence_;  ///< That was sought last.
};

}  // namespace

std::unique_ptr<Importer::Stream> make_fmp4_stream(ImportContext& context) {
  return std::make_unique<Fmp4Stream>(context);
}

}  // namespace moq::mux
