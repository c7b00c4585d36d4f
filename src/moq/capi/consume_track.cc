#include "moq/capi/internal/consume.h"
#include "moq/capi/internal/library.h"
#include "moq/hang/container.h"
#include "moq/net/ordered.h"

namespace moq::capi {
namespace {

net::track::Subscription read_subscription(const moq_subscription* subscription) {
  net::track::Subscription out;
  if (subscription == nullptr) return out;
  out.priority = subscription->priority;
  out.max_age = from_ms(subscription->latency_max_ms);
  if (subscription->group_start_valid) out.start = subscription->group_start;
  if (subscription->group_end_valid) out.end = subscription->group_end;
  return out;
}

/// How long to wait for a group that is missing: as long as old groups are wanted.
net::track::Patience patience_for(const net::track::Subscription& subscription) {
  net::track::Patience out;
  out.latency = subscription.max_age;
  if (subscription.max_age == Duration::zero()) out.grace = Duration::zero();
  return out;
}

kio::Task<Result<void>> read_frames(std::shared_ptr<TrackTask> task, kio::Clock& clock,
                                    net::track::Consumer track) {
  const net::track::Subscription& first = track.subscription();
  const net::track::Patience patience = patience_for(first);
  net::track::Ordered frames(clock, std::move(track), patience);
  std::uint64_t timescale = 0;
  for (;;) {
    using Frame = Result<std::optional<net::track::Ordered::Frame>>;
    auto next = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Frame> {
      while (auto wanted = task->poll_update(waiter)) {
        frames.update(*wanted, patience_for(*wanted));
      }
      return frames.poll_next_frame(waiter);
    });
    if (!next) co_return std::unexpected(next.error());
    if (!*next) co_return Result<void>();
    if (timescale == 0) {
      auto info = co_await frames.track().info();
      if (!info) co_return std::unexpected(info.error());
      timescale = info->timescale;
    }
    auto frame = std::make_shared<RawFrame>(
        RawFrame{std::move((*next)->payload),
                 hang::rescale((*next)->info.timestamp, timescale, kMicroseconds)});
    if (!task->deliver(tables().raw_frames, std::move(frame))) co_return Result<void>();
  }
}

kio::Task<Result<void>> read_datagrams(std::shared_ptr<Task> task, net::track::Consumer track) {
  std::uint64_t timescale = 0;
  for (;;) {
    auto next = co_await track.datagram();
    if (!next) co_return std::unexpected(next.error());
    if (!*next) co_return Result<void>();
    if (timescale == 0) {
      auto info = co_await track.info();
      if (!info) co_return std::unexpected(info.error());
      timescale = info->timescale;
    }
    auto datagram = std::make_shared<Datagram>(
        Datagram{(*next)->sequence,
                 {std::move((*next)->payload),
                  hang::rescale((*next)->timestamp, timescale, kMicroseconds)}});
    if (!task->deliver(tables().datagrams, std::move(datagram))) co_return Result<void>();
  }
}

}  // namespace

void TrackTask::update(const net::track::Subscription& wanted) {
  wanted_.write([&](Wanted& now) {
    ++now.version;
    now.subscription = wanted;
    return true;
  });
}

