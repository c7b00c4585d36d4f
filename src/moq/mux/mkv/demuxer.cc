#include "moq/mux/mkv/demuxer.h"

#include <algorithm>
#include <array>

#include "moq/base/log.h"
#include "moq/mux/aac.h"
#include "moq/mux/mp3.h"
#include "moq/mux/opus.h"

namespace moq::mux::mkv {
namespace {

constexpr std::uint32_t kEbml = 0x1a45dfa3;
constexpr std::uint32_t kDocType = 0x4282;
constexpr std::uint32_t kSegment = 0x18538067;
constexpr std::uint32_t kInfo = 0x1549a966;
constexpr std::uint32_t kTimestampScale = 0x2ad7b1;
constexpr std::uint32_t kTracks = 0x1654ae6b;
constexpr std::uint32_t kCluster = 0x1f43b675;
constexpr std::uint32_t kTimestamp = 0xe7;
constexpr std::uint32_t kSimpleBlock = 0xa3;
constexpr std::uint32_t kBlockGroup = 0xa0;
constexpr std::uint32_t kBlock = 0xa1;
constexpr std::uint32_t kBlockDuration = 0x9b;
// SeekHead, Cues, Chapters, Tags, Attachments, Void: passed over, however large.
constexpr std::array<std::uint32_t, 6> kPassedOver = {0x114d9b74, 0x1c53bb6b, 0x1043a770,
                                                      0x1254c367, 0x1941a469, 0xec};

constexpr std::uint64_t kMaxTickNs = 1'000'000'000;
/// Times in nanoseconds stay below this, which leaves room to add to them: 73 years.
constexpr std::uint64_t kMaxTimeNs = std::uint64_t{1} << 61;
constexpr std::size_t kMp3Header = 4;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

/// Elements whose children are read as if they stood beside them: ids tell them apart, and sizes
/// are unknown in live streams.
bool is_entered(std::uint32_t id) { return id == kSegment || id == kCluster; }

/// The most that is held of an element; none if it is not for us.
std::optional<std::size_t> held_bytes(std::uint32_t id) {
  if (id == kEbml || id == kInfo || id == kTracks || id == kTimestamp) return kMaxHeaderBytes;
  if (id == kSimpleBlock || id == kBlockGroup) return kMaxBlockBytes;
  return std::nullopt;
}

/// Rounded down, also below 0.
std::int64_t to_us(std::int64_t ns) { return ns / 1000 - (ns % 1000 < 0 ? 1 : 0); }

}  // namespace

Result<void> MkvDemuxer::push(const Bytes& data, Found& out) {
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  const ByteSpan bytes = data.span();
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  for (;;) {
    Result<Step> step = advance(out);
    if (!step) {
      step.error().text += ", at byte " + std::to_string(element_start_);
      return std::unexpected(std::move(step).error());
    }
    if (*step == Step::starved) return {};
  }
}

Result<void> MkvDemuxer::finish(Found&) {
  if (begun_ && skip_ == 0 && rest().empty()) return {};
  return fail(Code::decode,
              "mkv: the input ends within an element, at byte " + std::to_string(element_start_));
}

bool MkvDemuxer::found_all() const {
  return std::ranges::all_of(tracks_, [](const auto& one) { return one.second.told; });
}

Result<MkvDemuxer::Step> MkvDemuxer::advance(Found& out) {
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, rest().size()));
  at_ += skipped;
  position_ += skipped;
  skip_ -= skipped;
  if (rest().empty()) return Step::starved;
  element_start_ = position_;
  MOQ_TRY(const std::optional<ElementHeader> header, read_element_header(rest()));
  if (!header) return Step::starved;
  MOQ_CHECK(check(*header));
  std::size_t taken = header->header_size;
  if (is_entered(header->id)) {
    if (header->id == kCluster) cluster_time_ = 0;
  } else if (!held_bytes(header->id)) {
    skip_ = *header->size;
  } else {
    const auto size = static_cast<std::size_t>(*header->size);
    if (rest().size() < taken + size) return Step::starved;
    const Bytes body = Bytes::copy(rest().subspan(taken, size));
    taken += size;
    MOQ_CHECK(take(header->id, body, out));
  }
  begun_ = true;
  at_ += taken;
  position_ += taken;
  return Step::again;
}

Result<void> MkvDemuxer::check(const ElementHeader& header) const {
  if (!begun_ && header.id != kEbml) {
    return fail(Code::decode, "mkv: the input is no Matroska file");
  }
  if (is_entered(header.id)) return {};
  if (!header.size) return fail(Code::unsupported, "mkv: an element of unknown size");
  const bool any_size = std::ranges::find(kPassedOver, header.id) != kPassedOver.end();
  if (!any_size && *header.size > held_bytes(header.id).value_or(kMaxBlockBytes)) {
    return fail(Code::too_many, "mkv: an element is too large");
  }
  return {};
}

Result<void> MkvDemuxer::take(std::uint32_t id, const Bytes& body, Found& out) {
  switch (id) {
    case kEbml:
      return take_ebml(body.span());
    case kInfo:
      return take_info(body.span());
    case kTracks:
      return take_tracks(body.span(), out);
    case kTimestamp:
      cluster_time_ = read_uint(body.span()).value_or(0);
      return {};
    case kSimpleBlock:
      return take_block(body, std::nullopt, out);
    default:
      return take_group(body, out);
  }
}

