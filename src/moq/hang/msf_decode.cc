#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "moq/base/log.h"
#include "moq/hang/encoding.h"
#include "moq/hang/internal/fields.h"
#include "moq/hang/internal/msf_keys.h"
#include "moq/hang/msf_catalog.h"

namespace moq::hang::msf {
namespace {

using OptionalError = std::optional<Error>;

/// One entry of `tracks`, as it came or as updates made it.
struct Track {
  std::string broadcast;  ///< `namespace`; empty = the catalog's own.
  std::string name;
  json::Value keys;
  std::size_t size = 0;  ///< Of `keys` as text.
};

/// One entry of `initDataList`.
struct Init {
  std::string type;
  std::string data;
};

/// The init data of a track: none if it has none.
using InitData = std::optional<Bytes>;

/// All that a group has said so far.
struct Group {
  std::vector<Track> tracks;
  std::map<std::string, Init> inits;  ///< By id.
  Extra extra;
  bool complete = false;  ///< A complete catalog came.

  [[nodiscard]] std::size_t size_bytes() const {
    std::size_t size = 0;
    for (const Track& track : tracks) size += track.size;
    for (const auto& [id, init] : inits) size += id.size() + init.data.size();
    for (const auto& [key, value] : extra) size += key.size() + value.size();
    return size;
  }
};

std::string optional_text(const json::Value& keys, std::string_view key) {
  const auto it = keys.find(key);
  return it != keys.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// Checks what identifies a track.
std::optional<Track> read_track(const json::Value& value, const std::string& path,
                                OptionalError& error) {
  Fields fields(value, path, error);
  Track out;
  out.broadcast = fields.text("namespace").value_or("");
  out.name = fields.required_text("name");
  if (!fields.ok()) return std::nullopt;
  out.keys = value;
  out.size = json::dump(value).size();
  return out;
}

auto find_track(std::vector<Track>& tracks, std::string_view broadcast, std::string_view name) {
  return std::ranges::find_if(tracks, [&](const Track& track) {
    return track.broadcast == broadcast && track.name == name;
  });
}

/// Applies one object to what is known.
class Update {
 public:
  explicit Update(Group& group) : group_(&group) {}

  Result<void> run(const json::Value& root) {
    Fields fields(root, "", error_);
    if (!error_) {
      if (root.contains("deltaUpdate")) {
        if (!group_->complete) fields.fail("deltaUpdate", "before a complete catalog");
        read_inits(root);
        read_delta(root["deltaUpdate"]);
      } else {
        read_complete(root, fields);
      }
    }
    if (!error_ && group_->size_bytes() > kMaxCatalogBytes) {
      error_ = Error(Code::too_many, "catalog: its updates made it too large");
    }
    if (error_) return std::unexpected(*std::move(error_));
    return {};
  }

 private:
  void read_complete(const json::Value& root, Fields& fields) {
    *group_ = Group{};
    read_version(root, fields);
    read_inits(root);
    const auto tracks = root.find("tracks");
    if (tracks == root.end()) fields.fail("tracks", "missing");
    if (tracks != root.end()) add(*tracks, "tracks");
    for (const auto& [key, value] : root.items()) {
      if (!is_root_key(key) && !is_reserved_section(key)) {
        group_->extra.emplace(key, json::dump(value));
      }
    }
    group_->complete = true;
  }

  /// A draft's name as text, or 1 as a number, which is draft 00.
  static void read_version(const json::Value& root, Fields& fields) {
    const auto it = root.find("version");
    if (it == root.end()) return fields.fail("version", "missing");
    if (it->is_string() || (it->is_number() && it->get<double>() == 1)) return;
    fields.fail("version", "neither a draft's name nor 1");
  }

  void read_inits(const json::Value& root) {
    const auto list = root.find("initDataList");
    if (list == root.end() || list->is_null() || error_) return;
    if (!list->is_array()) return refuse("initDataList", "not an array");
    std::size_t index = 0;
    for (const json::Value& value : *list) {
      Fields fields(value, "initDataList." + std::to_string(index++), error_);
      const std::string id = fields.required_text("id");
      Init init{.type = fields.required_text("type"), .data = fields.required_text("data")};
      if (error_) return;
      group_->inits.insert_or_assign(id, std::move(init));
      if (group_->inits.size() > kMaxInits) return too_many("initDataList");
    }
  }

  void read_delta(const json::Value& list) {
    if (error_) return;
    if (!list.is_array()) return refuse("deltaUpdate", "not an array");
    std::size_t index = 0;
    for (const json::Value& value : list) {
      const std::string path = "deltaUpdate." + std::to_string(index++);
      Fields fields(value, path, error_);
      const std::string op = fields.required_text("op");
      if (error_) return;
      const auto tracks = value.find("tracks");
      if (tracks == value.end()) return refuse(path + ".tracks", "missing");
      apply(op, *tracks, path);
      if (error_) return;
    }
  }

  void apply(const std::string& op, const json::Value& tracks, const std::string& path) {
    if (op == "add") return add(tracks, path + ".tracks");
    if (op != "remove" && op != "clone" && op != "update") {
      return refuse(path + ".op", "not add, remove, clone or update");
    }
    if (!tracks.is_array()) return refuse(path + ".tracks", "not an array");
    std::size_t index = 0;
    for (const json::Value& value : tracks) {
      const std::string where = path + ".tracks." + std::to_string(index++);
      const Fields fields(value, where, error_);
      if (error_) return;
      if (op == "remove") {
        const auto [first, last] = std::ranges::remove_if(group_->tracks, [&](const Track& track) {
          return track.broadcast == optional_text(value, "namespace") &&
                 track.name == optional_text(value, "name");
        });
        group_->tracks.erase(first, last);
      } else {
        derive(value, where, op == "clone");
      }
      if (error_) return;
    }
  }

  /// `clone` and `update`: the keys of another track, and those of `changes` over them.
  void derive(const json::Value& changes, const std::string& path, bool clone) {
    // Examples of the draft name the track to update by `name`, its text by `parentName`.
    const bool by_name = !clone && !changes.contains("parentName");
    const std::string name = optional_text(changes, by_name ? "name" : "parentName");
    const std::string broadcast = optional_text(changes, by_name ? "namespace" : "parentNamespace");
    const auto parent = find_track(group_->tracks, broadcast, name);
    if (parent == group_->tracks.end()) {
      return refuse(path, "there is no track '" + name + "'");
    }
    json::Value keys = parent->keys;
    for (const auto& [key, value] : changes.items()) {
      if (key != "parentName" && key != "parentNamespace") keys[key] = value;
    }
    std::optional<Track> track = read_track(keys, path, error_);
    if (!track) return;
    if (clone) {
      place(*std::move(track), path);
    } else {
      *parent = *std::move(track);
    }
  }

  void add(const json::Value& tracks, const std::string& path) {
    if (error_) return;
    if (!tracks.is_array()) return refuse(path, "not an array");
    std::size_t index = 0;
    for (const json::Value& value : tracks) {
      const std::string where = path + "." + std::to_string(index++);
      std::optional<Track> track = read_track(value, where, error_);
      if (track) place(*std::move(track), path);
      if (error_) return;
    }
  }

  void place(Track track, const std::string& path) {
    const auto known = find_track(group_->tracks, track.broadcast, track.name);
    if (known != group_->tracks.end()) {
      *known = std::move(track);
    } else if (group_->tracks.size() >= kMaxTracks) {
      too_many(path);
    } else {
      group_->tracks.push_back(std::move(track));
    }
  }

  void refuse(const std::string& path, const std::string& what) {
    if (!error_) error_ = Error(Code::decode, "catalog: " + path + ": " + what);
  }
  void too_many(const std::string& path) {
    if (!error_) error_ = Error(Code::too_many, "catalog: too many entries at " + path);
  }

  Group* group_;
  OptionalError error_;
};

/// What a track's packaging makes of its init data; none for a packaging that is not for us.
std::optional<Container> read_container(Fields& fields, const InitData& init) {
  const std::string packaging = fields.required_text("packaging");
  Container out;
  if (packaging == "cmaf") {
    out.kind = Container::Kind::cmaf;
    if (!init) fields.fail("initRef", "missing, and cmaf needs its init segment");
    out.init = init.value_or(Bytes());
    return out;
  }
  if (packaging == "loc") out.kind = Container::Kind::loc;
  if (packaging != "loc" && packaging != "legacy") return std::nullopt;
  return out;
}

InitData read_init(Fields& fields, const std::map<std::string, Init>& inits) {
  InitData inside = fields.base64("initData");  // Of draft 00.
  const std::optional<std::string> id = fields.text("initRef");
  if (!id || !fields.ok()) return inside;
  const auto entry = inits.find(*id);
  if (entry == inits.end()) {
    fields.fail("initRef", "'" + *id + "' is not in initDataList");
    return std::nullopt;
  }
  if (entry->second.type != "inline") {
    fields.fail("initRef", "init data of type '" + entry->second.type + "', not inline");
    return std::nullopt;
  }
  InitData data = from_base64(entry->second.data);
  if (!data) fields.fail("initRef", "'" + *id + "' is not base64");
  if (data && inside && *data != *inside) fields.fail("initRef", "differs from initData");
  return data;
}

/// What all renditions have; false if the packaging is not for us.
template <typename Rendition>
bool read_common(Fields& fields, const std::map<std::string, Init>& inits, Rendition& out) {
  const InitData init = read_init(fields, inits);
  const std::optional<Container> container = read_container(fields, init);
  if (!container || !fields.ok()) return false;
  out.container = *container;
  if (out.container.kind != Container::Kind::cmaf) out.description = init;
  out.label = fields.text("label");
  out.codec = fields.required_text("codec");
  out.bitrate = fields.u64("bitrate");
  out.jitter_ms = fields.milliseconds("jitter");
  out.delay_ms = fields.milliseconds("delay");
  return true;
}

/// `channelConfig` is text; only a plain number says how many channels there are.
std::optional<std::uint32_t> read_channels(Fields& fields) {
  const std::optional<std::string> text = fields.text("channelConfig");
  if (!text) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return value;
}

std::optional<VideoRendition> read_video(Fields& fields, const std::map<std::string, Init>& inits) {
  VideoRendition out;
  if (!read_common(fields, inits, out)) return std::nullopt;
  out.coded_width = fields.u32("width");
  out.coded_height = fields.u32("height");
  out.framerate = fields.real("framerate");
  out.stalled = fields.boolean("stalled").value_or(false);
  return out;
}

std::optional<AudioRendition> read_audio(Fields& fields, const std::map<std::string, Init>& inits) {
  AudioRendition out;
  if (!read_common(fields, inits, out)) return std::nullopt;
  const std::optional<std::uint32_t> rate = fields.u32("samplerate");
  const std::optional<std::uint32_t> channels = read_channels(fields);
  const bool is_told = out.description || out.container.kind == Container::Kind::cmaf;
  if (!rate && !is_told) fields.fail("samplerate", "missing, and there is no init data");
  if (!channels && !is_told) fields.fail("channelConfig", "no number, and there is no init data");
  out.sample_rate = rate.value_or(0);
  out.channels = channels.value_or(0);
  return out;
}

}  // namespace

struct Decoder::State {
  Group group;
};

Decoder::Decoder() : state_(std::make_unique<State>()) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

void Decoder::start_group() { state_->group = {}; }

Result<void> Decoder::apply(ByteSpan object) {
  if (object.size() > kMaxCatalogBytes) return fail(Code::too_many, "catalog: too large");
  auto root = json::parse(as_text(object));
  if (!root) return std::unexpected(root.error().with_context("catalog"));
  return Update(state_->group).run(*root);
}

Result<Catalog> Decoder::catalog() const {
  Catalog out;
  OptionalError error;
  for (const Track& track : state_->group.tracks) {
    Fields fields(track.keys, "tracks." + track.name, error);
    const std::string role = fields.text("role").value_or("");
    bool taken = false;
    if (role == "video") {
      if (auto video = read_video(fields, state_->group.inits)) {
        taken = out.video.renditions.emplace(track.name, *std::move(video)).second;
      }
    } else if (role == "audio") {
      if (auto audio = read_audio(fields, state_->group.inits)) {
        taken = out.audio.renditions.emplace(track.name, *std::move(audio)).second;
      }
    }
    if (error) return std::unexpected(*std::move(error));
    if (!taken) {
      MOQ_LOG(debug, "hang", "MSF track '{}' of role '{}' is left out", track.name, role);
    }
    if (out.video.renditions.size() + out.audio.renditions.size() > kMaxRenditions) {
      return fail(Code::too_many, "catalog: too many tracks of role video and audio");
    }
  }
  out.extra = state_->group.extra;
  return out;
}

Result<Catalog> decode(std::string_view text) {
  Decoder decoder;
  MOQ_CHECK(decoder.apply(as_bytes(text)));
  return decoder.catalog();
}

}  // namespace moq::hang::msf
