#include "moq/mux/internal/select.h"

#include <tuple>

#include "moq/base/log.h"
#include "moq/mux/aac.h"
#include "moq/mux/opus.h"

namespace moq::mux {
namespace {

Rendition rendition_of(const std::string& name, const hang::VideoRendition& video) {
  return {.name = name,
          .kind = mp4::Track::Kind::video,
          .codec = video.codec,
          .description = video.description.value_or(Bytes()),
          .container = video.container,
          .width = video.coded_width.value_or(0),
          .height = video.coded_height.value_or(0),
          .bitrate = video.bitrate,
          .framerate = video.framerate,
          .stalled = video.stalled};
}

/// Fills in what an MSF catalog may leave to the decoder's configuration.
void complete(Rendition& audio) {
  if (audio.sample_rate != 0 && audio.channels != 0) return;
  if (audio.codec.starts_with("mp4a.40")) {
    if (const auto config = aac::Config::decode(audio.description.span())) {
      if (audio.sample_rate == 0) audio.sample_rate = config->sample_rate;
      if (audio.channels == 0) audio.channels = config->channels;
    }
  } else if (audio.codec == "opus") {
    if (const auto head = opus::Head::decode(audio.description)) {
      if (audio.sample_rate == 0) audio.sample_rate = opus::kSampleRate;
      if (audio.channels == 0) audio.channels = head->channels;
    }
  }
}

Rendition rendition_of(const std::string& name, const hang::AudioRendition& audio) {
  Rendition out{.name = name,
                .kind = mp4::Track::Kind::audio,
                .codec = audio.codec,
                .description = audio.description.value_or(Bytes()),
                .container = audio.container,
                .sample_rate = audio.sample_rate,
                .channels = audio.channels,
                .bitrate = audio.bitrate};
  complete(out);
  return out;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes) {
    if (text.starts_with(prefix)) return true;
  }
  return false;
}

/// Whether fMP4 can carry it: cmaf as it is, else codecs whose sample entry we can build.
bool fits_fmp4(const Rendition& rendition) {
  if (rendition.container.kind == hang::Container::Kind::cmaf) return true;
  if (starts_with_any(rendition.codec, {"avc1", "avc3", "mp4a.40", "opus"})) return true;
  return starts_with_any(rendition.codec, {"hvc1", "hev1"}) && !rendition.description.empty();
}

bool fits(const Rendition& rendition, Exporter::Format format) {
  if (rendition.container.kind == hang::Container::Kind::unknown) return false;
  if (format == Exporter::Format::h264) return starts_with_any(rendition.codec, {"avc1", "avc3"});
  return fits_fmp4(rendition);
}

/// What one kind of rendition must be.
struct Wish {
  const std::optional<std::string>& name;
  const std::optional<std::string>& codec;
  Exporter::Format format;

  [[nodiscard]] bool allows(const Rendition& rendition) const {
    return (!name || rendition.name == *name) && (!codec || rendition.codec.starts_with(*codec)) &&
           fits(rendition, format);
  }
};

/// Greater is better.
auto rank(const Rendition& rendition) {
  return std::tuple(!rendition.stalled, std::uint64_t{rendition.width} * rendition.height,
                    rendition.bitrate.value_or(0));
}

template <typename Map>
std::optional<Rendition> pick(const Map& renditions, const Wish& wish) {
  std::optional<Rendition> best;
  for (const auto& [name, entry] : renditions) {
    if (entry.broadcast && !entry.broadcast->empty()) {
      MOQ_LOG(info, "mux", "rendition '{}' is in another broadcast, and left out", name);
      continue;
    }
    Rendition one = rendition_of(name, entry);
    if (!wish.allows(one)) continue;
    if (!best || rank(one) > rank(*best)) best = std::move(one);
  }
  return best;
}

/// `avc3.64001f` without the profile and the level.
std::string_view codec_family(std::string_view codec) { return codec.substr(0, codec.find('.')); }

}  // namespace

bool Rendition::same_media(const Rendition& other) const {
  const bool in_stream = kind == mp4::Track::Kind::video && description.empty() &&
                         container.kind != hang::Container::Kind::cmaf;
  const bool same_codec =
      in_stream ? codec_family(codec) == codec_family(other.codec) : codec == other.codec;
  return name == other.name && kind == other.kind && same_codec &&
         description == other.description && container == other.container &&
         sample_rate == other.sample_rate && channels == other.channels;
}

std::optional<Rendition> pick_video(const hang::Catalog& catalog,
                                    const Exporter::Options& options) {
  return pick(catalog.video.renditions, {options.video_name, options.video_codec, options.format});
}

std::optional<Rendition> pick_audio(const hang::Catalog& catalog,
                                    const Exporter::Options& options) {
  if (options.format == Exporter::Format::h264) return std::nullopt;
  return pick(catalog.audio.renditions, {options.audio_name, options.audio_codec, options.format});
}

}  // namespace moq::mux
