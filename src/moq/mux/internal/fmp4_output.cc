#include "moq/mux/internal/fmp4_output.h"

#include <algorithm>

#include "moq/hang/container.h"

namespace moq::mux {
namespace {

using mp4::Sample;

constexpr std::uint64_t kMicroseconds = 1'000'000;
/// Times that go back further than any reordering: the source started over.
constexpr std::uint64_t kRestartSeconds = 1;
/// What one fragment may hold, so that a source without key frames does not collect for ever.
constexpr std::size_t kMaxFragmentSamples = 4096;
constexpr std::uint64_t kMaxFragmentBytes = std::uint64_t{32} << 20;

std::int64_t scale_signed(std::int64_t us, std::uint64_t timescale) {
  const __int128_t scaled = static_cast<__int128_t>(us) * static_cast<__int128_t>(timescale);
  return static_cast<std::int64_t>(scaled / static_cast<__int128_t>(kMicroseconds));
}

std::int64_t to_us(std::uint64_t units, std::uint64_t timescale) {
  const auto us = hang::rescale(units, timescale, kMicroseconds);
  return static_cast<std::int64_t>(us.value_or(INT64_MAX / 2));
}

}  // namespace

void Fmp4Output::set_tracks(std::vector<mp4::Track> tracks) {
  const bool same = std::ranges::equal(tracks, tracks_, [](const auto& a, const OutputTrack& b) {
    return a.timescale == b.track.timescale && a.kind == b.track.kind &&
           a.entry.box == b.track.entry.box;
  });
  if (same) return;
  flush();
  const std::uint64_t ended_us = end_us();
  const std::vector<OutputTrack> former = std::exchange(tracks_, {});
  for (std::uint32_t i = 0; i < tracks.size(); ++i) {
    tracks[i].id = i + 1;
    const auto same_kind = std::ranges::find(former, tracks[i].kind,
                                             [](const OutputTrack& out) { return out.track.kind; });
    if (same_kind != former.end()) {
      tracks_.push_back(successor(*same_kind, tracks[i]));
    } else {
      tracks_.push_back({.track = tracks[i], .epoch = epoch_, .shift_us = shift_us_.value_or(0)});
      tracks_.back().end = hang::rescale(ended_us, kMicroseconds, tracks[i].timescale).value_or(0);
    }
  }
  ready_.push_back(mp4::write_init(tracks));
}

Fmp4Output::OutputTrack Fmp4Output::successor(const OutputTrack& former, const mp4::Track& track) {
  const std::uint64_t end =
      hang::rescale(former.end, former.track.timescale, track.timescale).value_or(0);
  OutputTrack out{.track = track,
                  .end = end,
                  .epoch = former.epoch,
                  .shift_us = former.shift_us,
                  .starts_over = former.starts_over};
  if (former.last_dts) out.last_dts = std::max<std::uint64_t>(end, 1) - 1;
  if (former.track.timescale == track.timescale) out.source_dts = former.source_dts;
  return out;
}

void Fmp4Output::add(std::size_t index, Sample sample) {
  OutputTrack& out = tracks_[index];
  if (completes_fragment(out, sample)) {
    // A video group takes the audio that came with it along.
    const bool is_group = !fragment_duration_ && out.track.kind == mp4::Track::Kind::video;
    is_group ? flush() : write_held(out);
  }
  place(out, sample);
  out.held_bytes += sample.payload.size();
  out.held.push_back(std::move(sample));
  if (fragment_duration_ == Duration::zero()) write_held(out);
}

bool Fmp4Output::completes_fragment(const OutputTrack& out, const Sample& next) const {
  if (out.held.empty()) return false;
  const bool is_video = out.track.kind == mp4::Track::Kind::video;
  if (is_video && next.keyframe) return true;
  if (out.held.size() >= kMaxFragmentSamples || out.held_bytes >= kMaxFragmentBytes) return true;
  std::optional<Duration> most = fragment_duration_;
  // Without video nothing else ends a fragment.
  if (!most && tracks_.front().track.kind != mp4::Track::Kind::video) most = 1s;
  if (!most) return false;
  const std::uint64_t held = out.end - std::min(out.end, out.held.front().dts);
  return to_us(held, out.track.timescale) >=
         std::chrono::duration_cast<std::chrono::microseconds>(*most).count();
}

void Fmp4Output::place(OutputTrack& out, Sample& sample) {
  const std::uint64_t timescale = out.track.timescale;
  const std::uint64_t back = kRestartSeconds * timescale;
  const bool went_back = out.source_dts && sample.dts + back < *out.source_dts;
  // The first track that goes back begins an epoch, the others join it when they do.
  if (went_back && out.epoch == epoch_) begin_epoch();
  if (went_back || out.starts_over) {
    if (!shift_us_) {
      shift_us_ = static_cast<std::int64_t>(end_us()) - to_us(sample.dts, timescale);
    }
    out.epoch = epoch_;
    out.shift_us = *shift_us_;
    out.starts_over = false;
  }
  out.source_dts = sample.dts;
  const std::int64_t shift = scale_signed(out.shift_us, timescale);
  const auto pts = static_cast<std::int64_t>(sample.pts()) + shift;
  const std::int64_t earliest = out.last_dts ? static_cast<std::int64_t>(*out.last_dts) + 1 : 0;
  const std::int64_t dts = std::max(static_cast<std::int64_t>(sample.dts) + shift, earliest);
  sample.dts = static_cast<std::uint64_t>(dts);
  sample.composition_offset =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(pts - dts, INT32_MIN, INT32_MAX));
  // Audio is shown when it is decoded.
  if (out.track.kind == mp4::Track::Kind::audio) sample.composition_offset = 0;
  out.last_dts = sample.dts;
  out.end = std::max(out.end, sample.dts + sample.duration);
}

void Fmp4Output::begin_epoch() {
  ++epoch_;
  shift_us_.reset();
}

void Fmp4Output::start_over() {
  const bool written =
      std::ranges::any_of(tracks_, [](const OutputTrack& out) { return out.last_dts.has_value(); });
  if (!written) return;
  begin_epoch();
  for (OutputTrack& out : tracks_) out.starts_over = true;
}

void Fmp4Output::flush() {
  for (OutputTrack& out : tracks_) write_held(out);
}

void Fmp4Output::write_held(OutputTrack& out) {
  if (out.held.empty()) return;
  ready_.push_back(mp4::write_fragment(sequence_++, out.track.id, out.held));
  out.held.clear();
  out.held_bytes = 0;
}

std::optional<Bytes> Fmp4Output::pop() {
  if (ready_.empty()) return std::nullopt;
  Bytes bytes = std::move(ready_.front());
  ready_.pop_front();
  return bytes;
}

std::uint64_t Fmp4Output::end_us() const {
  std::int64_t end = 0;
  for (const OutputTrack& out : tracks_) {
    end = std::max(end, to_us(out.end, out.track.timescale));
  }
  return static_cast<std::uint64_t>(end);
}

}  // namespace moq::mux
