#include "moq/av/ffmpeg/internal/entry.h"

#include <algorithm>
#include <memory>

#include "moq/av/ffmpeg/internal/audio_decoder.h"
#include "moq/av/ffmpeg/internal/audio_encoder.h"
#include "moq/av/ffmpeg/internal/video_decoder.h"
#include "moq/av/ffmpeg/internal/video_encoder.h"

namespace moq::av {

// What a handle points to.
struct AudioEncoderHandle : ffmpeg::AudioEncoder {};
struct AudioDecoderHandle : ffmpeg::AudioDecoder {};
struct VideoEncoderHandle : ffmpeg::VideoEncoder {};
struct VideoDecoderHandle : ffmpeg::VideoDecoder {};

namespace {

Status status_of(Code code) {
  switch (code) {
    case Code::invalid_argument:
      return Status::invalid;
    case Code::unsupported:
      return Status::unknown_codec;
    case Code::decode:
      return Status::rejected;
    default:
      return Status::failed;
  }
}

Status report(const Error& error, ErrorText* text) {
  const std::size_t size = std::min(error.text.size(), sizeof text->text - 1);
  std::copy_n(error.text.data(), size, text->text);
  text->text[size] = '\0';
  return status_of(error.code);
}

Status report(const Result<void>& result, ErrorText* text) {
  return result ? Status::ok : report(result.error(), text);
}

template <typename Handle, typename Codec, typename Config>
Status open(const Config* config, Handle** handle, ErrorText* text) {
  Result<Codec> codec = Codec::create(*config);
  if (!codec) return report(codec.error(), text);
  *handle = new Handle{std::move(*codec)};
  return Status::ok;
}

template <typename Handle>
void close(Handle* handle) {
  delete handle;
}

template <typename Handle, typename Info>
void info(const Handle* handle, Info* out) {
  *out = handle->info();
}

/// A sink of ours that calls `sink`.
template <typename View>
auto bind(void (*sink)(void*, const View*), void* context) {
  return [sink, context](const View& view) { sink(context, &view); };
}

template <typename Handle, typename In, typename Out>
Status decode(Handle* handle, const In* in, void (*sink)(void*, const Out*), void* context,
              ErrorText* text) {
  return report(handle->decode(*in, bind(sink, context)), text);
}

template <typename Handle, typename Out>
Status flush(Handle* handle, void (*sink)(void*, const Out*), void* context, ErrorText* text) {
  return report(handle->flush(bind(sink, context)), text);
}

Status encode_audio(AudioEncoderHandle* handle, const PcmView* pcm, PacketSink sink, void* context,
                    ErrorText* text) {
  return report(handle->encode(*pcm, bind(sink, context)), text);
}

Status encode_video(VideoEncoderHandle* handle, const PictureView* picture, bool keyframe,
                    PacketSink sink, void* context, ErrorText* text) {
  return report(handle->encode(*picture, keyframe, bind(sink, context)), text);
}

Status set_bitrate(VideoEncoderHandle* handle, std::uint64_t bitrate, ErrorText* text) {
  return report(handle->set_bitrate(bitrate), text);
}

const char* whose() {
  static const std::string text = std::string("FFmpeg ") + av_version_info();
  return text.c_str();
}

}  // namespace
}  // namespace moq::av

const moq::av::CodecTable* moq_av_codecs(std::uint32_t abi_version) {
  using namespace moq::av;
  if (abi_version != kAbiVersion) return nullptr;
  static const CodecTable table{
      .abi_version = kAbiVersion,
      .description = whose(),
      .audio_encoder_open = open<AudioEncoderHandle, ffmpeg::AudioEncoder, AudioEncoderConfig>,
      .audio_encoder_info = info<AudioEncoderHandle, AudioEncoderInfo>,
      .audio_encoder_encode = encode_audio,
      .audio_encoder_flush = flush<AudioEncoderHandle, PacketView>,
      .audio_encoder_close = close<AudioEncoderHandle>,
      .audio_decoder_open = open<AudioDecoderHandle, ffmpeg::AudioDecoder, AudioDecoderConfig>,
      .audio_decoder_decode = decode<AudioDecoderHandle, PacketView, PcmView>,
      .audio_decoder_flush = flush<AudioDecoderHandle, PcmView>,
      .audio_decoder_close = close<AudioDecoderHandle>,
      .video_encoder_open = open<VideoEncoderHandle, ffmpeg::VideoEncoder, VideoEncoderConfig>,
      .video_encoder_info = info<VideoEncoderHandle, VideoEncoderInfo>,
      .video_encoder_encode = encode_video,
      .video_encoder_set_bitrate = set_bitrate,
      .video_encoder_flush = flush<VideoEncoderHandle, PacketView>,
      .video_encoder_close = close<VideoEncoderHandle>,
      .video_decoder_open = open<VideoDecoderHandle, ffmpeg::VideoDecoder, VideoDecoderConfig>,
      .video_decoder_decode = decode<VideoDecoderHandle, PacketView, PictureView>,
      .video_decoder_flush = flush<VideoDecoderHandle, PictureView>,
      .video_decoder_close = close<VideoDecoderHandle>,
  };
  return &table;
}
