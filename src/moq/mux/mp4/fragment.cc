#include "moq/mux/mp4/fragment.h"

#include <algorithm>

namespace moq::mux::mp4 {
namespace {

// Flags of tfhd, ISO/IEC 14496-12 §8.8.7.
constexpr std::uint32_t kHasBaseOffset = 0x000001;
constexpr std::uint32_t kHasDescription = 0x000002;
constexpr std::uint32_t kHasDefaultDuration = 0x000008;
constexpr std::uint32_t kHasDefaultSize = 0x000010;
constexpr std::uint32_t kHasDefaultFlags = 0x000020;
constexpr std::uint32_t kBaseIsMoof = 0x020000;
// Flags of trun, §8.8.8.
constexpr std::uint32_t kHasDataOffset = 0x000001;
constexpr std::uint32_t kHasFirstFlags = 0x000004;
constexpr std::uint32_t kHasDuration = 0x000100;
constexpr std::uint32_t kHasSize = 0x000200;
constexpr std::uint32_t kHasFlags = 0x000400;
constexpr std::uint32_t kHasOffset = 0x000800;
// Sample flags, §8.8.3.1.
constexpr std::uint32_t kSync = 0x02000000;     // Depends on no other.
constexpr std::uint32_t kNonSync = 0x01010000;  // Depends on others, not a sync sample.

/// Times beyond this are lies: no sum of durations then overflows.
constexpr std::uint64_t kMaxTime = std::uint64_t{1} << 61;

bool is_sync(std::uint32_t flags) {
  const bool non_sync = (flags >> 16 & 1) != 0;
  const bool depends = (flags >> 24 & 3) == 1;
  return !non_sync && !depends;
}

/// One `traf` while it is read.
class TrackRuns {
 public:
  TrackRuns(const Track& track, std::uint64_t moof_position, std::uint64_t implied_base)
      : track_(&track),
        defaults_(track.defaults),
        moof_position_(moof_position),
        base_(implied_base),
        data_(implied_base) {
    out_.fragment.track_id = track.id;
  }

  Result<void> read_header(Reader& in, std::uint32_t flags) {
    if ((flags & kBaseIsMoof) != 0) base_ = moof_position_;
    if ((flags & kHasBaseOffset) != 0) base_ = in.u64();
    if ((flags & kHasDescription) != 0) in.u32();
    if ((flags & kHasDefaultDuration) != 0) defaults_.duration = in.u32();
    if ((flags & kHasDefaultSize) != 0) defaults_.size = in.u32();
    if ((flags & kHasDefaultFlags) != 0) defaults_.flags = in.u32();
    data_ = base_;
    if (!in.ok() || base_ > kMaxTime) return fail(Code::decode, "mp4: a broken tfhd");
    return {};
  }

  Result<void> read_time(ByteSpan tfdt) {
    Reader in(tfdt);
    const bool wide = in.u8() == 1;
    in.u24();
    dts_ = wide ? in.u64() : in.u32();
    has_time_ = true;
    if (!in.ok() || dts_ > kMaxTime) return fail(Code::decode, "mp4: a broken tfdt");
    return {};
  }

  Result<void> read_run(ByteSpan trun) {
    if (!has_time_) return fail(Code::decode, "mp4: a fragment without tfdt");
    Reader in(trun);
    in.u8();
    const std::uint32_t flags = in.u24();
    const std::uint32_t count = in.u32();
    if ((flags & kHasDataOffset) != 0) {
      const auto offset = static_cast<std::int32_t>(in.u32());
      const std::int64_t data = static_cast<std::int64_t>(base_) + offset;
      if (data < 0) return fail(Code::decode, "mp4: data before the start of the file");
      data_ = static_cast<std::uint64_t>(data);
    }
    std::optional<std::uint32_t> first_flags;
    if ((flags & kHasFirstFlags) != 0) first_flags = in.u32();
    if (count > kMaxFragmentSamples - out_.placements.size()) {
      return fail(Code::too_many, "mp4: too many samples in a fragment");
    }
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      read_sample(in, flags, i == 0 ? first_flags : std::nullopt);
    }
    if (!in.ok()) return fail(Code::decode, "mp4: a broken trun");
    return {};
  }

  /// Where the data of the next track begins, if it does not say so.
  [[nodiscard]] std::uint64_t data_end() const { return data_; }

