#include <algorithm>
#include <map>

#include "moq/base/log.h"
#include "moq/mux/demuxer.h"
#include "moq/mux/flv/demuxer.h"
#include "moq/mux/internal/codec_track.h"
#include "moq/mux/internal/group_schedule.h"
#include "moq/mux/internal/import_stream.h"
#include "moq/mux/internal/start_gate.h"
#include "moq/mux/mkv/demuxer.h"
#include "moq/mux/ts/demuxer.h"

namespace moq::mux {
namespace {

/// Audio groups last no longer, so a reader that joins waits no longer for the next one.
constexpr std::uint64_t kMaxAudioGroupUs = 1'000'000;

/// One track of the container on its way to one of the broadcast.
struct Passage {
  bool is_audio = false;
  std::unique_ptr<FrameReader> reader;
  CodecTrack track;
  GroupSchedule schedule;
  bool told = false;  ///< That it has begun.

  [[nodiscard]] const std::string& name() const { return track.writer().name(); }
};

/// A container that is taken apart by a `Demuxer`: its tracks become codec tracks.
class DemuxStream : public Importer::Stream {
 public:
  DemuxStream(ImportContext& context, std::string_view name, std::unique_ptr<Demuxer> demuxer)
      : context_(&context), name_(name), demuxer_(std::move(demuxer)) {}

  Result<void> push(const Bytes& data) override {
    Found found;
    const Result<void> pushed = demuxer_->push(data, found);
    MOQ_CHECK(take(gate_.pass(std::move(found), demuxer_->found_all())));
    return pushed;
  }

  Result<void> finish() override {
    Found found;
    const Result<void> ended = demuxer_->finish(found);
    Result<void> taken = take(gate_.open());
    if (taken) taken = take(std::move(found));
    if (passages_.empty()) {
      const Error error(Code::decode, name_ + ": the stream ended before any track that we know");
      return std::unexpected(ended ? error : ended.error().with_context(error.text));
    }
    for (auto& [id, passage] : passages_) std::move(passage.track).finish();
    return taken ? ended : taken;
  }

  void abort(const Error& error) override {
    for (auto& [id, passage] : passages_) std::move(passage.track).abort(error);
  }

  void cut() override {
    for (auto& [id, passage] : passages_) passage.schedule.cut();
  }

  Result<void> seek(std::uint64_t sequence) override {
    MOQ_CHECK(check_sequence(sequence, sequence_));
    for (const auto& [id, passage] : passages_) {
      MOQ_CHECK(check_sequence(sequence, passage.track.writer().last_sequence()));
    }
    for (auto& [id, passage] : passages_) passage.schedule.seek(sequence);
    sequence_ = sequence;
    return {};
  }

 private:
  Result<void> take(Found found) {
    for (auto& one : found) {
      if (const auto* track = std::get_if<FoundTrack>(&one)) MOQ_CHECK(take_track(*track));
      if (auto* frame = std::get_if<FoundFrame>(&one)) MOQ_CHECK(take_frame(*frame));
    }
    return {};
  }

  Result<void> take_track(const FoundTrack& found) {
    retire(found.id);
    const std::optional<MediaTrack::Format> format = MediaTrack::parse_format(found.format);
    MOQ_ASSERT(format);
    auto reader = make_frame_reader(*format, found.init);
    if (!reader) {
      MOQ_LOG(warn, "mux", "{}: track {} is left out: {}", name_, found.id,
              reader.error().describe());
      return {};
    }
    MOQ_TRY(net::track::Producer track,
            create_numbered_track(context_->broadcast, context_->catalog, "." + found.format,
                                  MediaTrack::info(*format, context_->options.max_age)));
    context_->names.push_back(track.name());
    const bool is_audio = MediaTrack::is_audio(*format);
    const bool each_frame =
        context_->options.audio_groups == Importer::AudioGroups::each_frame && is_audio;
    CodecTrack::Options options{.is_audio = is_audio,
                                .hint = {.framerate = found.framerate},
                                .audio_groups = MediaTrack::AudioGroups::until_cut};
    Passage passage{.is_audio = is_audio,
                    .reader = *std::move(reader),
                    .track = CodecTrack(TrackWriter(std::move(track), &context_->events),
                                        context_->catalog.clone(), std::move(options)),
                    .schedule = GroupSchedule(each_frame ? 0 : kMaxAudioGroupUs)};
    if (sequence_) passage.schedule.seek(*sequence_);
    Passage& added = passages_.emplace(found.id, std::move(passage)).first->second;
    return describe(added);
  }

