#include <cstddef>
#include <cstdint>

#include "moq/mux/mp4/demuxer.h"

/// The demuxer, fed in two pieces, and what it yields written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::mux::mp4;
  const moq::Bytes input = moq::Bytes::copy(moq::ByteSpan(data, size));
  Demuxer demuxer;
  Movie movie;
  demuxer.push(input.slice(0, size / 2));
  bool rest = true;
  for (;;) {
    const auto event = demuxer.next();
    if (!event) return 0;
    if (!*event) {
      if (!std::exchange(rest, false)) break;
      demuxer.push(input.slice(size / 2));
      continue;
    }
    if (const auto* found = std::get_if<Movie>(&**event)) {
      movie = *found;
      if (!parse_init(write_init(movie.tracks))) continue;
    }
    if (const auto* fragment = std::get_if<Fragment>(&**event)) {
      const Track* track = movie.find(fragment->track_id);
      MOQ_ASSERT(track && !fragment->samples.empty());
      const moq::Bytes frame = write_fragment(1, track->id, fragment->samples);
      const auto again = read_cmaf_frame(*track, frame);
      MOQ_ASSERT(again && again->size() == fragment->samples.size());
    }
  }
  (void)read_cmaf_frame(Track{.id = 1, .kind = Track::Kind::video, .timescale = 1}, input);
  return 0;
}