  Result<PlacedFragment> finish() && {
    auto& samples = out_.fragment.samples;
    // Without durations all samples but the last would fall on one time.
    for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
      if (samples[i].duration == 0) return fail(Code::decode, "mp4: a sample without a duration");
    }
    return std::move(out_);
  }

 private:
  void read_sample(Reader& in, std::uint32_t flags, std::optional<std::uint32_t> first_flags) {
    const std::uint32_t duration = (flags & kHasDuration) != 0 ? in.u32() : defaults_.duration;
    const std::uint32_t size = (flags & kHasSize) != 0 ? in.u32() : defaults_.size;
    std::uint32_t sample_flags = (flags & kHasFlags) != 0 ? in.u32() : defaults_.flags;
    if (first_flags) sample_flags = *first_flags;
    // Version 0 says unsigned, but writers put negative offsets there too.
    const std::uint32_t offset = (flags & kHasOffset) != 0 ? in.u32() : 0;
    Sample sample{.dts = dts_,
                  .composition_offset = static_cast<std::int32_t>(offset),
                  .duration = duration,
                  .keyframe = track_->kind == Track::Kind::audio || is_sync(sample_flags)};
    shift_by_edit(sample);
    out_.fragment.samples.push_back(std::move(sample));
    out_.placements.push_back({.offset = data_, .size = size});
    dts_ += duration;
    data_ += size;
  }

  /// Applies the edit list. Decode times are not below 0: where there is no room before the first,
  /// video is shown earlier after its decoding, and audio begins at 0.
  void shift_by_edit(Sample& sample) const {
    const std::int64_t shift = track_->edit_shift;
    if (shift >= 0) {
      sample.dts += static_cast<std::uint64_t>(shift);
    } else if (track_->kind == Track::Kind::audio) {
      sample.dts -= std::min(sample.dts, static_cast<std::uint64_t>(-shift));
    } else if (shift + sample.composition_offset >= INT32_MIN) {
      sample.composition_offset = static_cast<std::int32_t>(shift + sample.composition_offset);
    }
  }

  const Track* track_;
  SampleDefaults defaults_;
  std::uint64_t moof_position_;
  std::uint64_t base_;
  std::uint64_t data_;
  std::uint64_t dts_ = 0;
  bool has_time_ = false;
  PlacedFragment out_;
};

/// Reads one `traf`; none if its track is not for us. `data_end` is where the data before it ended.
Result<std::optional<PlacedFragment>> parse_track_fragment(const Movie& movie, ByteSpan traf,
                                                           std::uint64_t position,
                                                           std::uint64_t& data_end) {
  const std::optional<Box> tfhd = find_box(traf, "tfhd");
  Reader in(tfhd ? tfhd->body : ByteSpan());
  in.u8();
  const std::uint32_t flags = in.u24();
  const std::uint32_t id = in.u32();
  if (!in.ok()) return fail(Code::decode, "mp4: a broken tfhd");
  const Track* track = movie.find(id);
  if (!track || track->kind == Track::Kind::other) return std::nullopt;

  TrackRuns runs(*track, position, data_end);
  MOQ_CHECK(runs.read_header(in, flags));
  BoxReader boxes(traf);
  for (;;) {
    MOQ_TRY(const std::optional<Box> box, boxes.next());
    if (!box) break;
    if (box->type == FourCc("tfdt")) MOQ_CHECK(runs.read_time(box->body));
    if (box->type == FourCc("trun")) MOQ_CHECK(runs.read_run(box->body));
  }
  data_end = runs.data_end();
  MOQ_TRY(PlacedFragment out, std::move(runs).finish());
  if (out.placements.empty()) return std::nullopt;
  return out;
}

}  // namespace

Result<std::vector<PlacedFragment>> parse_fragment(const Movie& movie, ByteSpan moof,
                                                   std::uint64_t position) {
  std::vector<PlacedFragment> out;
  BoxReader boxes(moof);
  std::uint64_t data_end = position;
  for (;;) {
    MOQ_TRY(const std::optional<Box> box, boxes.next());
    if (!box) return out;
    if (box->type != FourCc("traf")) continue;
    if (out.size() == kMaxTracks) return fail(Code::too_many, "mp4: too many tracks in a fragment");
    MOQ_TRY(auto track, parse_track_fragment(movie, box->body, position, data_end));
    if (track) out.push_back(*std::move(track));
  }
}

