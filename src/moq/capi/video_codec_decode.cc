#include "moq/av/loader.h"
#include "moq/capi/internal/decode.h"

namespace moq::capi {
namespace {

/// What a C caller wants to see.
struct VideoOutput {
  std::uint32_t format = 0;
  std::uint32_t width = 0;  ///< Both 0: the stream's.
  std::uint32_t height = 0;
  bool h264_alone = false;
  ReadStart start;
};

bool is_h264(const std::string& codec) {
  return codec.starts_with("avc1") || codec.starts_with("avc3");
}

/// Opens the decoder of `rendition`, on the worker's thread.
CodecWorker<av::VideoDecoder, av::Picture>::Open opener(const hang::VideoRendition& rendition,
                                                        const mux::FrameDecoder& container,
                                                        const VideoOutput& output) {
  Bytes description = rendition.description.value_or(Bytes());
  if (description.empty() && container.track()) description = container.track()->entry.description;
  return [codec = rendition.codec, description = std::move(description),
          output]() -> Result<av::VideoDecoder> {
    if (output.h264_alone && !is_h264(codec)) {
      return fail(Code::unsupported, "'" + codec + "' is not H.264");
    }
    MOQ_TRY(const av::CodecTable* codecs, av::codecs());
    return av::VideoDecoder::open(*codecs, {.codec = codec.c_str(),
                                            .description = description.data(),
                                            .description_size = description.size(),
                                            .output_format = av::PixelFormat{output.format},
                                            .output_width = output.width,
                                            .output_height = output.height});
  };
}

std::int32_t consume(Call& call, std::uint32_t catalog, std::uint32_t index,
                     const VideoOutput& output, Callback callback) {
  const auto snapshot = call.find(tables().catalogs, catalog);
  auto source = find_rendition(call, snapshot.get(), MediaKind::video, index);
  Runtime* runtime = Library::get().runtime(call);
  if (!call.ok()) return call.status();
  const auto* entry = entry_at(call, snapshot->catalog.video.renditions, index);
  auto open = opener(entry->second, source->decoder, output);
  auto task = std::make_shared<Task>(callback);
  return start_task(
      call, tables().video_decoders, task,
      [task, runtime, source = *std::move(source), start = output.start,
       open = std::move(open)]() mutable {
        return decode_rendition<av::VideoDecoder, av::Picture>(
            std::move(task), runtime->clock(), std::move(source), start, std::move(open),
            tables().pictures, MOQ_ERROR_VIDEO);
      },
      OnClose::finish);
}

/// Both even and not 0, or both 0; and no larger than a picture may be.
void check_size(Call& call, std::uint32_t width, std::uint32_t height) {
  if (!call.ok() || (width == 0 && height == 0)) return;
  const bool even = width != 0 && height != 0 && width % 2 == 0 && height % 2 == 0;
  const bool fits = width <= av::kMaxPictureSide && height <= av::kMaxPictureSide &&
                    std::uint64_t{width} * height <= av::kMaxPicturePixels;
  if (even && fits) return;
  call.fail(MOQ_ERROR_INVALID_CONFIG,
            "no picture can be " + std::to_string(width) + "x" + std::to_string(height));
}

}  // namespace
}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::close_task;
using moq::capi::tables;
using moq::capi::VideoOutput;

std::int32_t moq_consume_video_raw(std::uint32_t catalog, std::uint32_t index,
                                   const moq_video_decoder_output* output,
                                   void (*on_frame)(void* user_data, std::int32_t frame),
                                   void* user_data) {
  Call call;
  call.handle(catalog);
  call.pointer("output", output);
  if (!call.ok()) return call.status();
  const VideoOutput wanted{.h264_alone = true,
                           .start = {.max_latency = moq::from_ms(output->latency_max_ms)}};
  return consume(call, catalog, index, wanted, {on_frame, user_data});
}

std::int32_t moq_consume_video_raw_close(std::uint32_t consumer) {
  return close_task(tables().video_decoders, consumer);
}

std::int32_t moq_consume_video_raw_frame(std::uint32_t id, moq_video_frame* dst) {
  Call call;
  call.handle(id);
  call.pointer("dst", dst);
  const auto found = call.find(tables().pictures, id);
  if (!call.ok()) return call.status();
  *dst = {.timestamp_us = found->timestamp_us,
          .width = found->width,
          .height = found->height,
          .data = found->data.data(),
          .data_size = found->data.size()};
  return 0;
}

std::int32_t moq_consume_video_raw_frame_free(std::uint32_t id) {
  return release(tables().pictures, id);
}

std::int32_t moq_decode_video(std::uint32_t catalog, std::uint32_t index,
                              const moq_video_decoder_output_v2* output,
                              moq_status_callback on_frame, void* user_data) {
  Call call;
  call.handle(catalog);
  call.pointer("output", output);
  call.pointer("on_frame", on_frame);
  if (!call.ok()) return call.status();
  if (output->format > MOQ_VIDEO_PIXEL_FORMAT_RGBA) {
    return call.fail(MOQ_ERROR_INVALID_CODE,
                     "unknown pixel format " + std::to_string(output->format));
  }
  moq::capi::check_size(call, output->width, output->height);
  if (!call.ok()) return call.status();
  const VideoOutput wanted{
      .format = output->format,
      .width = output->width,
      .height = output->height,
      .start = {.max_latency = moq::capi::from_us(output->max_age_us), .at_newest = true}};
  return consume(call, catalog, index, wanted, {on_frame, user_data});
}

std::int32_t moq_decode_video_cancel(std::uint32_t consumer) {
  return moq_consume_video_raw_close(consumer);
}
std::int32_t moq_decode_video_frame(std::uint32_t id, moq_video_frame* dst) {
  return moq_consume_video_raw_frame(id, dst);
}
std::int32_t moq_decode_video_frame_free(std::uint32_t id) {
  return moq_consume_video_raw_frame_free(id);
}
