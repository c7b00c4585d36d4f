#include "moq/capi/internal/media.h"

#include <array>

#include "moq/capi/internal/demand.h"
#include "moq/capi/internal/library.h"

namespace moq::capi {
namespace {

Result<mux::MediaTrack> open_track(Broadcast& broadcast, mux::MediaTrack::Options options) {
  auto opened = broadcast.producer.with([&](net::broadcast::Producer& producer) {
    return mux::MediaTrack::create(producer, broadcast.catalog.clone(), Library::get().clock(),
                                   std::move(options));
  });
  if (!opened) return fail(Code::closed, "the broadcast has ended");
  return *std::move(opened);
}

/// The end of a function that makes a media handle.
template <typename Writer>
std::int32_t add_media(Call& call, std::shared_ptr<Broadcast> broadcast, Result<Writer> opened) {
  if (!opened) return call.fail(Failure(opened.error(), MOQ_ERROR_MUX));
  return call.add(tables().media,
                  std::make_shared<Media>(std::move(broadcast), *std::move(opened)));
}

template <typename Config>
std::int32_t publish(std::uint32_t broadcast, const Config* config) {
  Call call;
  call.handle(broadcast);
  auto options = read_init(call, config);
  auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  auto opened = open_track(*found, *std::move(options));
  return add_media(call, std::move(found), std::move(opened));
}

/// Runs `use(mux::MediaTrack&)`, which returns a result, with the codec track behind a handle;
/// containers are not for it.
template <typename Use>
std::int32_t use_track(Call& call, std::uint32_t media, Use&& use) {
  const auto found = call.find(tables().media, media);
  if (!call.ok()) return call.status();
  const auto done = found->writer.with([&](Media::Writer& writer) -> std::optional<Result<void>> {
    auto* track = std::get_if<mux::MediaTrack>(&writer);
    if (track == nullptr) return std::nullopt;
    return use(*track);
  });
  if (!done) return call.ended(tables().media);
  if (!*done) return call.fail(MOQ_ERROR_MEDIA_NOT_FOUND, "this is a container, no codec track");
  return call.finish(**done, MOQ_ERROR_MUX);
}

/// The init data and the label, which all kinds of tracks have.
template <typename Config>
void read_common(Call& call, const Config& config, mux::MediaTrack::Options& out) {
  out.init = Bytes::copy(call.bytes("init", config.init, config.init_len));
  out.label = call.optional_text("label", config.label, config.label_len);
}

}  // namespace

Result<mux::Importer> open_container(Broadcast& broadcast, const mux::Importer::Options& options,
                                     ByteSpan init) {
  auto opened = broadcast.producer.with([&](net::broadcast::Producer& producer) {
    return mux::Importer::create(producer, broadcast.catalog.clone(), Library::get().clock(),
                                 options);
  });
  if (!opened) return fail(Code::closed, "the broadcast has ended");
  if (!init.empty()) MOQ_CHECK(opened->push(Bytes::copy(init)));
  return *std::move(opened);
}

std::optional<mux::MediaTrack::Options> read_init(Call& call, const moq_audio_init* config) {
  using TrackFormat = mux::MediaTrack::Format;
  call.pointer("config", config);
  if (!call.ok()) return std::nullopt;
  mux::MediaTrack::Options out;
  switch (config->format) {
    case MOQ_AUDIO_FORMAT_AAC:
      out.format = TrackFormat::aac;
      break;
    case MOQ_AUDIO_FORMAT_OPUS:
      out.format = TrackFormat::opus;
      break;
    case MOQ_AUDIO_FORMAT_FLAC:
      out.format = TrackFormat::flac;
      break;
    case MOQ_AUDIO_FORMAT_MP3:
      out.format = TrackFormat::mp3;
      break;
    default:
      call.fail(MOQ_ERROR_INVALID_CODE, "unknown audio format " + std::to_string(config->format));
      return std::nullopt;
  }
  out.audio_groups = mux::MediaTrack::AudioGroups::until_cut;
  read_common(call, *config, out);
  return out;
}

std::optional<mux::MediaTrack::Options> read_init(Call& call, const moq_video_init* config) {
  using TrackFormat = mux::MediaTrack::Format;
  constexpr std::array kFormats = {TrackFormat::avc1, TrackFormat::avc3, TrackFormat::hvc1,
                                   TrackFormat::hev1, TrackFormat::av01, TrackFormat::vp8,
                                   TrackFormat::vp9};
  static_assert(MOQ_VIDEO_FORMAT_AVC1 == 0 && MOQ_VIDEO_FORMAT_VP9 == kFormats.size() - 1);
  call.pointer("config", config);
  if (!call.ok()) return std::nullopt;
  if (config->format >= kFormats.size()) {
    call.fail(MOQ_ERROR_INVALID_CODE, "unknown video format " + std::to_string(config->format));
    return std::nullopt;
  }
  mux::MediaTrack::Options out;
  out.format = kFormats.at(config->format);
  read_common(call, *config, out);
  const moq_video_hint& hint = config->hint;
  if (hint.has_coded) {
    out.hint.coded_width = hint.coded_width;
    out.hint.coded_height = hint.coded_height;
  }
  if (hint.has_bitrate) out.hint.bitrate = hint.bitrate;
  if (hint.has_framerate) out.hint.framerate = hint.framerate;
  if (hint.has_optimize_for_latency) out.hint.optimize_for_latency = hint.optimize_for_latency;
  return out;
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;
using moq::mux::Importer;
using moq::mux::MediaTrack;
using Nothing = moq::Result<void>;

std::int32_t moq_publish_media(std::uint32_t broadcast, const char* format,
                               std::uintptr_t format_len, const std::uint8_t* init,
                               std::uintptr_t init_size) {
  Call call;
  call.handle(broadcast);
  const std::string_view name = call.text("format", format, format_len);
  const moq::ByteSpan head = call.bytes("init", init, init_size);
  const auto container = Importer::parse_container(name);
  const auto codec = MediaTrack::parse_format(name);
  if (!container && !codec) {
    call.fail(MOQ_ERROR_UNKNOWN_FORMAT, "unknown media format '" + std::string(name) + "'");
  }
  auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  if (container) {
    auto opened = moq::capi::open_container(
        *found, {.format = *container, .audio_groups = Importer::AudioGroups::each_frame}, head);
    return moq::capi::add_media(call, std::move(found), std::move(opened));
  }
  MediaTrack::Options options;
  options.format = *codec;
  options.init = moq::Bytes::copy(head);
  options.suffix = name;
  auto opened = moq::capi::open_track(*found, std::move(options));
  return moq::capi::add_media(call, std::move(found), std::move(opened));
}

std::int32_t moq_publish_media_ordered(std::uint32_t broadcast, const char* format,
                                       std::uintptr_t format_len, const std::uint8_t* init,
                                       std::uintptr_t init_size) {
  return moq_publish_media(broadcast, format, format_len, init, init_size);
}

std::int32_t moq_publish_audio(std::uint32_t broadcast, const moq_audio_init* config) {
  return moq::capi::publish(broadcast, config);
}

std::int32_t moq_publish_video(std::uint32_t broadcast, const moq_video_init* config) {
  return moq::capi::publish(broadcast, config);
}

std::int32_t moq_publish_media_frame(std::uint32_t media, const std::uint8_t* payload,
                                     std::uintptr_t payload_size, std::uint64_t timestamp_us) {
  Call call;
  call.handle(media);
  const moq::ByteSpan data = call.bytes("payload", payload, payload_size);
  call.timestamp(timestamp_us);
  const auto found = call.find(tables().media, media);
  if (!call.ok()) return call.status();
  const auto done = found->writer.with([&](moq::capi::Media::Writer& writer) {
    moq::Bytes copied = moq::Bytes::copy(data);
    if (auto* track = std::get_if<MediaTrack>(&writer)) {
      return track->write(std::move(copied), timestamp_us);
    }
    return std::get<Importer>(writer).push(copied);
  });
  return done ? call.finish(*done, MOQ_ERROR_MUX) : call.ended(tables().media);
}

std::int32_t moq_publish_media_finish(std::uint32_t media) {
  Call call;
  call.handle(media);
  const auto found = call.take(tables().media, media);
  if (!call.ok()) return call.status();
  auto writer = found->writer.take();
  if (!writer) return call.ended(tables().media);
  return call.finish(std::visit([](auto& one) { return std::move(one).finish(); }, *writer),
                     MOQ_ERROR_MUX);
}

std::int32_t moq_publish_media_close(std::uint32_t media) {
  return moq_publish_media_finish(media);
}

std::int32_t moq_publish_media_cut(std::uint32_t media) {
  Call call;
  call.handle(media);
  return moq::capi::use_track(call, media, [](MediaTrack& track) {
    track.cut();
    return Nothing();
  });
}

std::int32_t moq_publish_media_seek(std::uint32_t media, std::uint64_t sequence) {
  Call call;
  call.handle(media);
  return moq::capi::use_track(call, media, [&](MediaTrack& track) { return track.seek(sequence); });
}

std::int32_t moq_publish_media_flush(std::uint32_t media, std::uint64_t timestamp_us) {
  Call call;
  call.handle(media);
  call.timestamp(timestamp_us);
  return moq::capi::use_track(call, media, [&](MediaTrack& track) {
    track.flush(timestamp_us);
    return Nothing();
  });
}

std::int32_t moq_publish_media_discontinuity(std::uint32_t media) {
  Call call;
  call.handle(media);
  return moq::capi::use_track(call, media, [](MediaTrack& track) { return track.discontinuity(); });
}

std::int32_t moq_publish_media_demand(std::uint32_t media, moq_status_callback on_demand,
                                      void* user_data) {
  Call call;
  call.handle(media);
  call.pointer("on_demand", on_demand);
  std::optional<moq::net::track::Producer> watched;
  moq::capi::use_track(call, media, [&](MediaTrack& track) {
    watched = track.track().clone();
    return Nothing();
  });
  return moq::capi::watch_demand(call, std::move(watched), {on_demand, user_data});
}