kio::Poll<net::track::Subscription> TrackTask::poll_update(const kio::Waiter& waiter) {
  return wanted_.poll(waiter, [this](const Wanted& now) -> kio::Poll<net::track::Subscription> {
    if (now.version == seen_) return kio::kPending;
    seen_ = now.version;
    return now.subscription;
  });
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_consume_close(std::uint32_t consume) {
  return release(tables().consumers, consume);
}

std::int32_t moq_consume_track(std::uint32_t broadcast, const char* name, std::uintptr_t name_len,
                               const moq_subscription* subscription,
                               void (*on_frame)(void* user_data, std::int32_t frame),
                               void* user_data) {
  Call call;
  call.handle(broadcast);
  const std::string_view title = call.text("name", name, name_len);
  const auto found = call.find(tables().consumers, broadcast);
  moq::capi::Runtime* runtime = moq::capi::Library::get().runtime(call);
  if (!call.ok()) return call.status();
  auto task = std::make_shared<moq::capi::TrackTask>(moq::capi::Callback{on_frame, user_data});
  return start_task(call, tables().track_tasks, task,
                    [task, runtime,
                     track = found->broadcast.subscribe(
                         title, moq::capi::read_subscription(subscription))]() mutable {
                      return moq::capi::read_frames(std::move(task), runtime->clock(),
                                                    std::move(track));
                    });
}

std::int32_t moq_consume_track_update(std::uint32_t track, const moq_subscription* subscription) {
  Call call;
  call.handle(track);
  const auto task = call.find(tables().track_tasks, track);
  if (!call.ok()) return call.status();
  task->update(moq::capi::read_subscription(subscription));
  return 0;
}

std::int32_t moq_consume_track_frame(std::uint32_t frame, moq_frame* dst) {
  Call call;
  call.handle(frame);
  call.pointer("dst", dst);
  const auto found = call.find(tables().raw_frames, frame);
  if (!call.ok()) return call.status();
  if (!found->timestamp_us) {
    return call.fail(MOQ_ERROR_TIMESTAMP_OVERFLOW, "the timestamp passes 64 bits in microseconds");
  }
  *dst = {.payload = found->payload.data(),
          .payload_size = found->payload.size(),
          .timestamp_us = *found->timestamp_us,
          .keyframe = false};
  return 0;
}

std::int32_t moq_consume_track_frame_free(std::uint32_t frame) {
  return release(tables().raw_frames, frame);
}
std::int32_t moq_consume_track_frame_close(std::uint32_t frame) {
  return moq_consume_track_frame_free(frame);
}

std::int32_t moq_consume_track_close(std::uint32_t track) {
  return close_task(tables().track_tasks, track);
}
std::int32_t moq_consume_track_cancel(std::uint32_t track) {
  return moq_consume_track_close(track);
}

std::int32_t moq_consume_datagrams(std::uint32_t broadcast, const char* name,
                                   std::uintptr_t name_len,
                                   void (*on_datagram)(void* user_data, std::int32_t datagram),
                                   void* user_data) {
  Call call;
  call.handle(broadcast);
  const std::string_view title = call.text("name", name, name_len);
  const auto found = call.find(tables().consumers, broadcast);
  if (!call.ok()) return call.status();
  auto task = std::make_shared<moq::capi::Task>(moq::capi::Callback{on_datagram, user_data});
  return start_task(call, tables().datagram_tasks, task,
                    [task, track = found->broadcast.subscribe(title)]() mutable {
                      return moq::capi::read_datagrams(std::move(task), std::move(track));
                    });
}

std::int32_t moq_consume_datagram(std::uint32_t datagram, moq_datagram* dst) {
  Call call;
  call.handle(datagram);
  call.pointer("dst", dst);
  const auto found = call.find(tables().datagrams, datagram);
  if (!call.ok()) return call.status();
  const moq::capi::RawFrame& frame = found->frame;
  if (!frame.timestamp_us) {
    return call.fail(MOQ_ERROR_TIMESTAMP_OVERFLOW, "the timestamp passes 64 bits in microseconds");
  }
  *dst = {.payload = frame.payload.data(),
          .payload_size = frame.payload.size(),
          .timestamp_us = *frame.timestamp_us,
          .sequence = found->sequence};
  return 0;
}

std::int32_t moq_consume_datagram_free(std::uint32_t datagram) {
  return release(tables().datagrams, datagram);
}

std::int32_t moq_consume_datagrams_close(std::uint32_t task) {
  return close_task(tables().datagram_tasks, task);
}
std::int32_t moq_consume_datagrams_cancel(std::uint32_t task) {
  return moq_consume_datagrams_close(task);
}
