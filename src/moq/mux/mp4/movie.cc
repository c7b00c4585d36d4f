#include "moq/mux/mp4/movie.h"

#include <algorithm>

namespace moq::mux::mp4 {
namespace {

/// Edits beyond a day are lies.
constexpr std::int64_t kMaxEditSeconds = 24 * 3600;

Error broken(std::string_view what) {
  return {Code::decode, "mp4: " + std::string(what) + " is missing or broken"};
}

/// Skips version, flags, and the two times of a header box. Returns its version.
std::uint8_t skip_times(Reader& in) {
  const std::uint8_t version = in.u8();
  in.u24();
  in.skip(version == 1 ? 16 : 8);
  return version;
}

Result<void> read_track_header(ByteSpan trak, Track& out) {
  const std::optional<Box> tkhd = find_box(trak, "tkhd");
  Reader in(tkhd ? tkhd->body : ByteSpan());
  skip_times(in);
  out.id = in.u32();
  if (!in.ok() || out.id == 0) return std::unexpected(broken("tkhd"));
  return {};
}

Result<void> read_media_header(ByteSpan mdia, Track& out) {
  const std::optional<Box> mdhd = find_box(mdia, "mdhd");
  Reader in(mdhd ? mdhd->body : ByteSpan());
  skip_times(in);
  out.timescale = in.u32();
  if (!in.ok() || out.timescale == 0) return std::unexpected(broken("mdhd"));
  return {};
}

Result<void> read_handler(ByteSpan mdia, Track& out) {
  const std::optional<Box> hdlr = find_box(mdia, "hdlr");
  Reader in(hdlr ? hdlr->body : ByteSpan());
  in.skip(8);
  out.handler = FourCc(in.u32());
  if (!in.ok()) return std::unexpected(broken("hdlr"));
  if (out.handler == FourCc("vide")) out.kind = Track::Kind::video;
  if (out.handler == FourCc("soun")) out.kind = Track::Kind::audio;
  return {};
}

Result<void> read_entry(const Bytes& moov, ByteSpan mdia, Track& out) {
  const std::optional<Box> minf = find_box(mdia, "minf");
  const std::optional<Box> stbl = minf ? find_box(minf->body, "stbl") : std::nullopt;
  const std::optional<Box> stsd = stbl ? find_box(stbl->body, "stsd") : std::nullopt;
  if (!stsd || stsd->body.size() < 8) return std::unexpected(broken("stsd"));
  const ByteSpan entries = stsd->body.subspan(8);
  const auto offset = static_cast<std::size_t>(entries.data() - moov.data());
  MOQ_TRY(out.entry,
          parse_sample_entry(moov.slice(offset, entries.size()), out.kind == Track::Kind::video));
  return {};
}

/// Units per second of the edits' durations; 0 if the movie does not say.
std::uint32_t read_movie_timescale(ByteSpan moov) {
  const std::optional<Box> mvhd = find_box(moov, "mvhd");
  Reader in(mvhd ? mvhd->body : ByteSpan());
  skip_times(in);
  return in.u32();
}

/// `value` from one count of units per second to another, to the nearest. `from` is not 0, and
/// nothing is negative.
std::int64_t rescale(std::int64_t value, std::int64_t from, std::int64_t to) {
  const __int128_t scaled = (static_cast<__int128_t>(value) * to + from / 2) / from;
  return static_cast<std::int64_t>(scaled);
}

/// Pauses at the start move forward, and the first edit that shows media says how far to move back.
/// Later ones are tolerated and ignored.
std::int64_t read_edits(ByteSpan trak, std::uint32_t movie_timescale, std::uint32_t timescale) {
  const std::optional<Box> edts = find_box(trak, "edts");
  const std::optional<Box> elst = edts ? find_box(edts->body, "elst") : std::nullopt;
  if (!elst) return 0;
  const std::int64_t most = kMaxEditSeconds * timescale;
  Reader in(elst->body);
  const bool wide = in.u8() == 1;
  in.u24();
  const std::uint32_t count = in.u32();
  std::int64_t pause = 0;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t duration = wide ? in.u64() : in.u32();
    const std::int64_t time =
        wide ? static_cast<std::int64_t>(in.u64()) : static_cast<std::int32_t>(in.u32());
    in.u32();
    if (!in.ok() || time > most) return 0;
    if (time >= 0) return pause - time;
    if (movie_timescale == 0) continue;
    if (duration > std::uint64_t{kMaxEditSeconds} * movie_timescale) return 0;
    pause += rescale(static_cast<std::int64_t>(duration), movie_timescale, timescale);
    if (pause > most) return 0;
  }
  return 0;
}

Result<Track> parse_track(const Bytes& moov, ByteSpan trak, std::uint32_t movie_timescale) {
  Track out;
  MOQ_CHECK(read_track_header(trak, out));
  const std::optional<Box> mdia = find_box(trak, "mdia");
  if (!mdia) return std::unexpected(broken("mdia"));
  MOQ_CHECK(read_handler(mdia->body, out));
  if (out.kind == Track::Kind::other) return out;
  MOQ_CHECK(read_media_header(mdia->body, out));
  MOQ_CHECK(read_entry(moov, mdia->body, out));
  out.edit_shift = read_edits(trak, movie_timescale, out.timescale);
  return out;
}

/// Gives each track of `out` its defaults from `mvex`.
Result<void> read_defaults(ByteSpan mvex, Movie& out) {
  BoxReader boxes(mvex);
  for (;;) {
    MOQ_TRY(const std::optional<Box> box, boxes.next());
    if (!box) return {};
    if (box->type != FourCc("trex")) continue;
    Reader in(box->body);
    in.u32();
    const std::uint32_t id = in.u32();
    in.u32();  // The sample description; we know one per track.
    const SampleDefaults defaults{.duration = in.u32(), .size = in.u32(), .flags = in.u32()};
    if (!in.ok()) return std::unexpected(broken("trex"));
    for (Track& track : out.tracks) {
      if (track.id == id) track.defaults = defaults;
    }
  }
}

}  // namespace

