#include "moq/net/lite/track.h"

#include <utility>

#include "moq/net/lite/message.h"

namespace moq::net::lite {

Result<Track, DecodeError> Track::decode(Reader& in, Version) {
  Track request{.broadcast = read_path(in), .track = read_track_name(in)};
  return in.finish(std::move(request));
}

void Track::encode(Writer& out, Version) const { out.text(broadcast.text()).text(track); }

Result<TrackInfo, DecodeError> TrackInfo::decode(Reader& in, Version version) {
  TrackInfo info{.priority = in.u8()};
  if (has_ordered_byte(version)) in.skip(1);
  info.max_age = read_ms(in);
  info.timescale = in.varint();
  if (info.timescale == 0) in.fail(DecodeError::out_of_range);
  return in.finish(info);
}

void TrackInfo::encode(Writer& out, Version version) const {
  out.u8(priority);
  if (has_ordered_byte(version)) out.u8(0);
  write_ms(out, max_age);
  out.varint(timescale);
}

Result<Fetch, DecodeError> Fetch::decode(Reader& in, Version version) {
  Fetch fetch{.broadcast = read_path(in),
              .track = read_track_name(in),
              .priority = in.u8(),
              .group = in.varint()};
  if (has_frame_range(version)) {
    fetch.frame_start = in.varint();
    fetch.frame_end = in.optional_varint();
    if (fetch.frame_end && *fetch.frame_end < fetch.frame_start) {
      in.fail(DecodeError::out_of_range);
    }
  }
  return in.finish(std::move(fetch));
}

void Fetch::encode(Writer& out, Version version) const {
  out.text(broadcast.text()).text(track).u8(priority).varint(group);
  if (!has_frame_range(version)) return;
  out.varint(frame_start);
  write_optional(out, frame_end);
}

}  // namespace moq::net::lite