  /// Another track takes the place of that one.
  void retire(std::uint32_t id) {
    const auto former = passages_.find(id);
    if (former == passages_.end()) return;
    std::erase(context_->names, former->second.name());
    former->second.track.retire();
    std::move(former->second.track).finish();
    passages_.erase(former);
  }

  /// Puts the track in the catalog as soon as it is known what to say of it.
  Result<void> describe(Passage& passage) {
    const std::optional<Description>& known = passage.reader->description();
    if (!known) return {};
    MOQ_CHECK(passage.track.describe(*known));
    if (!std::exchange(passage.told, true)) {
      context_->events.push(TrackBegan{passage.name(), known->codec, "legacy"});
    }
    return {};
  }

  /// Publishes a frame. One that does not decode, or comes before the first key frame, is left out.
  Result<void> take_frame(FoundFrame& found) {
    const auto at = passages_.find(found.track);
    if (at == passages_.end()) return {};
    Passage& passage = at->second;
    auto frame = passage.reader->read(found.payload);
    if (!frame) {
      MOQ_LOG(debug, "mux", "{}: a frame of '{}' is left out: {}", name_, passage.name(),
              frame.error().describe());
      return {};
    }
    MOQ_CHECK(describe(passage));
    if (!*frame) return {};
    const std::uint64_t time_us = lift(found.pts_us);
    const std::size_t size = (*frame)->payload.size();
    const Result<void> written = publish(passage, **std::move(frame), time_us);
    if (!written) {
      const Code code = written.error().code;
      return code == Code::malformed_track || code == Code::decode ? Result<void>() : written;
    }
    context_->count(!passage.is_audio || !has_video(), size, time_us);
    return {};
  }

  Result<void> publish(Passage& passage, EncodedFrame frame, std::uint64_t time_us) {
    const bool begins = passage.is_audio ? passage.schedule.is_due(time_us) : frame.keyframe;
    if (begins) {
      const std::optional<std::uint64_t> sequence = passage.schedule.begin(time_us);
      passage.track.cut();
      if (sequence) MOQ_CHECK(passage.track.seek(*sequence));
      if (!passage.is_audio) {
        for (auto& [id, other] : passages_) other.schedule.video_began(sequence.has_value());
      }
    }
    return passage.track.write(std::move(frame), time_us);
  }

  /// Times below 0 move all tracks forward, from there on.
  std::uint64_t lift(std::int64_t pts_us) {
    lift_us_ = std::max(lift_us_, -pts_us);
    return static_cast<std::uint64_t>(pts_us + lift_us_);
  }

  [[nodiscard]] bool has_video() const {
    return std::ranges::any_of(passages_, [](const auto& one) { return !one.second.is_audio; });
  }

  ImportContext* context_;
  std::string name_;  ///< For errors.
  std::unique_ptr<Demuxer> demuxer_;
  StartGate gate_;
  std::map<std::uint32_t, Passage> passages_;  ///< By the container's id.
  std::int64_t lift_us_ = 0;
  std::optional<std::uint64_t> sequence_;  ///< That was sought last.
};

}  // namespace

std::unique_ptr<Importer::Stream> make_demux_stream(ImportContext& context) {
  switch (context.options.format) {
    case Importer::Format::ts:
      return std::make_unique<DemuxStream>(context, "ts", std::make_unique<ts::TsDemuxer>());
    case Importer::Format::flv:
      return std::make_unique<DemuxStream>(context, "flv", std::make_unique<flv::FlvDemuxer>());
    default:
      return std::make_unique<DemuxStream>(context, "mkv", std::make_unique<mkv::MkvDemuxer>());
  }
}

}  // namespace moq::mux
