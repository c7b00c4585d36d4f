#include <array>

#include "moq/mux/mp4/movie.h"

namespace moq::mux::mp4 {
namespace {

constexpr std::uint32_t kMovieTimescale = 1000;
constexpr std::uint16_t kUndetermined = 0x55c4;  // The language "und", 5 bits a letter.

/// The identity transformation, as every header carries it.
void write_matrix(BoxWriter& out) {
  constexpr std::array<std::uint32_t, 9> kIdentity = {0x00010000, 0, 0, 0,         0x00010000,
                                                      0,          0, 0, 0x40000000};
  for (const std::uint32_t value : kIdentity) out.out().u32(value);
}

void write_file_type(BoxWriter& out) {
  const std::size_t ftyp = out.begin("ftyp");
  for (const FourCc brand : {FourCc("iso6"), FourCc(std::uint32_t{0x200}), FourCc("iso6"),
                             FourCc("cmfc"), FourCc("mp41")}) {
    out.out().u32(brand.value);
  }
  out.end(ftyp);
}

void write_movie_header(BoxWriter& out, std::uint32_t next_track_id) {
  const std::size_t mvhd = out.begin_full("mvhd", 0, 0);
  out.out().u32(0).u32(0).u32(kMovieTimescale).u32(0);  // Times, scale, unknown duration.
  out.out().u32(0x00010000).u16(0x0100).u16(0).u64(0);  // Normal speed, full volume.
  write_matrix(out);
  for (int i = 0; i < 6; ++i) out.out().u32(0);
  out.out().u32(next_track_id);
  out.end(mvhd);
}

void write_track_header(BoxWriter& out, const Track& track) {
  const bool audio = track.kind == Track::Kind::audio;
  const std::size_t tkhd = out.begin_full("tkhd", 0, 3);  // Enabled, and in the movie.
  out.out().u32(0).u32(0).u32(track.id).u32(0).u32(0).u64(0);
  out.out().u16(0).u16(audio ? 1 : 0).u16(audio ? 0x0100 : 0).u16(0);
  write_matrix(out);
  out.out().u32(track.entry.width << 16).u32(track.entry.height << 16);
  out.end(tkhd);
}

void write_handler(BoxWriter& out, const Track& track) {
  const bool audio = track.kind == Track::Kind::audio;
  const std::size_t hdlr = out.begin_full("hdlr", 0, 0);
  out.out().u32(0).u32(FourCc(audio ? "soun" : "vide").value).u64(0).u32(0);
  out.out().bytes(as_bytes(audio ? "sound" : "video")).u8(0);
  out.end(hdlr);
}

/// `stbl` with the sample description and no samples: they are in the fragments.
void write_sample_tables(BoxWriter& out, const Track& track) {
  const std::size_t stbl = out.begin("stbl");
  const std::size_t stsd = out.begin_full("stsd", 0, 0);
  out.out().u32(1).bytes(track.entry.box.span());
  out.end(stsd);
  for (const FourCc table : {FourCc("stts"), FourCc("stsc"), FourCc("stsz"), FourCc("stco")}) {
    const std::size_t box = out.begin_full(table, 0, 0);
    if (table == FourCc("stsz")) out.out().u32(0);
    out.out().u32(0);
    out.end(box);
  }
  out.end(stbl);
}

void write_media_information(BoxWriter& out, const Track& track) {
  const std::size_t minf = out.begin("minf");
  if (track.kind == Track::Kind::audio) {
    const std::size_t smhd = out.begin_full("smhd", 0, 0);
    out.out().u32(0);
    out.end(smhd);
  } else {
    const std::size_t vmhd = out.begin_full("vmhd", 0, 1);
    out.out().u64(0);
    out.end(vmhd);
  }
  const std::size_t dinf = out.begin("dinf");
  const std::size_t dref = out.begin_full("dref", 0, 0);
  out.out().u32(1);
  out.end(out.begin_full("url ", 0, 1));  // The media is in this file.
  out.end(dref);
  out.end(dinf);
  write_sample_tables(out, track);
  out.end(minf);
}

void write_track(BoxWriter& out, const Track& track) {
  const std::size_t trak = out.begin("trak");
  write_track_header(out, track);
  const std::size_t mdia = out.begin("mdia");
  const std::size_t mdhd = out.begin_full("mdhd", 0, 0);
  out.out().u32(0).u32(0).u32(track.timescale).u32(0).u16(kUndetermined).u16(0);
  out.end(mdhd);
  write_handler(out, track);
  write_media_information(out, track);
  out.end(mdia);
  out.end(trak);
}

void write_defaults(BoxWriter& out, std::span<const Track> tracks) {
  const std::size_t mvex = out.begin("mvex");
  for (const Track& track : tracks) {
    const std::size_t trex = out.begin_full("trex", 0, 0);
    out.out().u32(track.id).u32(1).u32(0).u32(0).u32(0);
    out.end(trex);
  }
  out.end(mvex);
}

}  // namespace

Bytes write_init(std::span<const Track> tracks) {
  BoxWriter out;
  write_file_type(out);
  const std::size_t moov = out.begin("moov");
  std::uint32_t next_track_id = 1;
  for (const Track& track : tracks) next_track_id = std::max(next_track_id, track.id + 1);
  write_movie_header(out, next_track_id);
  for (const Track& track : tracks) write_track(out, track);
  write_defaults(out, tracks);
  out.end(moov);
  return out.take();
}

}  // namespace moq::mux::mp4
