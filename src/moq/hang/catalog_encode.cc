#include "moq/hang/catalog.h"
#include "moq/hang/encoding.h"
#include "moq/hang/internal/json.h"

namespace moq::hang {
namespace {

using json::ObjectWriter;

void write_extra(ObjectWriter& out, const Extra& extra) {
  for (const auto& [key, value] : extra) out.raw(key, value);
}

void write_hex(ObjectWriter& out, std::string_view key, const std::optional<Bytes>& bytes) {
  if (bytes) out.text(key, to_hex(*bytes));
}

void write_boolean(ObjectWriter& out, std::string_view key, const std::optional<bool>& value) {
  if (value) out.boolean(key, *value);
}

/// Leading `./` is implied, so it is left out.
void write_broadcast(ObjectWriter& out, const std::optional<std::string>& reference) {
  if (!reference) return;
  std::string_view text = *reference;
  if (text.starts_with("./")) text.remove_prefix(2);
  if (!text.empty()) out.text("broadcast", text);
}

void write_milliseconds(ObjectWriter& out, std::string_view key,
                        const std::optional<std::uint64_t>& value) {
  if (value && *value != 0) out.number(key, *value);
}

std::string container_text(const Container& container) {
  ObjectWriter out;
  switch (container.kind) {
    case Container::Kind::legacy:
      return out.text("kind", "legacy").take();
    case Container::Kind::loc:
      return out.text("kind", "loc").take();
    case Container::Kind::unknown:
      return container.other;
    case Container::Kind::cmaf:
      break;
  }
  return out.text("kind", "cmaf").text("init", to_base64(container.init)).take();
}

std::string text_of(const VideoRendition& video) {
  ObjectWriter out;
  write_broadcast(out, video.broadcast);
  out.text_if("label", video.label).text("codec", video.codec);
  write_hex(out, "description", video.description);
  out.number_if("codedWidth", video.coded_width).number_if("codedHeight", video.coded_height);
  out.number_if("displayAspectWidth", video.display_aspect_width);
  out.number_if("displayAspectHeight", video.display_aspect_height);
  out.number_if("bitrate", video.bitrate);
  if (video.stalled) out.boolean("stalled", true);
  if (video.framerate) out.real("framerate", *video.framerate);
  write_boolean(out, "optimizeForLatency", video.optimize_for_latency);
  out.raw("container", container_text(video.container));
  write_milliseconds(out, "jitter", video.jitter_ms);
  write_milliseconds(out, "delay", video.delay_ms);
  write_extra(out, video.extra);
  return out.take();
}

std::string text_of(const AudioRendition& audio) {
  ObjectWriter out;
  write_broadcast(out, audio.broadcast);
  out.text_if("label", audio.label).text("codec", audio.codec);
  out.number("sampleRate", audio.sample_rate);
  out.number("numberOfChannels", audio.channels);
  out.number_if("bitrate", audio.bitrate);
  write_hex(out, "description", audio.description);
  out.raw("container", container_text(audio.container));
  write_milliseconds(out, "jitter", audio.jitter_ms);
  write_milliseconds(out, "delay", audio.delay_ms);
  write_extra(out, audio.extra);
  return out.take();
}

std::string text_of(const TextRendition& text) {
  ObjectWriter out;
  write_broadcast(out, text.broadcast);
  out.text("format", text.format).text("role", text.role);
  out.text_if("lang", text.lang).text_if("label", text.label);
  out.raw("container", container_text(text.container));
  write_milliseconds(out, "jitter", text.jitter_ms);
  write_milliseconds(out, "delay", text.delay_ms);
  write_extra(out, text.extra);
  return out.take();
}

std::string text_of(const DataTrack& track) {
  ObjectWriter out;
  write_broadcast(out, track.broadcast);
  out.text("mode", track.mode).text_if("compression", track.compression);
  out.text_if("schema", track.schema).text_if("mime", track.mime);
  out.number_if("bitrate", track.bitrate);
  write_milliseconds(out, "jitter", track.jitter_ms);
  write_milliseconds(out, "delay", track.delay_ms);
  write_extra(out, track.extra);
  return out.take();
}

template <typename Entry>
std::string text_of(const std::map<std::string, Entry>& map) {
  ObjectWriter out;
  for (const auto& [name, entry] : map) out.raw(name, text_of(entry));
  return out.take();
}

std::string text_of(const Video& video) {
  ObjectWriter out;
  out.raw("renditions", text_of(video.renditions));
  if (video.display) {
    ObjectWriter size;
    size.number("width", video.display->width);
    size.number("height", video.display->height);
    out.raw("display", size.take());
  }
  if (video.rotation) out.real("rotation", *video.rotation);
  write_boolean(out, "flip", video.flip);
  write_extra(out, video.extra);
  return out.take();
}

/// `audio` and `text`: the renditions and what we do not know.
template <typename Section>
std::string section_text(const Section& section) {
  ObjectWriter out;
  out.raw("renditions", text_of(section.renditions));
  write_extra(out, section.extra);
  return out.take();
}

std::string text_of(const Archive& archive) {
  ObjectWriter out;
  out.text("track", archive.track);
  out.number("timescale", archive.timescale);
  out.number_if("durationMax", archive.duration_max).text_if("replay", archive.replay);
  out.text_if("store", archive.store).number_if("version", archive.version);
  write_extra(out, archive.extra);
  return out.take();
}

std::string text_of(const WallClock& clock) {
  ObjectWriter out;
  out.number("wall", clock.wall).number("timescale", clock.timescale);
  write_extra(out, clock.extra);
  return out.take();
}

std::string data_text(const std::map<std::string, DataTrack>& tracks) {
  return ObjectWriter().raw("tracks", text_of(tracks)).take();
}

}  // namespace

std::string Catalog::encode() const {
  ObjectWriter out;
  out.raw("video", text_of(video)).raw("audio", section_text(audio));
  if (archive) out.raw("archive", text_of(*archive));
  if (clock) out.raw("clock", text_of(*clock));
  // A section of ours replaces a foreign key of its name.
  Extra rest = extra;
  const auto section = [&out, &rest](const std::string& key, const std::string& value) {
    out.raw(key, value);
    rest.erase(key);
  };
  if (!text.renditions.empty()) section("text", section_text(text));
  if (!json.empty()) section("json", data_text(json));
  if (!binary.empty()) section("binary", data_text(binary));
  write_extra(out, rest);
  return out.take();
}

}  // namespace moq::hang
