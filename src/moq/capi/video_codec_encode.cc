#include <algorithm>

#include "moq/capi/internal/broadcast.h"
#include "moq/capi/internal/demand.h"
#include "moq/capi/internal/encoders.h"
#include "moq/capi/internal/library.h"

namespace moq::capi {
namespace {

/// What a C caller asks for.
struct VideoRequest {
  std::string encoder;                        ///< By its name; for `EncoderKind::named`.
  av::VideoEncoderConfig config;              ///< All but that.
  std::shared_ptr<net::Bandwidth> bandwidth;  ///< May be null.
};

/// A change of the grant by less is not worth a retune, in percent.
constexpr std::uint64_t kLeastChange = 5;

void read_code(Call& call, const char* what, std::uint32_t value, std::uint32_t last) {
  if (call.ok() && value > last) {
    call.fail(MOQ_ERROR_INVALID_CODE, std::string("unknown ") + what + " " + std::to_string(value));
  }
}

void read_input(Call& call, const moq_video_encoder_input* input, VideoRequest& out) {
  call.pointer("input", input);
  if (!call.ok()) return;
  read_code(call, "pixel format", input->format, MOQ_VIDEO_PIXEL_FORMAT_RGBA);
  out.config.input_format = av::PixelFormat{input->format};
  out.config.width = input->width;
  out.config.height = input->height;
  out.config.framerate = input->framerate;
}

void read_output(Call& call, const moq_video_encoder_output* output, VideoRequest& out) {
  call.pointer("output", output);
  if (!call.ok()) return;
  read_code(call, "video codec", output->codec, MOQ_VIDEO_CODEC_H265);
  read_code(call, "kind of encoder", output->kind, MOQ_VIDEO_ENCODER_KIND_NAMED);
  out.encoder = call.text("encoder", output->encoder, output->encoder_len);
  out.config.codec = av::VideoCodec{output->codec};
  out.config.kind = av::EncoderKind{output->kind};
  out.config.bitrate = output->bitrate;
  out.config.gop = output->gop;
}

mux::MediaTrack::Options track_options(const av::VideoEncoder& encoder,
                                       const av::VideoEncoderConfig& config) {
  mux::MediaTrack::Options options;
  options.format = config.codec == av::VideoCodec::h265 ? mux::MediaTrack::Format::hev1
                                                        : mux::MediaTrack::Format::avc3;
  options.init = encoder.parameter_sets();
  options.hint = {.coded_width = config.width,
                  .coded_height = config.height,
                  .bitrate = encoder.info().bitrate,
                  .framerate = config.framerate};
  return options;
}

std::int32_t create(Call& call, std::uint32_t broadcast, VideoRequest request) {
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  const auto codecs = av::codecs();
  if (!codecs) return call.fail(Failure(codecs.error(), MOQ_ERROR_VIDEO));
  request.config.encoder = request.encoder.c_str();
  auto encoder = av::VideoEncoder::open(**codecs, request.config);
  if (!encoder) return call.fail(Failure(encoder.error(), MOQ_ERROR_VIDEO));

  auto track = found->producer.with([&](net::broadcast::Producer& producer) {
    return mux::MediaTrack::create(producer, found->catalog.clone(), Library::get().clock(),
                                   track_options(*encoder, request.config));
  });
  if (!track) return call.ended(tables().broadcasts);
  if (!*track) return call.fail(Failure(track->error(), MOQ_ERROR_VIDEO));
  auto claim = reserve(request.bandwidth.get(), (*track)->track(), encoder->info().bitrate);
  VideoPublication publication(*std::move(encoder), **std::move(track), claim);
  return call.add(tables().video_encoders,
                  std::make_shared<VideoEncoder>(std::move(publication), std::move(claim)));
}

}  // namespace

Result<void> VideoPublication::publish(const av::Made<av::Packet>& made) {
  for (const av::Packet& packet : made.items) {
    MOQ_CHECK(track_.write(packet.payload, packet.timestamp_us));
  }
  if (made.error) return std::unexpected(*made.error);
  return {};
}

Result<void> VideoPublication::set_bitrate(std::uint64_t bitrate) {
  MOQ_CHECK(encoder_.set_bitrate(bitrate));
  ceiling_ = bitrate_ = bitrate;
  if (reservation_) reservation_->set_max(bitrate);
  return {};
}

void VideoPublication::follow_grant() {
  const auto grant = reservation_ ? reservation_->grant() : std::nullopt;
  if (!grant || *grant == 0) return;
  const std::uint64_t wanted = std::min(*grant, ceiling_);
  const std::uint64_t change = wanted > bitrate_ ? wanted - bitrate_ : bitrate_ - wanted;
  if (change < bitrate_ * kLeastChange / 100) return;
  // An encoder that cannot goes on as before.
  if (encoder_.set_bitrate(wanted)) bitrate_ = wanted;
}

Result<void> VideoPublication::encode(std::uint64_t timestamp_us, ByteSpan picture, bool keyframe) {
  follow_grant();
  return publish(encoder_.encode(timestamp_us, picture, keyframe));
}

Result<void> VideoPublication::finish() && {
  Result<void> flushed = publish(encoder_.flush());
  if (flushed) return std::move(track_).finish();
  std::move(track_).abort(flushed.error());
  return flushed;
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_publish_video_raw(std::uint32_t broadcast, const moq_video_encoder_input* input,
                                   const moq_video_encoder_output* output) {
  return moq_encode_video(broadcast, input, output, 0);
}

std::int32_t moq_publish_video_raw_frame(std::uint32_t producer,
                                         const moq_video_encoder_frame* frame) {
  Call call;
  call.handle(producer);
  call.pointer("frame", frame);
  moq::ByteSpan picture;
  if (call.ok()) {
    picture = call.bytes("data", frame->data, frame->data_size);
    call.timestamp(frame->timestamp_us);
  }
  const auto found = call.find(tables().video_encoders, producer);
  if (!call.ok()) return call.status();
  const auto done = found->publication.with([&](moq::capi::VideoPublication& publication) {
    const bool keyframe = found->cut.exchange(false);
    const moq::Result<void> encoded = publication.encode(frame->timestamp_us, picture, keyframe);
    // A picture that was refused leaves the cut to the next.
    if (!encoded && keyframe) found->cut = true;
    return encoded;
  });
  if (!done) return call.ended(tables().video_encoders);
  return call.finish(*done, MOQ_ERROR_VIDEO);
}

std::int32_t moq_publish_video_raw_cut(std::uint32_t producer) {
  Call call;
  call.handle(producer);
  const auto found = call.find(tables().video_encoders, producer);
  if (found) found->cut = true;
  return call.status();
}

std::int32_t moq_publish_video_raw_bitrate(std::uint32_t producer, std::uint64_t bitrate) {
  Call call;
  call.handle(producer);
  const auto found = call.find(tables().video_encoders, producer);
  if (!call.ok()) return call.status();
  const auto done = found->publication.with(
      [&](moq::capi::VideoPublication& publication) { return publication.set_bitrate(bitrate); });
  if (!done) return call.ended(tables().video_encoders);
  return call.finish(*done, MOQ_ERROR_VIDEO);
}

std::int32_t moq_publish_video_raw_finish(std::uint32_t producer) {
  Call call;
  call.handle(producer);
  const auto found = call.take(tables().video_encoders, producer);
  if (!call.ok()) return call.status();
  auto publication = found->publication.take();
  if (!publication) return 0;
  return call.finish(std::move(*publication).finish(), MOQ_ERROR_VIDEO);
}

std::int32_t moq_encode_video(std::uint32_t broadcast, const moq_video_encoder_input* input,
                              const moq_video_encoder_output* output, std::uint32_t bandwidth) {
  Call call;
  moq::capi::VideoRequest request;
  call.handle(broadcast);
  read_input(call, input, request);
  read_output(call, output, request);
  call.optional_handle(bandwidth);
  request.bandwidth = call.find_optional(tables().bandwidths, bandwidth);
  if (!call.ok()) return call.status();
  return create(call, broadcast, std::move(request));
}

std::int32_t moq_encode_video_reservation(std::uint32_t producer) {
  Call call;
  call.handle(producer);
  const auto found = call.find(tables().video_encoders, producer);
  return found ? add_view(call, found->reservation) : call.status();
}

std::int32_t moq_encode_video_demand(std::uint32_t producer, moq_status_callback on_demand,
                                     void* user_data) {
  Call call;
  call.handle(producer);
  call.pointer("on_demand", on_demand);
  const auto found = call.find(tables().video_encoders, producer);
  if (!call.ok()) return call.status();
  auto track = found->publication.with(
      [](moq::capi::VideoPublication& publication) { return publication.track().clone(); });
  if (!track) return call.ended(tables().video_encoders);
  return moq::capi::watch_demand(call, std::move(track), {on_demand, user_data});
}

std::int32_t moq_encode_video_frame(std::uint32_t producer, const moq_video_encoder_frame* frame) {
  return moq_publish_video_raw_frame(producer, frame);
}
std::int32_t moq_encode_video_cut(std::uint32_t producer) {
  return moq_publish_video_raw_cut(producer);
}
std::int32_t moq_encode_video_bitrate(std::uint32_t producer, std::uint64_t bitrate) {
  return moq_publish_video_raw_bitrate(producer, bitrate);
}
std::int32_t moq_encode_video_finish(std::uint32_t producer) {
  return moq_publish_video_raw_finish(producer);
}
