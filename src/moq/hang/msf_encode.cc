#include <algorithm>
#include <array>
#include <vector>

#include "moq/hang/encoding.h"
#include "moq/hang/internal/json.h"
#include "moq/hang/internal/msf_keys.h"
#include "moq/hang/msf_catalog.h"

namespace moq::hang::msf {
namespace {

using json::ObjectWriter;

/// Init data, each once, as `initDataList` holds it.
class InitList {
 public:
  /// The id of `data`.
  std::string add(const Bytes& data) {
    const auto known = std::ranges::find(list_, data);
    const auto index = static_cast<std::size_t>(known - list_.begin());
    if (known == list_.end()) list_.push_back(data);
    return id(index);
  }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] std::string text() const {
    std::string out = "[";
    for (std::size_t i = 0; i < list_.size(); ++i) {
      if (i > 0) out += ',';
      ObjectWriter entry;
      entry.text("id", id(i)).text("type", "inline").text("data", to_base64(list_[i].span()));
      out += entry.take();
    }
    return out + "]";
  }

 private:
  static std::string id(std::size_t index) { return "init" + std::to_string(index); }

  std::vector<Bytes> list_;
};

/// The packaging of that name in both worlds; empty for a container that we do not know.
std::string_view packaging_of(const Container& container) {
  switch (container.kind) {
    case Container::Kind::legacy:
      return "legacy";
    case Container::Kind::cmaf:
      return "cmaf";
    case Container::Kind::loc:
      return "loc";
    case Container::Kind::unknown:
      break;
  }
  return "";
}

/// Whether a player can find the rendition by its name in this broadcast.
template <typename Rendition>
bool is_listed(const Rendition& rendition) {
  const bool is_here = !rendition.broadcast || rendition.broadcast->empty();
  return is_here && !packaging_of(rendition.container).empty();
}

template <typename Rendition>
void write_common(ObjectWriter& out, const std::string& name, const Rendition& rendition,
                  std::string_view role) {
  out.text("name", name).text("packaging", packaging_of(rendition.container));
  out.boolean("isLive", true).text("role", role);
  out.text_if("label", rendition.label).text("codec", rendition.codec);
}

template <typename Rendition>
void write_init(ObjectWriter& out, const Rendition& rendition, InitList& inits) {
  if (rendition.container.kind == Container::Kind::cmaf) {
    out.text("initRef", inits.add(rendition.container.init));
  } else if (rendition.description) {
    out.text("initRef", inits.add(*rendition.description));
  }
}

/// How a group, and an object, may start at worst: with pictures that are shown before the key
/// frame (2) or without (1). CMSF, stream access point types.
void write_sap(ObjectWriter& out, std::uint64_t type) {
  if (type == 0) return;
  out.number("maxGrpSapStartingType", type).number("maxObjSapStartingType", type);
}

std::uint64_t video_sap(std::string_view codec) {
  if (codec.starts_with("vp8")) return 1;
  for (const std::string_view reordering : {"avc1", "avc3", "av01", "vp09"}) {
    if (codec.starts_with(reordering)) return 2;
  }
  return 0;
}

template <typename Rendition>
void write_delays(ObjectWriter& out, const Rendition& rendition) {
  // As in hang's, 0 is not written.
  if (rendition.jitter_ms.value_or(0) != 0) out.number("jitter", *rendition.jitter_ms);
  if (rendition.delay_ms.value_or(0) != 0) out.number("delay", *rendition.delay_ms);
}

void write_groups(ObjectWriter& out, bool has_others) {
  out.number("renderGroup", 1);
  if (has_others) out.number("altGroup", 1);
}

std::string video_text(const std::string& name, const VideoRendition& video, bool has_others,
                       InitList& inits) {
  ObjectWriter out;
  write_common(out, name, video, "video");
  out.number_if("width", video.coded_width).number_if("height", video.coded_height);
  if (video.framerate) out.real("framerate", *video.framerate);
  out.number_if("bitrate", video.bitrate);
  if (video.stalled) out.boolean("stalled", true);
  write_init(out, video, inits);
  write_groups(out, has_others);
  write_sap(out, video_sap(video.codec));
  write_delays(out, video);
  return out.take();
}

std::string audio_text(const std::string& name, const AudioRendition& audio, bool has_others,
                       InitList& inits) {
  ObjectWriter out;
  write_common(out, name, audio, "audio");
  out.number("samplerate", audio.sample_rate);
  out.text("channelConfig", std::to_string(audio.channels));
  out.number_if("bitrate", audio.bitrate);
  write_init(out, audio, inits);
  write_groups(out, has_others);
  write_sap(out, 1);
  write_delays(out, audio);
  return out.take();
}

template <typename Map>
bool has_several(const Map& renditions) {
  return std::ranges::count_if(renditions, [](const auto& one) { return is_listed(one.second); }) >
         1;
}

}  // namespace

std::string encode(const Catalog& catalog) {
  InitList inits;
  std::string tracks;
  const auto add = [&tracks](const std::string& track) {
    if (!tracks.empty()) tracks += ',';
    tracks += track;
  };
  const bool several_videos = has_several(catalog.video.renditions);
  for (const auto& [name, video] : catalog.video.renditions) {
    if (is_listed(video)) add(video_text(name, video, several_videos, inits));
  }
  const bool several_audios = has_several(catalog.audio.renditions);
  for (const auto& [name, audio] : catalog.audio.renditions) {
    // A name stands for one track; who lists it as both means video.
    if (!is_listed(audio) || catalog.video.renditions.contains(name)) continue;
    add(audio_text(name, audio, several_audios, inits));
  }
  ObjectWriter out;
  out.text("version", "draft-01").raw("tracks", "[" + tracks + "]");
  if (!inits.empty()) out.raw("initDataList", inits.text());
  for (const auto& [key, value] : catalog.extra) {
    if (!is_root_key(key) && !is_reserved_section(key)) out.raw(key, value);
  }
  return out.take();
}

}  // namespace moq::hang::msf