const Track* Movie::find(std::uint32_t id) const {
  const auto it = std::ranges::find(tracks, id, &Track::id);
  return it == tracks.end() ? nullptr : &*it;
}

Result<Movie> parse_movie(const Bytes& moov) {
  Movie out;
  const std::uint32_t movie_timescale = read_movie_timescale(moov.span());
  BoxReader boxes(moov.span());
  for (;;) {
    MOQ_TRY(const std::optional<Box> box, boxes.next());
    if (!box) break;
    if (box->type == FourCc("mvex")) out.fragmented = true;
    if (box->type != FourCc("trak")) continue;
    if (out.tracks.size() == kMaxTracks) return fail(Code::too_many, "mp4: too many tracks");
    MOQ_TRY(Track track, parse_track(moov, box->body, movie_timescale));
    if (out.find(track.id)) return fail(Code::decode, "mp4: two tracks have one id");
    out.tracks.push_back(std::move(track));
  }
  if (const std::optional<Box> mvex = find_box(moov.span(), "mvex")) {
    MOQ_CHECK(read_defaults(mvex->body, out));
  }
  return out;
}

void lift_edits(Movie& movie) {
  std::int64_t lead = 0;
  std::int64_t timescale = 1;
  for (const Track& track : movie.tracks) {
    const auto longer = static_cast<__int128_t>(-track.edit_shift) * timescale;
    if (longer <= static_cast<__int128_t>(lead) * track.timescale) continue;
    lead = -track.edit_shift;
    timescale = track.timescale;
  }
  for (Track& track : movie.tracks) {
    // What is rounded down must not go below 0 either.
    track.edit_shift =
        std::max(std::int64_t{0}, track.edit_shift + rescale(lead, timescale, track.timescale));
  }
}

Result<Movie> parse_init(const Bytes& init) {
  const std::optional<Box> moov = find_box(init.span(), "moov");
  if (!moov) return std::unexpected(broken("moov"));
  const auto offset = static_cast<std::size_t>(moov->body.data() - init.data());
  return parse_movie(init.slice(offset, moov->body.size()));
}

}  // namespace moq::mux::mp4
