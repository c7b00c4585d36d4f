#include "moq/capi/internal/renditions.h"

#include "moq/hang/codec_string.h"

namespace moq::capi {
namespace {

/// The name and the codec, which each kind of rendition begins with.
template <typename Config, typename Rendition>
void read_common(Call& call, const Config& config, std::string& name, Rendition& out) {
  name = call.text("name", config.name, config.name_len);
  const std::string_view given = call.text("codec", config.codec, config.codec_len);
  if (!call.ok()) return;
  auto codec = hang::canonical_codec(given);
  if (!codec) {
    call.fail(Failure(codec.error(), MOQ_ERROR_HANG));
    return;
  }
  out.codec = *std::move(codec);
  const auto description =
      call.optional_bytes("description", config.description, config.description_len);
  if (description) out.description = Bytes::copy(*description);
}

hang::Container read_container(Call& call, const moq_container& container) {
  hang::Container out;
  if (!call.ok()) return out;
  switch (container.kind) {
    case MOQ_CONTAINER_KIND_LEGACY:
      return out;
    case MOQ_CONTAINER_KIND_LOC:
      out.kind = hang::Container::Kind::loc;
      return out;
    case MOQ_CONTAINER_KIND_CMAF: {
      const ByteSpan init = call.bytes("the init segment", container.init, container.init_len);
      if (call.ok() && init.empty()) {
        call.fail(MOQ_ERROR_INVALID_POINTER, "a CMAF rendition needs an init segment");
      }
      out.kind = hang::Container::Kind::cmaf;
      out.init = Bytes::copy(init);
      return out;
    }
    default:
      call.fail(MOQ_ERROR_INVALID_CODE, "unknown container kind " + std::to_string(container.kind));
      return out;
  }
}

moq_container describe(const hang::Container& container) {
  moq_container out{};
  switch (container.kind) {
    case hang::Container::Kind::legacy:
      out.kind = MOQ_CONTAINER_KIND_LEGACY;
      break;
    case hang::Container::Kind::loc:
      out.kind = MOQ_CONTAINER_KIND_LOC;
      break;
    case hang::Container::Kind::cmaf:
      out.kind = MOQ_CONTAINER_KIND_CMAF;
      out.init = container.init.data();
      out.init_len = container.init.size();
      break;
    case hang::Container::Kind::unknown:
      out.kind = MOQ_CONTAINER_KIND_UNKNOWN;
      break;
  }
  return out;
}

template <typename Config, typename Rendition>
Config describe_common(const std::string& name, const Rendition& rendition) {
  Config out{};
  out.name = name.data();
  out.name_len = name.size();
  out.codec = rendition.codec.data();
  out.codec_len = rendition.codec.size();
  if (rendition.description) {
    out.description = rendition.description->data();
    out.description_len = rendition.description->size();
  }
  out.container = describe(rendition.container);
  return out;
}

/// Sets `renditions[name]`, if it is new or in `own`.
template <typename Rendition>
Result<void> put(std::map<std::string, Rendition>& renditions, const std::set<std::string>& own,
                 const std::string& name, Rendition rendition) {
  if (renditions.contains(name) && !own.contains(name)) {
    return fail(Code::duplicate, "'" + name + "' is the rendition of a media track");
  }
  renditions[name] = std::move(rendition);
  return {};
}

}  // namespace

void read_rendition(Call& call, const moq_video_config& config, std::string& name,
                    hang::VideoRendition& out) {
  read_common(call, config, name, out);
  out.container = read_container(call, config.container);
  if (config.coded_width != nullptr) out.coded_width = *config.coded_width;
  if (config.coded_height != nullptr) out.coded_height = *config.coded_height;
}

void read_rendition(Call& call, const moq_audio_config& config, std::string& name,
                    hang::AudioRendition& out) {
  read_common(call, config, name, out);
  out.container = read_container(call, config.container);
  out.sample_rate = config.sample_rate;
  out.channels = config.channel_count;
}

moq_video_config describe(const std::string& name, const hang::VideoRendition& rendition) {
  auto out = describe_common<moq_video_config>(name, rendition);
  if (rendition.coded_width) out.coded_width = &*rendition.coded_width;
  if (rendition.coded_height) out.coded_height = &*rendition.coded_height;
  return out;
}

moq_audio_config describe(const std::string& name, const hang::AudioRendition& rendition) {
  auto out = describe_common<moq_audio_config>(name, rendition);
  out.sample_rate = rendition.sample_rate;
  out.channel_count = rendition.channels;
  return out;
}

Result<void> OwnRenditions::add(hang::SharedCatalog& catalog, const std::string& name,
                                hang::VideoRendition rendition) {
  const std::lock_guard lock(mutex_);
  MOQ_CHECK(catalog.edit([&](hang::Catalog& now) {
    return put(now.video.renditions, video_, name, std::move(rendition));
  }));
  video_.insert(name);
  return {};
}

Result<void> OwnRenditions::add(hang::SharedCatalog& catalog, const std::string& name,
                                hang::AudioRendition rendition) {
  const std::lock_guard lock(mutex_);
  MOQ_CHECK(catalog.edit([&](hang::Catalog& now) {
    return put(now.audio.renditions, audio_, name, std::move(rendition));
  }));
  audio_.insert(name);
  return {};
}

Result<void> OwnRenditions::remove_video(hang::SharedCatalog& catalog, const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (video_.erase(name) == 0) return {};
  return catalog.edit([&](hang::Catalog& now) -> Result<void> {
    now.video.renditions.erase(name);
    return {};
  });
}

Result<void> OwnRenditions::remove_audio(hang::SharedCatalog& catalog, const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (audio_.erase(name) == 0) return {};
  return catalog.edit([&](hang::Catalog& now) -> Result<void> {
    now.audio.renditions.erase(name);
    return {};
  });
}

}  // namespace moq::capi
