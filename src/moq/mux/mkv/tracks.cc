#include "moq/mux/mkv/tracks.h"

#include <array>

#include "moq/mux/aac.h"

namespace moq::mux::mkv {
namespace {

constexpr std::uint32_t kTrackEntry = 0xae;
constexpr std::uint32_t kTrackNumber = 0xd7;
constexpr std::uint32_t kCodecId = 0x86;
constexpr std::uint32_t kCodecPrivate = 0x63a2;
constexpr std::uint32_t kDefaultDuration = 0x23e383;
constexpr std::uint32_t kCodecDelay = 0x56aa;
constexpr std::uint32_t kAudio = 0xe1;
constexpr std::uint32_t kSamplingFrequency = 0xb5;
constexpr std::uint32_t kChannels = 0x9f;
constexpr std::uint32_t kContentEncodings = 0x6d80;
constexpr std::uint32_t kContentEncoding = 0x6240;
constexpr std::uint32_t kContentCompression = 0x5034;
constexpr std::uint32_t kContentCompAlgo = 0x4254;
constexpr std::uint32_t kContentCompSettings = 0x4255;
constexpr std::uint64_t kHeaderStripping = 3;

void parse_audio(ByteSpan body, TrackEntry& out) {
  ElementReader in(body);
  while (const auto element = in.next()) {
    if (element->id == kSamplingFrequency) {
      out.sample_rate = read_float(element->body).value_or(out.sample_rate);
    }
    if (element->id == kChannels) out.channels = read_uint(element->body).value_or(out.channels);
  }
}

/// Reads a ContentEncoding: only header stripping can be undone without a library.
void parse_encoding(ByteSpan body, TrackEntry& out) {
  std::uint64_t algorithm = 0;
  ByteSpan settings;
  ElementReader in(body);
  while (const auto element = in.next()) {
    if (element->id != kContentCompression) continue;
    ElementReader compression(element->body);
    while (const auto field = compression.next()) {
      if (field->id == kContentCompAlgo) algorithm = read_uint(field->body).value_or(0);
      if (field->id == kContentCompSettings) settings = field->body;
    }
  }
  // Two of them, one on the other, nobody writes.
  if (algorithm != kHeaderStripping || !out.stripped.empty()) out.encoded = true;
  out.stripped = Bytes::copy(settings);
}

TrackEntry parse_entry(ByteSpan body) {
  TrackEntry out;
  ElementReader in(body);
  while (const auto element = in.next()) {
    const ByteSpan value = element->body;
    switch (element->id) {
      case kTrackNumber:
        out.number = read_uint(value).value_or(0);
        break;
      case kCodecId:
        out.codec_id = as_text(value);
        break;
      case kCodecPrivate:
        out.codec_private = Bytes::copy(value);
        break;
      case kDefaultDuration:
        out.default_duration_ns = read_uint(value).value_or(0);
        break;
      case kCodecDelay:
        out.codec_delay_ns = read_uint(value).value_or(0);
        if (out.codec_delay_ns > kMaxCodecDelayNs) out.codec_delay_ns = 0;
        break;
      case kAudio:
        parse_audio(value, out);
        break;
      case kContentEncodings: {
        ElementReader encodings(value);
        while (const auto one = encodings.next()) {
          if (one->id == kContentEncoding) parse_encoding(one->body, out);
        }
        break;
      }
      default:
        break;
    }
  }
  return out;
}

/// What a track's codec id means.
struct Codec {
  std::string_view id;
  std::string_view format;
  bool needs_init = false;
};
constexpr std::array<Codec, 9> kCodecs = {{{"V_MPEG4/ISO/AVC", "avc1", true},
                                           {"V_MPEGH/ISO/HEVC", "hvc1", true},
                                           {"V_AV1", "av01"},
                                           {"V_VP8", "vp8"},
                                           {"V_VP9", "vp9"},
                                           {"A_OPUS", "opus", true},
                                           {"A_AAC", "aac", true},
                                           {"A_FLAC", "flac", true},
                                           {"A_MPEG/L3", "mp3"}}};

/// The marker and STREAMINFO alone, as the last of the metadata: comments and pictures are of no
/// use here. RFC 9639 §8.
Bytes first_flac_block(const Bytes& header) {
  constexpr std::size_t kStreamInfoEnd = 4 + 4 + 34;
  if (header.size() < kStreamInfoEnd) return {};
  std::vector<std::uint8_t> out(header.begin(), header.begin() + kStreamInfoEnd);
  out[4] |= 0x80;
  return Bytes::copy(out);
}

Bytes aac_init(const TrackEntry& entry) {
  if (!entry.codec_private.empty()) return entry.codec_private;
  // Old files name the profile in the id and have no configuration.
  if (!(entry.sample_rate >= 1 && entry.sample_rate < 1e6) || entry.channels > 8) return {};
  return aac::Config{.sample_rate = static_cast<std::uint32_t>(entry.sample_rate),
                     .channels = static_cast<std::uint32_t>(entry.channels)}
      .encode();
}

}  // namespace

Result<std::vector<TrackEntry>> parse_tracks(ByteSpan body) {
  std::vector<TrackEntry> out;
  ElementReader in(body);
  while (const auto element = in.next()) {
    if (element->id != kTrackEntry) continue;
    if (out.size() == kMaxTracks) return fail(Code::too_many, "mkv: too many tracks");
    out.push_back(parse_entry(element->body));
  }
  return out;
}

std::optional<FoundTrack> found_track(const TrackEntry& entry) {
  if (entry.encoded || entry.number == 0 || entry.number > UINT32_MAX) return std::nullopt;
  for (const Codec& codec : kCodecs) {
    const bool is_old_aac = codec.format == "aac" && entry.codec_id.starts_with("A_AAC/");
    if (entry.codec_id != codec.id && !is_old_aac) continue;
    FoundTrack out{.id = static_cast<std::uint32_t>(entry.number),
                   .format = std::string(codec.format),
                   .init = entry.codec_private};
    if (out.format == "aac") out.init = aac_init(entry);
    if (out.format == "flac") out.init = first_flac_block(entry.codec_private);
    if (out.format.starts_with("vp") || out.format == "mp3") out.init = Bytes();
    if (codec.needs_init && out.init.empty()) return std::nullopt;
    if (codec.id.starts_with("V_") && entry.default_duration_ns != 0) {
      out.framerate = 1e9 / static_cast<double>(entry.default_duration_ns);
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace moq::mux::mkv