Result<Fragment> resolve(PlacedFragment placed, const Bytes& data, std::uint64_t position) {
  for (std::size_t i = 0; i < placed.placements.size(); ++i) {
    const Placement& place = placed.placements[i];
    const std::uint64_t at = place.offset - position;
    if (place.offset < position || at > data.size() || place.size > data.size() - at) {
      return fail(Code::decode, "mp4: a sample outside of its mdat");
    }
    placed.fragment.samples[i].payload =
        data.slice(static_cast<std::size_t>(at), static_cast<std::size_t>(place.size));
  }
  return std::move(placed.fragment);
}

Result<std::vector<Sample>> read_cmaf_frame(const Track& track, const Bytes& frame) {
  const std::optional<Box> moof = find_box(frame.span(), "moof");
  const std::optional<Box> mdat = find_box(frame.span(), "mdat");
  if (!moof || !mdat) return fail(Code::decode, "cmaf: a frame without moof and mdat");
  const auto offset_of = [&frame](ByteSpan part) {
    return static_cast<std::size_t>(part.data() - frame.data());
  };
  // The one track of the frame is ours, whatever id its writer gave it.
  const std::optional<Box> traf = find_box(moof->body, "traf");
  const std::optional<Box> tfhd = traf ? find_box(traf->body, "tfhd") : std::nullopt;
  Reader in(tfhd ? tfhd->body : ByteSpan());
  in.u32();
  Movie movie;
  movie.tracks.push_back(track);
  movie.tracks.front().id = in.u32();
  if (!in.ok()) return fail(Code::decode, "cmaf: a broken tfhd");
  MOQ_TRY(auto placed, parse_fragment(movie, moof->body, offset_of(moof->whole)));
  if (placed.size() != 1) return fail(Code::decode, "cmaf: not the samples of one track");
  // Samples follow one another from the start of mdat: readers of other peers ignore data_offset,
  // so there are writers whose offsets are wrong.
  std::uint64_t at = offset_of(mdat->body);
  for (Placement& place : placed.front().placements) {
    place.offset = at;
    at += place.size;
  }
  MOQ_TRY(Fragment fragment, resolve(std::move(placed.front()), frame, 0));
  return std::move(fragment.samples);
}

Bytes write_fragment(std::uint32_t sequence, std::uint32_t track_id,
                     std::span<const Sample> samples) {
  MOQ_ASSERT(!samples.empty());
  const bool offsets = std::ranges::any_of(
      samples, [](const Sample& sample) { return sample.composition_offset != 0; });
  const bool durations =
      std::ranges::any_of(samples, [](const Sample& sample) { return sample.duration != 0; });
  BoxWriter out;
  const std::size_t moof = out.begin("moof");
  const std::size_t mfhd = out.begin_full("mfhd", 0, 0);
  out.out().u32(sequence);
  out.end(mfhd);
  const std::size_t traf = out.begin("traf");
  const std::size_t tfhd = out.begin_full("tfhd", 0, kBaseIsMoof);
  out.out().u32(track_id);
  out.end(tfhd);
  const std::size_t tfdt = out.begin_full("tfdt", 1, 0);
  out.out().u64(samples.front().dts);
  out.end(tfdt);
  const std::uint32_t flags = kHasDataOffset | kHasSize | kHasFlags |
                              (durations ? kHasDuration : 0) | (offsets ? kHasOffset : 0);
  const std::size_t trun = out.begin_full("trun", 1, flags);
  out.out().u32(static_cast<std::uint32_t>(samples.size()));
  const std::size_t data_offset = out.out().size();
  out.out().u32(0);
  std::vector<Bytes> parts(1);
  std::uint32_t payload = 0;
  for (const Sample& sample : samples) {
    const auto size = static_cast<std::uint32_t>(sample.payload.size());
    if (durations) out.out().u32(sample.duration);
    out.out().u32(size).u32(sample.keyframe ? kSync : kNonSync);
    if (offsets) out.out().u32(static_cast<std::uint32_t>(sample.composition_offset));
    payload += size;
    parts.push_back(sample.payload);
  }
  out.end(trun);
  out.end(traf);
  out.end(moof);
  out.out().u32(payload + 8).u32(FourCc("mdat").value);
  out.out().patch_u32(data_offset, static_cast<std::uint32_t>(out.out().size()));
  parts.front() = out.take();
  return join(parts);
}

}  // namespace moq::mux::mp4
