#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// The hang catalog: the JSON that says which tracks a broadcast has and how to decode them.
namespace moq::hang {

/// Names of the catalog tracks, plain and compressed (`flate.h`).
inline constexpr std::string_view kCatalogTrack = "catalog.json";
inline constexpr std::string_view kCompressedCatalogTrack = "catalog.json.z";
/// The track of the MSF catalog (`msf_catalog.h`).
inline constexpr std::string_view kMsfCatalogTrack = "catalog";

/// Publisher priorities, higher first.
inline constexpr std::uint8_t kCatalogPriority = 100;
inline constexpr std::uint8_t kTextPriority = 90;
inline constexpr std::uint8_t kAudioPriority = 80;
inline constexpr std::uint8_t kVideoPriority = 60;

/// Renditions of video, audio and text together; peers refuse a catalog with more.
inline constexpr std::size_t kMaxRenditions = 64;
/// Data tracks (json and binary together), as many as renditions: each may become a subscription.
inline constexpr std::size_t kMaxDataTracks = 64;
/// Text of one catalog: 64 renditions with an init segment of 32 KiB each, in base64.
inline constexpr std::size_t kMaxCatalogBytes = std::size_t{4} << 20;

/// Keys that we do not know with their values as compact JSON text, kept for republishing.
using Extra = std::map<std::string, std::string>;

/// How the frames of a rendition are wrapped.
struct Container {
  enum class Kind : std::uint8_t {
    legacy,   ///< Timestamp and payload (`container.h`).
    cmaf,     ///< One moof and one mdat (ISO 23000-19).
    loc,      ///< Properties and payload (`container.h`).
    unknown,  ///< Not for us: ignore the rendition, keep it when republishing.
  };
  Kind kind = Kind::legacy;
  Bytes init;         ///< cmaf: ftyp and moov of exactly one track.
  std::string other;  ///< unknown: the whole object as JSON text.
  bool operator==(const Container&) const = default;
};

struct VideoRendition {
  std::optional<std::string> broadcast;  ///< Who has the track; see `resolve_broadcast`.
  std::optional<std::string> label;      ///< For people who pick.
  std::string codec;                     ///< As WebCodecs names it, e.g. `avc1.64001f`.
  std::optional<Bytes> description;      ///< Decoder configuration; none if it is in the stream.
  std::optional<std::uint32_t> coded_width;
  std::optional<std::uint32_t> coded_height;
  std::optional<std::uint32_t> display_aspect_width;
  std::optional<std::uint32_t> display_aspect_height;
  std::optional<std::uint64_t> bitrate;  ///< Bits per second.
  bool stalled = false;                  ///< "Avoid for now".
  std::optional<double> framerate;       ///< As received: may be zero or negative.
  std::optional<bool> optimize_for_latency;
  Container container;
  std::optional<std::uint64_t> jitter_ms;  ///< How long the publisher may hold a frame; never 0.
  std::optional<std::uint64_t> delay_ms;   ///< Behind the earliest rendition; never 0.
  Extra extra;
  bool operator==(const VideoRendition&) const = default;
};

struct AudioRendition {
  std::optional<std::string> broadcast;
  std::optional<std::string> label;
  std::string codec;
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::optional<std::uint64_t> bitrate;
  std::optional<Bytes> description;
  Container container;
  std::optional<std::uint64_t> jitter_ms;
  std::optional<std::uint64_t> delay_ms;
  Extra extra;
  bool operator==(const AudioRendition&) const = default;
};

struct TextRendition {
  std::optional<std::string> broadcast;
  std::string format;             ///< `vtt`, `ttml`, `utf8`; others are not for us.
  std::string role = "subtitle";  ///< Or `caption`, or something later.
  std::optional<std::string> lang;
  std::optional<std::string> label;
  Container container;
  std::optional<std::uint64_t> jitter_ms;
  std::optional<std::uint64_t> delay_ms;
  Extra extra;
  bool operator==(const TextRendition&) const = default;
};

/// A track of JSON values or binary payloads.
struct DataTrack {
  std::optional<std::string> broadcast;
  std::string mode;                        ///< `snapshot`, `stream`; others are not for us.
  std::optional<std::string> compression;  ///< `deflate`; others are not for us.
  std::optional<std::string> schema;       ///< URL of a JSON schema; json tracks only.
  std::optional<std::string> mime;         ///< Media type; binary tracks only.
  std::optional<std::uint64_t> bitrate;
  std::optional<std::uint64_t> jitter_ms;
  std::optional<std::uint64_t> delay_ms;
  Extra extra;
  bool operator==(const DataTrack&) const = default;
};

struct Display {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const Display&) const = default;
};

