#include "moq/capi/internal/consume.h"
#include "moq/capi/internal/library.h"
#include "moq/capi/internal/rendition_source.h"
#include "moq/hang/container.h"

namespace moq::capi {
namespace {

kio::Task<Result<void>> read_media(std::shared_ptr<Task> task, kio::Clock& clock,
                                   RenditionSource source, Duration max_latency) {
  mux::EventQueue events;
  mux::TrackReader reader = source.read(clock, events, {.max_latency = max_latency});
  for (;;) {
    auto next =
        co_await kio::wait([&](const kio::Waiter& waiter) { return reader.poll_next(waiter); });
    while (events.pop()) {
    }
    if (!next) co_return std::unexpected(next.error());
    if (!*next) co_return Result<void>();
    mux::ReadSample& read = **next;
    const auto timestamp_us =
        hang::rescale(read.sample.pts(), source.decoder.timescale(), kMicroseconds);
    if (!timestamp_us) continue;
    auto frame = std::make_shared<MediaFrame>(
        MediaFrame{std::move(read.sample.payload), *timestamp_us, read.begins_group});
    if (!task->deliver(tables().media_frames, std::move(frame))) co_return Result<void>();
  }
}

std::int32_t consume(std::uint32_t catalog, MediaKind kind, std::uint32_t index,
                     std::uint64_t max_latency_ms, Callback callback) {
  Call call;
  call.handle(catalog);
  const auto snapshot = call.find(tables().catalogs, catalog);
  auto source = find_rendition(call, snapshot.get(), kind, index);
  Runtime* runtime = Library::get().runtime(call);
  if (!call.ok()) return call.status();
  auto task = std::make_shared<Task>(callback);
  return start_task(call, tables().media_tasks, task,
                    [task, runtime, source = *std::move(source),
                     max_latency = from_ms(max_latency_ms)]() mutable {
                      return read_media(std::move(task), runtime->clock(), std::move(source),
                                        max_latency);
                    });
}

/// The broadcast that has the track of a rendition: its own, or the one that it refers to.
std::optional<net::broadcast::Consumer> find_home(Call& call, const BroadcastConsumer& source,
                                                  const std::optional<std::string>& reference) {
  if (!reference) return source.broadcast.clone();
  const auto path = hang::resolve_broadcast(source.path.text(), *reference);
  const auto parsed =
      path ? net::Path::parse(*path) : Result<net::Path>(std::unexpected(path.error()));
  if (parsed) {
    if (auto found = source.origin.find(*parsed)) return found;
  }
  call.fail(MOQ_ERROR_UNRESOLVABLE_BROADCAST,
            "the rendition is of another broadcast, '" + *reference + "', which is not there");
  return std::nullopt;
}

template <typename Renditions>
std::optional<RenditionSource> find_in(Call& call, const CatalogSnapshot& snapshot,
                                       const Renditions& renditions, MediaKind kind,
                                       std::uint32_t index) {
  const auto* entry = entry_at(call, renditions, index);
  if (entry == nullptr) return std::nullopt;
  const auto& [name, rendition] = *entry;
  auto decoder = mux::FrameDecoder::create(rendition.container, kind);
  if (!decoder) {
    call.fail(Failure(decoder.error(), MOQ_ERROR_MUX));
    return std::nullopt;
  }
  auto home = find_home(call, *snapshot.source, rendition.broadcast);
  if (!home) return std::nullopt;
  return RenditionSource{*std::move(home), name, kind, *std::move(decoder)};
}

}  // namespace

mux::TrackReader RenditionSource::read(kio::Clock& clock, mux::EventQueue& events,
                                       const ReadStart& start) const {
  const std::uint8_t priority =
      kind == MediaKind::video ? hang::kVideoPriority : hang::kAudioPriority;
  net::track::Subscription wanted{.priority = priority, .max_age = start.max_latency};
  auto track = broadcast.subscribe(name, wanted);
  if (start.at_newest) {
    wanted.start = track.latest();
    track.update(wanted);
  }
  return {clock, events, std::move(track), decoder,
          mux::TrackReader::Options{.max_latency = start.max_latency, .priority = priority}};
}

std::optional<RenditionSource> find_rendition(Call& call, const CatalogSnapshot* snapshot,
                                              MediaKind kind, std::uint32_t index) {
  if (!call.ok()) return std::nullopt;
  const hang::Catalog& catalog = snapshot->catalog;
  if (kind == MediaKind::video) {
    return find_in(call, *snapshot, catalog.video.renditions, kind, index);
  }
  return find_in(call, *snapshot, catalog.audio.renditions, kind, index);
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_consume_video(std::uint32_t catalog, std::uint32_t index,
                               std::uint64_t max_latency_ms,
                               void (*on_frame)(void* user_data, std::int32_t frame),
                               void* user_data) {
  return moq::capi::consume(catalog, moq::capi::MediaKind::video, index, max_latency_ms,
                            {on_frame, user_data});
}
std::int32_t moq_consume_video_ordered(std::uint32_t catalog, std::uint32_t index,
                                       std::uint64_t max_latency_ms,
                                       void (*on_frame)(void* user_data, std::int32_t frame),
                                       void* user_data) {
  return moq_consume_video(catalog, index, max_latency_ms, on_frame, user_data);
}
std::int32_t moq_consume_audio(std::uint32_t catalog, std::uint32_t index,
                               std::uint64_t max_latency_ms,
                               void (*on_frame)(void* user_data, std::int32_t frame),
                               void* user_data) {
  return moq::capi::consume(catalog, moq::capi::MediaKind::audio, index, max_latency_ms,
                            {on_frame, user_data});
}
std::int32_t moq_consume_audio_ordered(std::uint32_t catalog, std::uint32_t index,
                                       std::uint64_t max_latency_ms,
                                       void (*on_frame)(void* user_data, std::int32_t frame),
                                       void* user_data) {
  return moq_consume_audio(catalog, index, max_latency_ms, on_frame, user_data);
}

std::int32_t moq_consume_video_close(std::uint32_t track) {
  return close_task(tables().media_tasks, track);
}
std::int32_t moq_consume_video_cancel(std::uint32_t track) {
  return moq_consume_video_close(track);
}
std::int32_t moq_consume_audio_close(std::uint32_t track) { return moq_consume_video_close(track); }
std::int32_t moq_consume_audio_cancel(std::uint32_t track) {
  return moq_consume_video_close(track);
}

std::int32_t moq_consume_frame(std::uint32_t frame, moq_frame* dst) {
  Call call;
  call.handle(frame);
  call.pointer("dst", dst);
  const auto found = call.find(tables().media_frames, frame);
  if (!call.ok()) return call.status();
  *dst = {.payload = found->payload.data(),
          .payload_size = found->payload.size(),
          .timestamp_us = found->timestamp_us,
          .keyframe = found->keyframe};
  return 0;
}

std::int32_t moq_consume_frame_free(std::uint32_t frame) {
  return release(tables().media_frames, frame);
}
std::int32_t moq_consume_frame_close(std::uint32_t frame) { return moq_consume_frame_free(frame); }
