#include <algorithm>
#include <array>

#include "moq/capi/internal/broadcast.h"
#include "moq/capi/internal/demand.h"
#include "moq/capi/internal/encoders.h"
#include "moq/capi/internal/library.h"
#include "moq/hang/container.h"

namespace moq::capi {
namespace {

constexpr std::array<std::string_view, 3> kCodecs = {"opus", "aac", "pcm"};

/// What a C caller asks for; durations in microseconds.
struct AudioRequest {
  std::string codec;
  av::AudioEncoderConfig config;              ///< All but the codec.
  std::shared_ptr<net::Bandwidth> bandwidth;  ///< May be null.
};

void read_input(Call& call, const moq_audio_encoder_input* input, AudioRequest& out) {
  call.pointer("input", input);
  if (!call.ok()) return;
  if (input->format > MOQ_AUDIO_FORMAT_F32_PLANAR) {
    call.fail(MOQ_ERROR_INVALID_CODE, "unknown sample format " + std::to_string(input->format));
    return;
  }
  out.config.input_format = av::SampleFormat{input->format};
  out.config.input_rate = input->sample_rate;
  out.config.input_channels = input->channels;
}

/// Both layouts have the same fields but for the duration's.
template <typename Output>
void read_output(Call& call, const Output* output, AudioRequest& out) {
  call.pointer("output", output);
  if (!call.ok()) return;
  out.codec = call.text("codec", output->codec, output->codec_len);
  if (call.ok() && std::ranges::find(kCodecs, out.codec) == kCodecs.end()) {
    call.fail(MOQ_ERROR_UNKNOWN_FORMAT, "unknown audio codec '" + out.codec + "'");
  }
  if (!call.ok()) return;
  out.config.output_rate = output->sample_rate;
  out.config.output_channels = output->channels;
  out.config.bitrate = output->bitrate;
}

Result<void> list(hang::SharedCatalog& catalog, const std::string& name,
                  const av::AudioEncoder& encoder) {
  const av::AudioEncoderInfo info = encoder.info();
  hang::AudioRendition rendition;
  rendition.codec = info.codec;
  rendition.sample_rate = info.sample_rate;
  rendition.channels = info.channels;
  rendition.bitrate = info.bitrate;
  rendition.description = encoder.description();
  return catalog.edit([&](hang::Catalog& now) -> Result<void> {
    if (!now.audio.renditions.emplace(name, std::move(rendition)).second) {
      return fail(Code::duplicate, "'" + name + "' is in the catalog already");
    }
    return {};
  });
}

std::int32_t create(Call& call, std::uint32_t broadcast, const std::string& name,
                    AudioRequest request) {
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  const auto codecs = av::codecs();
  if (!codecs) return call.fail(Failure(codecs.error(), MOQ_ERROR_AUDIO));
  request.config.codec = request.codec.c_str();
  auto encoder = av::AudioEncoder::open(**codecs, request.config);
  if (!encoder) return call.fail(Failure(encoder.error(), MOQ_ERROR_AUDIO));

  auto track = found->producer.with([&](net::broadcast::Producer& producer) {
    return producer.create_track(name, kEncodedAudio);
  });
  if (!track) return call.ended(tables().broadcasts);
  if (!*track) return call.finish(std::unexpected(track->error()));
  const Result<void> listed = list(found->catalog, name, *encoder);
  if (!listed) return call.finish(listed, MOQ_ERROR_HANG);
  auto claim = reserve(request.bandwidth.get(), **track, encoder->info().bitrate);
  AudioPublication publication(*std::move(encoder), **std::move(track), found->catalog.clone());
  return call.add(tables().audio_encoders,
                  std::make_shared<AudioEncoder>(std::move(publication), std::move(claim)));
}

}  // namespace

Result<void> AudioPublication::publish(const av::Made<av::Packet>& made) {
  for (const av::Packet& packet : made.items) {
    if (packet.timestamp_us > av::kMaxTimestamp) {
      return fail(Code::invalid_argument, "the time of a packet is not below 2^62 us");
    }
    const hang::Frame frame{packet.timestamp_us, true, packet.payload, std::nullopt};
    MOQ_CHECK(track_.write_frame(packet.timestamp_us, hang::encode_legacy(frame)));
  }
  if (made.error) return std::unexpected(*made.error);
  return {};
}

Result<void> AudioPublication::encode(std::uint64_t timestamp_us, ByteSpan pcm) {
  return publish(encoder_.encode(timestamp_us, pcm));
}

Result<void> AudioPublication::finish() && {
  const Result<void> flushed = publish(encoder_.flush());
  const std::string name = track_.name();
  if (flushed) {
    std::move(track_).finish();
  } else {
    std::move(track_).abort(flushed.error());
  }
  const Result<void> unlisted = catalog_.edit([&](hang::Catalog& now) -> Result<void> {
    now.audio.renditions.erase(name);
    return {};
  });
  return flushed ? unlisted : flushed;
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_publish_audio_raw(std::uint32_t broadcast, const char* name,
                                   std::uintptr_t name_len, const moq_audio_encoder_input* input,
                                   const moq_audio_encoder_output* output) {
  Call call;
  moq::capi::AudioRequest request;
  call.handle(broadcast);
  const std::string track(call.text("name", name, name_len));
  read_input(call, input, request);
  read_output(call, output, request);
  if (!call.ok()) return call.status();
  request.config.frame_duration_us = std::uint64_t{output->frame_duration_ms} * 1'000;
  return create(call, broadcast, track, std::move(request));
}

std::int32_t moq_publish_audio_raw_frame(std::uint32_t producer, const moq_audio_frame* frame) {
  Call call;
  call.handle(producer);
  call.pointer("frame", frame);
  const moq::ByteSpan pcm =
      call.ok() ? call.bytes("data", frame->data, frame->data_size) : moq::ByteSpan();
  const auto found = call.find(tables().audio_encoders, producer);
  if (!call.ok()) return call.status();
  const auto done = found->publication.with([&](moq::capi::AudioPublication& publication) {
    return publication.encode(frame->timestamp_us, pcm);
  });
  if (!done) return call.ended(tables().audio_encoders);
  return call.finish(*done, MOQ_ERROR_AUDIO);
}

std::int32_t moq_publish_audio_raw_finish(std::uint32_t producer) {
  Call call;
  call.handle(producer);
  const auto found = call.take(tables().audio_encoders, producer);
  if (!call.ok()) return call.status();
  auto publication = found->publication.take();
  if (!publication) return 0;
  return call.finish(std::move(*publication).finish(), MOQ_ERROR_AUDIO);
}

std::int32_t moq_publish_audio_raw_close(std::uint32_t producer) {
  return moq_publish_audio_raw_finish(producer);
}

std::int32_t moq_encode_audio(std::uint32_t broadcast, const char* name, std::uintptr_t name_len,
                              const moq_audio_encoder_input* input,
                              const moq_audio_encoder_output_v2* output, std::uint32_t bandwidth) {
  Call call;
  moq::capi::AudioRequest request;
  call.handle(broadcast);
  const std::string track(call.text("name", name, name_len));
  read_input(call, input, request);
  read_output(call, output, request);
  call.optional_handle(bandwidth);
  request.bandwidth = call.find_optional(tables().bandwidths, bandwidth);
  if (!call.ok()) return call.status();
  request.config.frame_duration_us = output->frame_duration_us;
  return create(call, broadcast, track, std::move(request));
}

std::int32_t moq_encode_audio_reservation(std::uint32_t producer) {
  Call call;
  call.handle(producer);
  const auto found = call.find(tables().audio_encoders, producer);
  return found ? add_view(call, found->reservation) : call.status();
}

std::int32_t moq_encode_audio_demand(std::uint32_t producer, moq_status_callback on_demand,
                                     void* user_data) {
  Call call;
  call.handle(producer);
  call.pointer("on_demand", on_demand);
  const auto found = call.find(tables().audio_encoders, producer);
  if (!call.ok()) return call.status();
  auto track = found->publication.with(
      [](moq::capi::AudioPublication& publication) { return publication.track().clone(); });
  if (!track) return call.ended(tables().audio_encoders);
  return moq::capi::watch_demand(call, std::move(track), {on_demand, user_data});
}

std::int32_t moq_encode_audio_frame(std::uint32_t producer, const moq_audio_frame* frame) {
  return moq_publish_audio_raw_frame(producer, frame);
}

std::int32_t moq_encode_audio_finish(std::uint32_t producer) {
  return moq_publish_audio_raw_finish(producer);
}
