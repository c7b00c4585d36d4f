#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "moq/capi/internal/codec_worker.h"
#include "moq/capi/internal/library.h"
#include "moq/capi/internal/rendition_source.h"
#include "moq/capi/internal/task.h"
#include "moq/hang/container.h"

namespace moq::capi {

/// A rendition whose packets go through a decoder.
template <typename Decoder, typename Out>
class DecodedRendition {
 public:
  /// `timescale`: of the reader's samples. The reader's clock and events must outlive it.
  DecodedRendition(mux::TrackReader reader, std::uint64_t timescale,
                   CodecWorker<Decoder, Out> worker)
      : reader_(std::move(reader)), timescale_(timescale), worker_(std::move(worker)) {}

  /// The next decoded frame; none at the end. Fails with why the track or the decoder did.
  kio::Poll<Result<std::optional<Out>>> poll_next(const kio::Waiter& waiter) {
    feed(waiter);
    auto next = worker_.poll_next(waiter);
    if (next.pending()) return kio::kPending;
    if (*next && !**next && track_error_) {
      return Result<std::optional<Out>>(std::unexpected(*track_error_));
    }
    return next;
  }
  /// Whether it was the track that failed.
  [[nodiscard]] bool track_failed() const { return track_error_.has_value(); }
  CodecWorker<Decoder, Out>& worker() { return worker_; }

 private:
  /// Gives the decoder what there is, for as long as it takes any.
  void feed(const kio::Waiter& waiter) {
    while (!over_ && !worker_.poll_room(waiter).pending()) {
      auto next = reader_.poll_next(waiter);
      if (next.pending()) return;
      if (!*next || !**next) {
        over_ = true;
        if (!*next) track_error_ = next->error();
        worker_.finish();
        return;
      }
      mux::ReadSample& read = ***next;
      const auto time = hang::rescale(read.sample.pts(), timescale_, kMicroseconds);
      if (!time) continue;
      worker_.push({.timestamp_us = *time,
                    .keyframe = read.begins_group || read.sample.keyframe,
                    .payload = std::move(read.sample.payload)});
    }
  }

  mux::TrackReader reader_;
  std::uint64_t timescale_;
  CodecWorker<Decoder, Out> worker_;
  bool over_ = false;
  std::optional<Error> track_error_;
};

/// `us` microseconds, or the longest duration if that is more.
constexpr Duration from_us(std::uint64_t us) {
  constexpr auto kMost = static_cast<std::uint64_t>(Duration::max().count()) / 1'000;
  return us > kMost ? Duration::max() : Duration(static_cast<Duration::rep>(us) * 1'000);
}

/// Decodes a rendition and delivers what comes out as handles of `frames`, until its end or the
/// task's. `codec_status`: the terminal for what the codec fails with. For `OnClose::finish`.
template <typename Decoder, typename Out>
kio::Task<Result<void>> decode_rendition(std::shared_ptr<Task> task, kio::Clock& clock,
                                         RenditionSource source, ReadStart start,
                                         typename CodecWorker<Decoder, Out>::Open open,
                                         Table<Out>& frames, std::int32_t codec_status) {
  mux::EventQueue events;
  MOQ_CO_TRY(auto worker, (CodecWorker<Decoder, Out>::start(std::move(open))));
  DecodedRendition<Decoder, Out> rendition(source.read(clock, events, start),
                                           source.decoder.timescale(), std::move(worker));
  Result<void> result;
  for (;;) {
    std::optional<Result<std::optional<Out>>> next;
    co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (task->poll_closing(waiter)) return kio::Unit{};
      auto polled = rendition.poll_next(waiter);
      if (polled.pending()) return kio::kPending;
      next = *std::move(polled);
      return kio::Unit{};
    });
    while (events.pop()) {
    }
    if (!next) break;
    if (!*next) {
      if (!rendition.track_failed()) task->fail_with(Failure(next->error(), codec_status));
      result = std::unexpected(next->error());
      break;
    }
    if (!**next) break;
    if (!task->deliver(frames, std::make_shared<Out>(***std::move(next)))) break;
  }
  rendition.worker().stop();
  co_await kio::wait(
      [&](const kio::Waiter& waiter) { return rendition.worker().poll_ended(waiter); });
  co_return result;
}

}  // namespace moq::capi
