#include "moq/av/ffmpeg/internal/handles.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "moq/av/codec_table.h"

namespace moq::av::ffmpeg {

Error error_of(Code kind, int code, std::string_view what) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return {kind, std::string(what) + ": " + text};
}

Owned<AVCodecContext> make_context(const AVCodec& codec) {
  Owned<AVCodecContext> context(avcodec_alloc_context3(&codec));
  MOQ_ASSERT(context != nullptr);  // Out of memory ends the process.
  context->log_level_offset = kQuiet;
  return context;
}

Result<void> set_description(AVCodecContext& context, const std::uint8_t* data, std::size_t size) {
  if (data == nullptr || size == 0) return {};
  if (size > kMaxDescriptionBytes) {
    return fail(Code::invalid_argument, "a description of more than 64 KiB");
  }
  void* copy = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
  MOQ_ASSERT(copy != nullptr);
  std::memcpy(copy, data, size);
  context.extradata = static_cast<std::uint8_t*>(copy);
  context.extradata_size = static_cast<int>(size);
  return {};
}

int worker_threads() {
  constexpr unsigned kMost = 4;
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, kMost));
}

}  // namespace moq::av::ffmpeg
