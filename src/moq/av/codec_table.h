#pragma once

#include <cstddef>
#include <cstdint>

/// Codecs for raw audio and pictures, which libmoq itself has none of: what it calls, and what the
/// component libmoq-av, or another with the same entry point, brings.
namespace moq::av {

/// Goes up with any change to what is below.
inline constexpr std::uint32_t kAbiVersion = 1;

/// Channels of PCM: 7.1.
inline constexpr std::uint32_t kMaxChannels = 8;
/// Samples per second and channel of PCM.
inline constexpr std::uint32_t kMinSampleRate = 8'000;
inline constexpr std::uint32_t kMaxSampleRate = 192'000;
/// PCM of one call: ten seconds of 48 kHz with 8 channels of 32 bits.
inline constexpr std::size_t kMaxPcmBytes = std::size_t{16} << 20;
/// Pixels of one picture: what level 6.2 of H.264 allows, a little more than 8K.
inline constexpr std::uint64_t kMaxPicturePixels = 35'651'584;
/// Either side of a picture.
inline constexpr std::uint32_t kMaxPictureSide = 16'384;
/// Pictures per second, declared to an encoder.
inline constexpr std::uint32_t kMaxFramerate = 1'000;
/// Bits per second of an encoder.
inline constexpr std::uint64_t kMinBitrate = 1'000;
inline constexpr std::uint64_t kMaxBitrate = 1'000'000'000;
/// Decoder configuration out of a catalog; they have tens of bytes.
inline constexpr std::size_t kMaxDescriptionBytes = std::size_t{64} << 10;
/// One encoded packet, as much as one frame of moq.
inline constexpr std::size_t kMaxPacketBytes = std::size_t{16} << 20;
/// Microseconds, which travel as a varint of 62 bits.
inline constexpr std::uint64_t kMaxTimestamp = (std::uint64_t{1} << 62) - 1;

enum class Status : std::int32_t {
  ok = 0,
  invalid = 1,        ///< The caller's arguments are of no use; nothing has changed.
  unknown_codec = 2,  ///< No codec of that name here.
  rejected = 3,       ///< A packet that does not decode; the decoder goes on with the next.
  failed = 4,         ///< The codec failed.
};

/// Numbers of `moq_audio_format`. Planar: all samples of a channel, then those of the next.
enum class SampleFormat : std::uint32_t {
  u8 = 0,
  s16 = 1,
  s32 = 2,
  f32 = 3,
  u8_planar = 4,
  s16_planar = 5,
  s32_planar = 6,
  f32_planar = 7,
};

/// Numbers of `moq_video_pixel_format`. I420: Y, U, V without padding, BT.601 limited range.
enum class PixelFormat : std::uint32_t { i420 = 0, rgba = 1 };

/// Numbers of `moq_video_codec`.
enum class VideoCodec : std::uint32_t { h264 = 0, h265 = 1 };

/// Numbers of `moq_video_encoder_kind`.
enum class EncoderKind : std::uint32_t { any = 0, hardware = 1, software = 2, named = 3 };

/// Why a call failed, NUL-terminated; cut if it is longer. Written on failure only.
struct ErrorText {
  char text[256];
};

struct AudioEncoderConfig {
  const char* codec = "opus";  ///< "opus", "aac", "pcm".
  SampleFormat input_format = SampleFormat::f32;
  std::uint32_t input_rate = 48'000;
  std::uint32_t input_channels = 2;
  std::uint32_t output_rate = 0;        ///< 0: the input's, or the next that the codec has.
  std::uint32_t output_channels = 0;    ///< 0: the input's.
  std::uint64_t bitrate = 0;            ///< Bits per second; 0: the codec's choice.
  std::uint64_t frame_duration_us = 0;  ///< 0: the codec's choice.
};

/// What an encoder makes, for a catalog. Valid until the encoder is closed.
struct AudioEncoderInfo {
  const char* codec = nullptr;                ///< As catalogs name it: "opus", "mp4a.40.2", "pcm".
  const std::uint8_t* description = nullptr;  ///< OpusHead, AudioSpecificConfig; null: none.
  std::size_t description_size = 0;
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::uint64_t bitrate = 0;
};

struct AudioDecoderConfig {
  const char* codec = nullptr;  ///< As catalogs name it.
  const std::uint8_t* description = nullptr;
  std::size_t description_size = 0;
  std::uint32_t stream_rate = 0;  ///< What the catalog says; 0: nothing.
  std::uint32_t stream_channels = 0;
  SampleFormat output_format = SampleFormat::f32;
  std::uint32_t output_rate = 0;      ///< 0: `stream_rate`, or else the codec's own.
  std::uint32_t output_channels = 0;  ///< 0: `stream_channels`, or else the codec's own.
};

struct VideoEncoderConfig {
  VideoCodec codec = VideoCodec::h264;
  EncoderKind kind = EncoderKind::any;
  const char* encoder = nullptr;  ///< For `EncoderKind::named`.
  PixelFormat input_format = PixelFormat::i420;
  std::uint32_t width = 0;  ///< Both even.
  std::uint32_t height = 0;
  std::uint32_t framerate = 0;  ///< Pictures per second, for the rate control.
  std::uint64_t bitrate = 0;    ///< Bits per second; 0: by size and rate.
  std::uint32_t gop = 0;        ///< Pictures from one key frame to the next; 0: two seconds.
};

/// What an encoder makes. Valid until the encoder is closed.
struct VideoEncoderInfo {
  const char* encoder = nullptr;                 ///< Its name, for logs.
  const std::uint8_t* parameter_sets = nullptr;  ///< Annex B.
  std::size_t parameter_sets_size = 0;
  std::uint64_t bitrate = 0;
};

struct VideoDecoderConfig {
  const char* codec = nullptr;  ///< As catalogs name it: "avc1.64001f", "hev1.1.6.L93.90".
  const std::uint8_t* description = nullptr;  ///< avcC, hvcC; null: in the stream.
  std::size_t description_size = 0;
  PixelFormat output_format = PixelFormat::i420;
  std::uint32_t output_width = 0;  ///< Both even, or both 0 for the stream's size.
  std::uint32_t output_height = 0;
};

/// An encoded frame.
struct PacketView {
  std::uint64_t timestamp_us = 0;
  bool keyframe = false;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};
/// Decoded samples.
struct PcmView {
  std::uint64_t timestamp_us = 0;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};
/// A decoded picture.
struct PictureView {
  std::uint64_t timestamp_us = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

// Owned by the component between open and close; each is used by one thread at a time.
struct AudioEncoderHandle;
struct AudioDecoderHandle;
struct VideoEncoderHandle;
struct VideoDecoderHandle;

extern "C" {

// Called any number of times during a call, on the caller's thread; the view is borrowed.
using PacketSink = void (*)(void* context, const PacketView* packet);
using PcmSink = void (*)(void* context, const PcmView* pcm);
using PictureSink = void (*)(void* context, const PictureView* picture);

/// The functions of a component. None may be null, none throws, and each may be called from any
/// thread. What is passed in is borrowed for the call. Each `open` gives a handle that `close`
/// takes back; after a `flush` only `close` may follow. Output goes to the sink in order, and what
/// was given to it counts also if the call then fails.
struct CodecTable {
  std::uint32_t abi_version;
  const char* description;  ///< Whose codecs these are, for logs.

  Status (*audio_encoder_open)(const AudioEncoderConfig* config, AudioEncoderHandle** encoder,
                               ErrorText* error);
  void (*audio_encoder_info)(const AudioEncoderHandle* encoder, AudioEncoderInfo* info);
  /// `pcm`: whole samples of all channels, at most `kMaxPcmBytes`. The first timestamp counts, and
  /// each that leaves a gap behind what came before; in between samples are counted.
  Status (*audio_encoder_encode)(AudioEncoderHandle* encoder, const PcmView* pcm, PacketSink sink,
                                 void* context, ErrorText* error);
  Status (*audio_encoder_flush)(AudioEncoderHandle* encoder, PacketSink sink, void* context,
                                ErrorText* error);
  void (*audio_encoder_close)(AudioEncoderHandle* encoder);

  Status (*audio_decoder_open)(const AudioDecoderConfig* config, AudioDecoderHandle** decoder,
                               ErrorText* error);
  Status (*audio_decoder_decode)(AudioDecoderHandle* decoder, const PacketView* packet,
                                 PcmSink sink, void* context, ErrorText* error);
  Status (*audio_decoder_flush)(AudioDecoderHandle* decoder, PcmSink sink, void* context,
                                ErrorText* error);
  void (*audio_decoder_close)(AudioDecoderHandle* decoder);

  Status (*video_encoder_open)(const VideoEncoderConfig* config, VideoEncoderHandle** encoder,
                               ErrorText* error);
  void (*video_encoder_info)(const VideoEncoderHandle* encoder, VideoEncoderInfo* info);
  /// `picture`: of the declared format and size. `keyframe`: it must become one.
  Status (*video_encoder_encode)(VideoEncoderHandle* encoder, const PictureView* picture,
                                 bool keyframe, PacketSink sink, void* context, ErrorText* error);
  /// From the next picture on, without a key frame. `invalid` above the rate at opening, which the
  /// stream's level was chosen for, or if the encoder cannot; it then goes on as before.
  Status (*video_encoder_set_bitrate)(VideoEncoderHandle* encoder, std::uint64_t bitrate,
                                      ErrorText* error);
  Status (*video_encoder_flush)(VideoEncoderHandle* encoder, PacketSink sink, void* context,
                                ErrorText* error);
  void (*video_encoder_close)(VideoEncoderHandle* encoder);

  Status (*video_decoder_open)(const VideoDecoderConfig* config, VideoDecoderHandle** decoder,
                               ErrorText* error);
  Status (*video_decoder_decode)(VideoDecoderHandle* decoder, const PacketView* packet,
                                 PictureSink sink, void* context, ErrorText* error);
  Status (*video_decoder_flush)(VideoDecoderHandle* decoder, PictureSink sink, void* context,
                                ErrorText* error);
  void (*video_decoder_close)(VideoDecoderHandle* decoder);
};

/// A component's one symbol: its functions, or null if it does not speak that version. They stay
/// valid for as long as it is loaded.
using EntryPoint = const CodecTable* (*)(std::uint32_t abi_version);

}  // extern "C"

}  // namespace moq::av
