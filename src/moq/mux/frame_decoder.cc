#include "moq/hang/container.h"
#include "moq/mux/track_reader.h"

namespace moq::mux {

constexpr std::uint64_t kMicroseconds = 1'000'000;

Result<FrameDecoder> FrameDecoder::create(const hang::Container& container, mp4::Track::Kind kind) {
  FrameDecoder out;
  out.container_ = container.kind;
  out.kind_ = kind;
  if (container.kind == hang::Container::Kind::unknown) {
    return fail(Code::unsupported, "an unknown container");
  }
  if (container.kind != hang::Container::Kind::cmaf) return out;
  MOQ_TRY(mp4::Movie movie, mp4::parse_init(container.init));
  if (movie.tracks.size() != 1 || movie.tracks[0].kind != kind) {
    return fail(Code::decode, "cmaf: the init segment is not of one such track");
  }
  out.track_ = std::move(movie.tracks[0]);
  return out;
}

std::uint64_t FrameDecoder::timescale() const { return track_ ? track_->timescale : kMicroseconds; }

Result<std::vector<mp4::Sample>> FrameDecoder::decode(const Bytes& frame, bool first) const {
  std::vector<mp4::Sample> out;
  if (track_) {
    MOQ_TRY(out, mp4::read_cmaf_frame(*track_, frame));
    if (first && !out.empty()) out.front().keyframe = true;
    return out;
  }
  const bool is_loc = container_ == hang::Container::Kind::loc;
  MOQ_TRY(hang::Frame one,
          is_loc ? hang::decode_loc(frame, first) : hang::decode_legacy(frame, first));
  if (one.is_mark()) return out;
  out.push_back({.dts = one.timestamp_us,
                 .keyframe = first || kind_ == mp4::Track::Kind::audio,
                 .payload = std::move(one.payload)});
  return out;
}

}  // namespace moq::mux