struct Video {
  std::map<std::string, VideoRendition> renditions;  ///< By track name.
  std::optional<Display> display;
  std::optional<double> rotation;  ///< Degrees clockwise: 0, 90, 180 or 270.
  std::optional<bool> flip;        ///< Mirror horizontally, after rotating.
  Extra extra;
  bool operator==(const Video&) const = default;
};

struct Audio {
  std::map<std::string, AudioRendition> renditions;
  Extra extra;
  bool operator==(const Audio&) const = default;
};

struct Text {
  std::map<std::string, TextRendition> renditions;
  Extra extra;
  bool operator==(const Text&) const = default;
};

/// Where the index of the broadcast is, and maybe its recording.
struct Archive {
  std::string track;
  std::uint32_t timescale = 1000;
  std::optional<std::uint64_t> duration_max;
  std::optional<std::string> replay;
  std::optional<std::string> store;
  std::optional<std::uint64_t> version;
  Extra extra;
  bool operator==(const Archive&) const = default;
};

/// The wall time of media time 0, since 2020-01-01T00:00:00Z.
struct WallClock {
  std::uint64_t wall = 0;               ///< In units of `timescale`; at most 2^53-1.
  std::uint64_t timescale = 1'000'000;  ///< Units per second; not 0.
  Extra extra;
  bool operator==(const WallClock&) const = default;
};

/// The tracks of one broadcast. `draft-lcurley-moq-hang`.
struct Catalog {
  Video video;
  Audio audio;
  std::optional<Archive> archive;
  std::optional<WallClock> clock;
  Text text;
  std::map<std::string, DataTrack> json;
  std::map<std::string, DataTrack> binary;
  Extra extra;  ///< Sections of applications.

  /// `Code::decode` if `text` is no catalog, naming the key; `Code::too_many` above a limit.
  static Result<Catalog> decode(std::string_view text);
  /// Compact JSON, known keys first, each in its fixed place.
  [[nodiscard]] std::string encode() const;

  bool operator==(const Catalog&) const = default;
};

/// Which of its catalogs a broadcast is read by.
enum class CatalogFormat : std::uint8_t {
  hang,             ///< `catalog.json`.
  hang_compressed,  ///< `catalog.json.z`.
  msf,              ///< `catalog`, of draft-ietf-moq-msf.
};
/// What the end of a broadcast's name asks for: `.hang`, `.msf`; hang if it has neither.
[[nodiscard]] CatalogFormat detect_catalog_format(std::string_view broadcast);
/// The name of the format's track.
[[nodiscard]] std::string_view catalog_track_name(CatalogFormat format);

/// Whether `name` is a key of ours at the root of a catalog, which an application's section must
/// not take: readers would find it malformed, or ignore it.
[[nodiscard]] bool is_reserved_section(std::string_view name);

/// The path of the broadcast that `reference` names, seen from the broadcast at `path`: a relative
/// URL whose base's last segment is replaced, so `./source` in `room/transcode` is `room/source`.
/// `Code::decode` if it climbs above the root.
Result<std::string> resolve_broadcast(std::string_view path, std::string_view reference);

}  // namespace moq::hang
