#include "moq/av/codecs.h"

#include <cstring>

namespace moq::av {
namespace {

Code code_of(Status status) {
  switch (status) {
    case Status::invalid:
      return Code::invalid_argument;
    case Status::unknown_codec:
      return Code::unsupported;
    case Status::rejected:
      return Code::decode;
    default:
      return Code::internal;
  }
}

Error error_of(Status status, const ErrorText& text) {
  return {code_of(status), std::string(text.text, ::strnlen(text.text, sizeof text.text))};
}

Packet copy(const PacketView& view) {
  return {view.timestamp_us, view.keyframe, Bytes::copy(ByteSpan(view.data, view.size))};
}
Pcm copy(const PcmView& view) {
  return {view.timestamp_us, Bytes::copy(ByteSpan(view.data, view.size))};
}
Picture copy(const PictureView& view) {
  return {view.timestamp_us, view.width, view.height, Bytes::copy(ByteSpan(view.data, view.size))};
}

/// Runs `call(sink, context, error)` and keeps what it gives to the sink.
template <typename T, typename View, typename Call>
Made<T> collect(Call&& call) {
  Made<T> made;
  ErrorText text{};
  const Status status = call(
      +[](void* context, const View* view) {
        static_cast<Made<T>*>(context)->items.push_back(copy(*view));
      },
      static_cast<void*>(&made), &text);
  if (status != Status::ok) made.error = error_of(status, text);
  return made;
}

/// Calls `open` and takes the handle that it gives, which `close` frees.
template <typename Handle, typename Config>
Result<std::unique_ptr<Handle, void (*)(Handle*)>> take(Status (*open)(const Config*, Handle**,
                                                                       ErrorText*),
                                                        void (*close)(Handle*),
                                                        const Config& config) {
  Handle* handle = nullptr;
  ErrorText text{};
  const Status status = open(&config, &handle, &text);
  if (status != Status::ok) return std::unexpected(error_of(status, text));
  return std::unique_ptr<Handle, void (*)(Handle*)>(handle, close);
}

}  // namespace

Result<AudioEncoder> AudioEncoder::open(const CodecTable& table, const AudioEncoderConfig& config) {
  MOQ_TRY(Handle handle, take(table.audio_encoder_open, table.audio_encoder_close, config));
  return AudioEncoder(table, std::move(handle));
}

AudioEncoderInfo AudioEncoder::info() const {
  AudioEncoderInfo info;
  table_->audio_encoder_info(handle_.get(), &info);
  return info;
}

std::string AudioEncoder::codec() const { return info().codec; }

std::optional<Bytes> AudioEncoder::description() const {
  const AudioEncoderInfo known = info();
  if (known.description == nullptr) return std::nullopt;
  return Bytes::copy(ByteSpan(known.description, known.description_size));
}

Made<Packet> AudioEncoder::encode(std::uint64_t timestamp_us, ByteSpan pcm) {
  const PcmView view{timestamp_us, pcm.data(), pcm.size()};
  return collect<Packet, PacketView>([&](PacketSink sink, void* context, ErrorText* text) {
    return table_->audio_encoder_encode(handle_.get(), &view, sink, context, text);
  });
}

Made<Packet> AudioEncoder::flush() {
  return collect<Packet, PacketView>([&](PacketSink sink, void* context, ErrorText* text) {
    return table_->audio_encoder_flush(handle_.get(), sink, context, text);
  });
}

Result<AudioDecoder> AudioDecoder::open(const CodecTable& table, const AudioDecoderConfig& config) {
  MOQ_TRY(Handle handle, take(table.audio_decoder_open, table.audio_decoder_close, config));
  return AudioDecoder(table, std::move(handle));
}

Made<Pcm> AudioDecoder::decode(std::uint64_t timestamp_us, ByteSpan packet) {
  const PacketView view{timestamp_us, true, packet.data(), packet.size()};
  return collect<Pcm, PcmView>([&](PcmSink sink, void* context, ErrorText* text) {
    return table_->audio_decoder_decode(handle_.get(), &view, sink, context, text);
  });
}

Made<Pcm> AudioDecoder::flush() {
  return collect<Pcm, PcmView>([&](PcmSink sink, void* context, ErrorText* text) {
    return table_->audio_decoder_flush(handle_.get(), sink, context, text);
  });
}

Result<VideoEncoder> VideoEncoder::open(const CodecTable& table, const VideoEncoderConfig& config) {
  MOQ_TRY(Handle handle, take(table.video_encoder_open, table.video_encoder_close, config));
  return VideoEncoder(table, config, std::move(handle));
}

VideoEncoderInfo VideoEncoder::info() const {
  VideoEncoderInfo info;
  table_->video_encoder_info(handle_.get(), &info);
  return info;
}

Bytes VideoEncoder::parameter_sets() const {
  const VideoEncoderInfo known = info();
  return Bytes::copy(ByteSpan(known.parameter_sets, known.parameter_sets_size));
}

Made<Packet> VideoEncoder::encode(std::uint64_t timestamp_us, ByteSpan picture, bool keyframe) {
  const PictureView view{timestamp_us, width_, height_, picture.data(), picture.size()};
  return collect<Packet, PacketView>([&](PacketSink sink, void* context, ErrorText* text) {
    return table_->video_encoder_encode(handle_.get(), &view, keyframe, sink, context, text);
  });
}

Result<void> VideoEncoder::set_bitrate(std::uint64_t bitrate) {
  ErrorText text{};
  const Status status = table_->video_encoder_set_bitrate(handle_.get(), bitrate, &text);
  if (status != Status::ok) return std::unexpected(error_of(status, text));
  return {};
}

Made<Packet> VideoEncoder::flush() {
  return collect<Packet, PacketView>([&](PacketSink sink, void* context, ErrorText* text) {
    return table_->video_encoder_flush(handle_.get(), sink, context, text);
  });
}

Result<VideoDecoder> VideoDecoder::open(const CodecTable& table, const VideoDecoderConfig& config) {
  MOQ_TRY(Handle handle, take(table.video_decoder_open, table.video_decoder_close, config));
  return VideoDecoder(table, std::move(handle));
}

Made<Picture> VideoDecoder::decode(std::uint64_t timestamp_us, ByteSpan packet, bool keyframe) {
  const PacketView view{timestamp_us, keyframe, packet.data(), packet.size()};
  return collect<Picture, PictureView>([&](PictureSink sink, void* context, ErrorText* text) {
    return table_->video_decoder_decode(handle_.get(), &view, sink, context, text);
  });
}

Made<Picture> VideoDecoder::flush() {
  return collect<Picture, PictureView>([&](PictureSink sink, void* context, ErrorText* text) {
    return table_->video_decoder_flush(handle_.get(), sink, context, text);
  });
}

}  // namespace moq::av
