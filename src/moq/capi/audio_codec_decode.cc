#include "moq/av/loader.h"
#include "moq/capi/internal/decode.h"

namespace moq::capi {
namespace {

/// What a C caller wants to hear.
struct AudioOutput {
  std::uint32_t format = 0;
  std::uint32_t rate = 0;
  std::uint32_t channels = 0;
  ReadStart start;
};

/// Opens the decoder of `rendition`, on the worker's thread.
CodecWorker<av::AudioDecoder, av::Pcm>::Open opener(const hang::AudioRendition& rendition,
                                                    const mux::FrameDecoder& container,
                                                    const AudioOutput& output) {
  Bytes description = rendition.description.value_or(Bytes());
  if (description.empty() && container.track()) description = container.track()->entry.description;
  return
      [codec = rendition.codec, description = std::move(description), rate = rendition.sample_rate,
       channels = rendition.channels, output]() -> Result<av::AudioDecoder> {
        MOQ_TRY(const av::CodecTable* codecs, av::codecs());
        return av::AudioDecoder::open(*codecs, {.codec = codec.c_str(),
                                                .description = description.data(),
                                                .description_size = description.size(),
                                                .stream_rate = rate,
                                                .stream_channels = channels,
                                                .output_format = av::SampleFormat{output.format},
                                                .output_rate = output.rate,
                                                .output_channels = output.channels});
      };
}

std::int32_t consume(Call& call, std::uint32_t catalog, std::uint32_t index,
                     const AudioOutput& output, Callback callback) {
  if (call.ok() && output.format > MOQ_AUDIO_FORMAT_F32_PLANAR) {
    call.fail(MOQ_ERROR_INVALID_CODE, "unknown sample format " + std::to_string(output.format));
  }
  const auto snapshot = call.find(tables().catalogs, catalog);
  auto source = find_rendition(call, snapshot.get(), MediaKind::audio, index);
  Runtime* runtime = Library::get().runtime(call);
  if (!call.ok()) return call.status();
  const auto* entry = entry_at(call, snapshot->catalog.audio.renditions, index);
  auto open = opener(entry->second, source->decoder, output);
  auto task = std::make_shared<Task>(callback);
  return start_task(
      call, tables().audio_decoders, task,
      [task, runtime, source = *std::move(source), start = output.start,
       open = std::move(open)]() mutable {
        return decode_rendition<av::AudioDecoder, av::Pcm>(
            std::move(task), runtime->clock(), std::move(source), start, std::move(open),
            tables().pcm_frames, MOQ_ERROR_AUDIO);
      },
      OnClose::finish);
}

}  // namespace
}  // namespace moq::capi

using moq::capi::AudioOutput;
using moq::capi::Call;
using moq::capi::close_task;
using moq::capi::tables;

std::int32_t moq_consume_audio_raw(std::uint32_t catalog, std::uint32_t index,
                                   const moq_audio_decoder_output* output,
                                   void (*on_frame)(void* user_data, std::int32_t frame),
                                   void* user_data) {
  Call call;
  call.handle(catalog);
  call.pointer("output", output);
  if (!call.ok()) return call.status();
  const AudioOutput wanted{output->format,
                           output->sample_rate,
                           output->channels,
                           {.max_latency = moq::from_ms(output->latency_max_ms)}};
  return consume(call, catalog, index, wanted, {on_frame, user_data});
}

std::int32_t moq_consume_audio_raw_close(std::uint32_t consumer) {
  return close_task(tables().audio_decoders, consumer);
}

std::int32_t moq_consume_audio_raw_frame(std::uint32_t id, moq_audio_frame* dst) {
  Call call;
  call.handle(id);
  call.pointer("dst", dst);
  const auto found = call.find(tables().pcm_frames, id);
  if (!call.ok()) return call.status();
  *dst = {.timestamp_us = found->timestamp_us,
          .data = found->data.data(),
          .data_size = found->data.size()};
  return 0;
}

std::int32_t moq_consume_audio_raw_frame_free(std::uint32_t id) {
  return release(tables().pcm_frames, id);
}

std::int32_t moq_decode_audio(std::uint32_t catalog, std::uint32_t index,
                              const moq_audio_decoder_output_v2* output,
                              moq_status_callback on_frame, void* user_data) {
  Call call;
  call.handle(catalog);
  call.pointer("output", output);
  call.pointer("on_frame", on_frame);
  if (!call.ok()) return call.status();
  const AudioOutput wanted{
      output->format,
      output->sample_rate,
      output->channels,
      {.max_latency = moq::capi::from_us(output->max_age_us), .at_newest = true}};
  return consume(call, catalog, index, wanted, {on_frame, user_data});
}

std::int32_t moq_decode_audio_cancel(std::uint32_t consumer) {
  return moq_consume_audio_raw_close(consumer);
}
std::int32_t moq_decode_audio_frame(std::uint32_t id, moq_audio_frame* dst) {
  return moq_consume_audio_raw_frame(id, dst);
}
std::int32_t moq_decode_audio_frame_free(std::uint32_t id) {
  return moq_consume_audio_raw_frame_free(id);
}
