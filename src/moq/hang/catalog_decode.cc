#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "moq/hang/catalog.h"
#include "moq/hang/internal/fields.h"

namespace moq::hang {
namespace {

constexpr std::uint64_t kMaxJsonInteger = (std::uint64_t{1} << 53) - 1;

using OptionalError = std::optional<Error>;

/// Degrees as the nearest quarter turn in [0, 360).
double quarter_turns(double degrees) {
  const double turns = std::round(std::fmod(degrees, 360) / 90);
  return std::fmod(turns + 4, 4) * 90;
}

Container read_container(Fields& parent, OptionalError& error) {
  Container container;
  const json::Value* value = parent.object("container");
  if (!value) return container;
  Fields fields(*value, parent.path("container"), error);
  const std::string kind = fields.required_text("kind");
  if (kind == "legacy") {
    container.kind = Container::Kind::legacy;
  } else if (kind == "loc") {
    container.kind = Container::Kind::loc;
  } else if (kind == "cmaf") {
    container.kind = Container::Kind::cmaf;
    std::optional<Bytes> init = fields.base64("init");
    if (!init) fields.fail("init", "missing");
    container.init = std::move(init).value_or(Bytes());
  } else {
    container.kind = Container::Kind::unknown;
    container.other = json::dump(*value);
  }
  return container;
}

VideoRendition read_video(Fields& fields, OptionalError& error) {
  VideoRendition out;
  out.broadcast = fields.text("broadcast");
  out.label = fields.text("label");
  out.codec = fields.required_text("codec");
  out.description = fields.hex("description");
  out.coded_width = fields.u32("codedWidth");
  out.coded_height = fields.u32("codedHeight");
  out.display_aspect_width = fields.u32("displayAspectWidth", "displayRatioWidth");
  out.display_aspect_height = fields.u32("displayAspectHeight", "displayRatioHeight");
  out.bitrate = fields.u64("bitrate");
  out.stalled = fields.boolean("stalled").value_or(false);
  out.framerate = fields.real("framerate");
  out.optimize_for_latency = fields.boolean("optimizeForLatency");
  out.container = read_container(fields, error);
  out.jitter_ms = fields.milliseconds("jitter");
  out.delay_ms = fields.milliseconds("delay");
  out.extra = fields.extra();
  return out;
}

AudioRendition read_audio(Fields& fields, OptionalError& error) {
  AudioRendition out;
  out.broadcast = fields.text("broadcast");
  out.label = fields.text("label");
  out.codec = fields.required_text("codec");
  out.sample_rate = fields.required_u32("sampleRate");
  out.channels = fields.required_u32("numberOfChannels");
  out.bitrate = fields.u64("bitrate");
  out.description = fields.hex("description");
  out.container = read_container(fields, error);
  out.jitter_ms = fields.milliseconds("jitter");
  out.delay_ms = fields.milliseconds("delay");
  out.extra = fields.extra();
  return out;
}

TextRendition read_text(Fields& fields, OptionalError& error) {
  TextRendition out;
  out.broadcast = fields.text("broadcast");
  out.format = fields.required_text("format");
  out.role = fields.text("role").value_or("subtitle");
  out.lang = fields.text("lang");
  out.label = fields.text("label");
  out.container = read_container(fields, error);
  out.jitter_ms = fields.milliseconds("jitter");
  out.delay_ms = fields.milliseconds("delay");
  out.extra = fields.extra();
  return out;
}

DataTrack read_data(Fields& fields, bool is_json) {
  DataTrack out;
  out.broadcast = fields.text("broadcast");
  out.mode = fields.required_text("mode");
  out.compression = fields.text("compression");
  if (is_json) {
    out.schema = fields.text("schema");
  } else {
    out.mime = fields.text("mime");
  }
  out.bitrate = fields.u64("bitrate");
  out.jitter_ms = fields.milliseconds("jitter");
  out.delay_ms = fields.milliseconds("delay");
  out.extra = fields.extra();
  return out;
}

/// Reads a map of track name to entry; `limit` is lowered by each entry.
template <typename Read>
auto read_map(const json::Value& value, const std::string& path, OptionalError& error,
              std::size_t& limit, Read&& read) {
  using Entry = std::invoke_result_t<Read&, Fields&>;
  std::map<std::string, Entry> out;
  for (const auto& [name, entry] : value.items()) {
    if (error) break;
    if (limit-- == 0) {
      error = Error(Code::too_many, "catalog: too many tracks at " + path);
      break;
    }
    Fields fields(entry, path + "." + name, error);
    out.emplace(name, read(fields));
  }
  return out;
}

void read_video_section(Fields& root, Catalog& out, OptionalError& error, std::size_t& limit) {
  const json::Value* value = root.object("video");
  if (!value) return;
  Fields fields(*value, "video", error);
  if (const json::Value* map = fields.object("renditions")) {
    out.video.renditions = read_map(*map, "video.renditions", error, limit,
                                    [&error](Fields& entry) { return read_video(entry, error); });
  }
  if (const json::Value* display = fields.object("display")) {
    Fields size(*display, "video.display", error);
    out.video.display = Display{size.required_u32("width"), size.required_u32("height")};
  }
  if (const std::optional<double> rotation = fields.real("rotation")) {
    out.video.rotation = quarter_turns(*rotation);
  }
  out.video.flip = fields.boolean("flip");
  out.video.extra = fields.extra();
}

void read_audio_section(Fields& root, Catalog& out, OptionalError& error, std::size_t& limit) {
  const json::Value* value = root.object("audio");
  if (!value) return;
  Fields fields(*value, "audio", error);
  if (const json::Value* map = fields.object("renditions")) {
    out.audio.renditions = read_map(*map, "audio.renditions", error, limit,
                                    [&error](Fields& entry) { return read_audio(entry, error); });
  }
  out.audio.extra = fields.extra();
}

/// True if `value` has the inner map that makes the section ours; else it is somebody else's key.
bool has_map(const json::Value& root, std::string_view section, std::string_view inner) {
  const auto it = root.find(section);
  if (it == root.end() || !it->is_object()) return false;
  const auto map = it->find(inner);
  return map != it->end() && map->is_object();
}

void read_text_section(Fields& root, Catalog& out, OptionalError& error, std::size_t& limit) {
  const json::Value* value = root.object("text");
  if (!value) return;
  Fields fields(*value, "text", error);
  out.text.renditions = read_map(*fields.object("renditions"), "text.renditions", error, limit,
                                 [&error](Fields& entry) { return read_text(entry, error); });
  out.text.extra = fields.extra();
}

std::map<std::string, DataTrack> read_data_section(Fields& root, std::string_view section,
                                                   OptionalError& error, std::size_t& limit) {
  const json::Value* value = root.object(section);
  if (!value) return {};
  const bool is_json = section == "json";
  return read_map(value->at("tracks"), std::string(section) + ".tracks", error, limit,
                  [is_json](Fields& entry) { return read_data(entry, is_json); });
}

/// A value that does not decode counts as absent.
std::optional<Archive> read_archive(const json::Value& root) {
  const auto it = root.find("archive");
  if (it == root.end() || it->is_null()) return std::nullopt;
  OptionalError error;
  Fields fields(*it, "archive", error);
  Archive out;
  out.track = fields.required_text("track");
  out.timescale = fields.u32("timescale").value_or(out.timescale);
  out.duration_max = fields.u64("durationMax");
  out.replay = fields.text("replay");
  out.store = fields.text("store");
  out.version = fields.u64("version");
  out.extra = fields.extra();
  if (error || out.timescale == 0) return std::nullopt;
  return out;
}

std::optional<WallClock> read_clock(Fields& root, OptionalError& error) {
  const json::Value* value = root.object("clock");
  if (!value) return std::nullopt;
  Fields fields(*value, "clock", error);
  WallClock out;
  const std::optional<std::uint64_t> wall = fields.u64("wall", kMaxJsonInteger);
  if (!wall) fields.fail("wall", "missing");
  out.wall = wall.value_or(0);
  // Unlike elsewhere, a null here is an error, not the default.
  if (const auto it = value->find("timescale"); it != value->end() && it->is_null()) {
    fields.fail("timescale", "null");
  }
  out.timescale = fields.u64("timescale").value_or(out.timescale);
  if (out.timescale == 0) fields.fail("timescale", "zero");
  out.extra = fields.extra();
  return out;
}

}  // namespace

CatalogFormat detect_catalog_format(std::string_view broadcast) {
  return broadcast.ends_with(".msf") ? CatalogFormat::msf : CatalogFormat::hang;
}

std::string_view catalog_track_name(CatalogFormat format) {
  switch (format) {
    case CatalogFormat::hang_compressed:
      return kCompressedCatalogTrack;
    case CatalogFormat::msf:
      return kMsfCatalogTrack;
    case CatalogFormat::hang:
      break;
  }
  return kCatalogTrack;
}

bool is_reserved_section(std::string_view name) {
  constexpr std::array<std::string_view, 8> kOurs = {"video", "audio", "archive", "clock",
                                                     "text",  "json",  "binary",  "timeline"};
  return std::ranges::find(kOurs, name) != kOurs.end();
}

Result<Catalog> Catalog::decode(std::string_view text) {
  if (text.size() > kMaxCatalogBytes) return fail(Code::too_many, "catalog: too large");
  auto parsed = json::parse(text);
  if (!parsed) return std::unexpected(parsed.error().with_context("catalog"));
  OptionalError error;
  Fields root(*parsed, "", error);
  if (error) return std::unexpected(*std::move(error));

  Catalog out;
  std::size_t renditions = kMaxRenditions;
  std::size_t data = kMaxDataTracks;
  read_video_section(root, out, error, renditions);
  read_audio_section(root, out, error, renditions);
  root.known("archive");
  root.known("timeline");  // The place of the index before hang 0.21.
  out.archive = read_archive(*parsed);
  out.clock = read_clock(root, error);
  if (has_map(*parsed, "text", "renditions")) read_text_section(root, out, error, renditions);
  if (has_map(*parsed, "json", "tracks")) out.json = read_data_section(root, "json", error, data);
  if (has_map(*parsed, "binary", "tracks")) {
    out.binary = read_data_section(root, "binary", error, data);
  }
  out.extra = root.extra();
  if (error) return std::unexpected(*std::move(error));
  return out;
}

}  // namespace moq::hang
