#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "moq/base/result.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

/// FFmpeg's objects with their owners.
namespace moq::av::ffmpeg {

struct Free {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVAudioFifo* fifo) const { av_audio_fifo_free(fifo); }
  void operator()(SwrContext* context) const { swr_free(&context); }
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

/// FFmpeg reports to stderr what we report as errors: every level of a context moved by this much
/// is below what it shows unless asked for details.
inline constexpr int kQuiet = AV_LOG_VERBOSE;

/// `what: ` and FFmpeg's words for its error `code`.
Error error_of(Code kind, int code, std::string_view what);

/// Fails with `what` if `code`, which FFmpeg returned, is an error.
inline Result<void> check(int code, std::string_view what) {
  if (code < 0) return std::unexpected(error_of(Code::internal, code, what));
  return {};
}

/// A context for `codec`, without reports.
Owned<AVCodecContext> make_context(const AVCodec& codec);

/// Gives the context a copy of a catalog's `description`.
Result<void> set_description(AVCodecContext& context, const std::uint8_t* data, std::size_t size);

/// A picture or an amount of samples is divided up for this many threads at the most.
int worker_threads();

}  // namespace moq::av::ffmpeg
