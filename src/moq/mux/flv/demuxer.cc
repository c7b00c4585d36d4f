#include "moq/mux/flv/demuxer.h"

#include "moq/base/log.h"

namespace moq::mux::flv {
namespace {

/// What a decoder of MP3 starts with: a frame's header.
constexpr std::size_t kMp3Header = 4;

/// Whether frames of that format decode without what comes before them in the stream.
bool needs_config(std::string_view format) {
  return format != "mp3" && format != "vp8" && format != "vp9" && format != "av01";
}

}  // namespace

Result<void> FlvDemuxer::push(const Bytes& data, Found& out) {
  tags_.push(data.span());
  for (;;) {
    MOQ_TRY(const std::optional<Tag> tag, tags_.next());
    if (!tag) return {};
    take(*tag, out);
  }
}

Result<void> FlvDemuxer::finish(Found&) { return tags_.finish(); }

bool FlvDemuxer::found_all() const {
  const auto is_awaited = [this](Kind kind, const Track& track) {
    return tags_.announces(kind) && track.format.empty() && !track.told;
  };
  return !is_awaited(Kind::audio, audio_) && !is_awaited(Kind::video, video_);
}

void FlvDemuxer::take(const Tag& tag, Found& out) {
  const auto id = static_cast<std::uint32_t>(tag.kind);
  Track& track = tag.kind == Kind::video ? video_ : audio_;
  const std::int64_t time_ms = times_.unwrap(tag.timestamp_ms);
  const Content content = parse_content(tag);
  if (content.type == Content::Type::unknown && !std::exchange(track.told, true)) {
    MOQ_LOG(warn, "mux", "flv: {} '{}' is unknown and left out",
            tag.kind == Kind::video ? "video" : "audio", content.format);
  }
  if (content.type == Content::Type::config) {
    note(track, {.id = id, .format = content.format, .init = content.payload}, out);
  }
  if (content.type != Content::Type::frame || content.payload.empty()) return;
  if (track.format != content.format) {
    if (needs_config(content.format)) return;
    const std::size_t size = content.format == "mp3" ? kMp3Header : 0;
    const Bytes init = Bytes::copy(content.payload.slice(0, size).span());
    note(track, {.id = id, .format = content.format, .init = init}, out);
  }
  out.emplace_back(FoundFrame{.track = id,
                              .pts_us = (time_ms + content.composition_ms) * 1000,
                              .payload = content.payload});
}

void FlvDemuxer::note(Track& track, FoundTrack now, Found& out) {
  if (track.format == now.format && track.init == now.init) return;
  track.format = now.format;
  track.init = now.init;
  out.emplace_back(std::move(now));
}

}  // namespace moq::mux::flv