Result<void> MkvDemuxer::take_ebml(ByteSpan body) const {
  ElementReader in(body);
  while (const auto element = in.next()) {
    const std::string_view type = as_text(element->body);
    if (element->id == kDocType && !type.starts_with("matroska") && !type.starts_with("webm")) {
      return fail(Code::decode, "mkv: the input is another kind of EBML file");
    }
  }
  return {};
}

Result<void> MkvDemuxer::take_info(ByteSpan body) {
  ElementReader in(body);
  while (const auto element = in.next()) {
    if (element->id == kTimestampScale) tick_ns_ = read_uint(element->body).value_or(0);
  }
  if (tick_ns_ == 0 || tick_ns_ > kMaxTickNs)
    return fail(Code::decode, "mkv: no usable time scale");
  return {};
}

/// Also when they come again, as in a stream that was cut and joined: what is the same goes on.
Result<void> MkvDemuxer::take_tracks(ByteSpan body, Found& out) {
  MOQ_TRY(std::vector<TrackEntry> entries, parse_tracks(body));
  const std::map<std::uint64_t, Track> before = std::exchange(tracks_, {});
  lift_ns_ = 0;
  for (TrackEntry& entry : entries) {
    std::optional<FoundTrack> found = found_track(entry);
    if (!found) {
      MOQ_LOG(warn, "mux", "mkv: track {} of the unknown codec '{}' is left out", entry.number,
              entry.codec_id);
      continue;
    }
    const std::uint64_t number = entry.number;
    lift_ns_ = std::max(lift_ns_, entry.codec_delay_ns);
    const auto former = before.find(number);
    Track track{.entry = std::move(entry), .found = *std::move(found)};
    if (former != before.end() && former->second.entry == track.entry) {
      track.found = former->second.found;
      track.told = former->second.told;
    } else if (track.found.format != "mp3") {
      track.told = true;
      out.emplace_back(track.found);
    }
    tracks_.insert_or_assign(number, std::move(track));
  }
  return {};
}

Result<void> MkvDemuxer::take_group(const Bytes& body, Found& out) {
  std::optional<std::uint64_t> duration;
  ByteSpan block;
  ElementReader in(body.span());
  while (const auto element = in.next()) {
    if (element->id == kBlock) block = element->body;
    if (element->id == kBlockDuration) duration = read_uint(element->body);
  }
  if (block.empty()) return {};
  const auto offset = static_cast<std::size_t>(block.data() - body.data());
  return take_block(body.slice(offset, block.size()), duration, out);
}

Result<void> MkvDemuxer::take_block(const Bytes& body, std::optional<std::uint64_t> duration,
                                    Found& out) {
  MOQ_TRY(Block block, parse_block(body));
  const auto found = tracks_.find(block.track);
  if (found == tracks_.end()) return {};
  Track& track = found->second;
  if (cluster_time_ > kMaxTimeNs / tick_ns_) return fail(Code::decode, "mkv: a time out of range");
  const auto tick_ns = static_cast<std::int64_t>(tick_ns_);
  std::int64_t ns = (static_cast<std::int64_t>(cluster_time_) + block.time) * tick_ns +
                    static_cast<std::int64_t>(lift_ns_ - track.entry.codec_delay_ns);
  const std::uint64_t count = block.frames.size();
  const std::uint64_t share_ns =
      duration && *duration <= kMaxTimeNs / tick_ns_ ? *duration * tick_ns_ / count : 0;
  for (Bytes& frame : block.frames) {
    if (!track.entry.stripped.empty()) {
      frame = join(std::array<Bytes, 2>{track.entry.stripped, frame});
    }
    if (frame.empty()) continue;
    if (!std::exchange(track.told, true)) {
      track.found.init = Bytes::copy(frame.slice(0, kMp3Header).span());
      out.emplace_back(track.found);
    }
    const std::uint64_t own_ns = count > 1 ? frame_ns(track, frame.span()) : 0;
    out.emplace_back(FoundFrame{track.found.id, to_us(ns), std::move(frame)});
    ns += static_cast<std::int64_t>(own_ns != 0 ? own_ns : share_ns);
  }
  return {};
}

/// How long a frame of a laced block lasts; 0 if nothing says it.
std::uint64_t MkvDemuxer::frame_ns(const Track& track, ByteSpan frame) const {
  const TrackEntry& entry = track.entry;
  if (entry.default_duration_ns > 0 && entry.default_duration_ns <= kSecondNs) {
    return entry.default_duration_ns;
  }
  if (track.found.format == "opus") {
    const Duration length = opus::packet_duration(frame).value_or(Duration::zero());
    return static_cast<std::uint64_t>(length.count());
  }
  std::uint64_t samples = track.found.format == "aac" ? aac::kFrameSamples : 0;
  if (track.found.format == "mp3") {
    if (const auto header = mp3::FrameHeader::decode(frame)) samples = header->samples;
  }
  if (!(entry.sample_rate >= 1 && entry.sample_rate < 1e9)) return 0;
  return samples * kSecondNs / static_cast<std::uint64_t>(entry.sample_rate);
}

}  // namespace moq::mux::mkv
