#pragma once

#include <utility>

#include "moq/av/codec_table.h"
#include "moq/av/ffmpeg/internal/handles.h"

/// What decoders of sound and of pictures do alike. `scratch` is for reuse: empty before and after.
namespace moq::av::ffmpeg {

/// Fails with `decode` for a packet that no decoder is given: empty, or out of range.
Result<void> check_packet(const PacketView& packet);

/// Gives a copy of `packet` to the decoder.
Result<void> send_packet(AVCodecContext& codec, AVPacket& scratch, const PacketView& packet);

/// Runs `convert(const AVFrame&)`, which returns a result, with each frame that the decoder has
/// ready; stops at the first that fails.
template <typename Convert>
Result<void> receive_frames(AVCodecContext& codec, AVFrame& scratch, Convert&& convert) {
  for (;;) {
    const int received = avcodec_receive_frame(&codec, &scratch);
    if (received == AVERROR(EAGAIN) || received == AVERROR_EOF) return {};
    if (received < 0) return std::unexpected(error_of(Code::decode, received, codec.codec->name));
    const Result<void> converted = convert(std::as_const(scratch));
    av_frame_unref(&scratch);
    MOQ_CHECK(converted);
  }
}

}  // namespace moq::av::ffmpeg
