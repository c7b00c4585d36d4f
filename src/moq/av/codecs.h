#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/av/codec_table.h"
#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::av {

/// An encoded frame.
struct Packet {
  std::uint64_t timestamp_us = 0;
  bool keyframe = false;
  Bytes payload;
};
/// Decoded samples.
struct Pcm {
  std::uint64_t timestamp_us = 0;
  Bytes data;
};
/// A decoded picture.
struct Picture {
  std::uint64_t timestamp_us = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  Bytes data;
};

/// What a call made. If it failed, `error` says why, and what came before that still counts.
template <typename T>
struct Made {
  std::vector<T> items;
  std::optional<Error> error;
};

// The codecs of a component as owned handles, each for one thread at a time. Errors:
// `invalid_argument` for the caller's own, `unsupported` for an unknown codec, `decode` for a
// packet that is skipped, `internal` for a codec that failed. The table must outlive them.

class AudioEncoder {
 public:
  static Result<AudioEncoder> open(const CodecTable& table, const AudioEncoderConfig& config);

  [[nodiscard]] std::string codec() const;
  /// None if the codec needs none.
  [[nodiscard]] std::optional<Bytes> description() const;
  [[nodiscard]] AudioEncoderInfo info() const;
  Made<Packet> encode(std::uint64_t timestamp_us, ByteSpan pcm);
  /// What is left, padded to whole frames. The last call.
  Made<Packet> flush();

 private:
  using Handle = std::unique_ptr<AudioEncoderHandle, void (*)(AudioEncoderHandle*)>;
  AudioEncoder(const CodecTable& table, Handle handle)
      : table_(&table), handle_(std::move(handle)) {}

  const CodecTable* table_;
  Handle handle_;
};

class AudioDecoder {
 public:
  static Result<AudioDecoder> open(const CodecTable& table, const AudioDecoderConfig& config);

  Made<Pcm> decode(std::uint64_t timestamp_us, ByteSpan packet);
  Made<Pcm> flush();

 private:
  using Handle = std::unique_ptr<AudioDecoderHandle, void (*)(AudioDecoderHandle*)>;
  AudioDecoder(const CodecTable& table, Handle handle)
      : table_(&table), handle_(std::move(handle)) {}

  const CodecTable* table_;
  Handle handle_;
};

class VideoEncoder {
 public:
  static Result<VideoEncoder> open(const CodecTable& table, const VideoEncoderConfig& config);

  [[nodiscard]] Bytes parameter_sets() const;
  [[nodiscard]] VideoEncoderInfo info() const;
  Made<Packet> encode(std::uint64_t timestamp_us, ByteSpan picture, bool keyframe);
  Result<void> set_bitrate(std::uint64_t bitrate);
  Made<Packet> flush();

 private:
  using Handle = std::unique_ptr<VideoEncoderHandle, void (*)(VideoEncoderHandle*)>;
  VideoEncoder(const CodecTable& table, const VideoEncoderConfig& config, Handle handle)
      : table_(&table), width_(config.width), height_(config.height), handle_(std::move(handle)) {}

  const CodecTable* table_;
  std::uint32_t width_;
  std::uint32_t height_;
  Handle handle_;
};

class VideoDecoder {
 public:
  static Result<VideoDecoder> open(const CodecTable& table, const VideoDecoderConfig& config);

  Made<Picture> decode(std::uint64_t timestamp_us, ByteSpan packet, bool keyframe);
  Made<Picture> flush();

 private:
  using Handle = std::unique_ptr<VideoDecoderHandle, void (*)(VideoDecoderHandle*)>;
  VideoDecoder(const CodecTable& table, Handle handle)
      : table_(&table), handle_(std::move(handle)) {}

  const CodecTable* table_;
  Handle handle_;
};

}  // namespace moq::av
