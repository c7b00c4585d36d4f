// Tracks and groups that are made when somebody asks for them.
#include "moq/capi/internal/requests.h"

#include "moq/capi/internal/library.h"
#include "moq/capi/internal/media.h"
#include "moq/capi/internal/task.h"
#include "moq/capi/internal/track_info.h"

namespace moq::capi {
namespace {

/// The clean ends of what serves requests: its track or broadcast is over.
Result<void> end_of(const Error& error) {
  if (error.code == Code::closed) return {};
  return std::unexpected(error);
}

kio::Task<Result<void>> serve_tracks(std::shared_ptr<Task> task,
                                     std::shared_ptr<Broadcast> broadcast,
                                     net::broadcast::Dynamic requests) {
  for (;;) {
    auto asked = co_await requests.requested_track();
    if (!asked) co_return end_of(asked.error());
    auto request = std::make_shared<TrackRequest>(broadcast, *std::move(asked));
    if (!task->deliver(tables().track_requests, std::move(request))) co_return Result<void>();
  }
}

kio::Task<Result<void>> serve_groups(std::shared_ptr<Task> task, net::track::Producer track) {
  const std::uint64_t timescale = track.info().timescale;
  for (;;) {
    auto asked = co_await kio::wait(
        [&](const kio::Waiter& waiter) { return track.poll_requested_group(waiter); });
    if (!asked) co_return end_of(asked.error());
    auto request = std::make_shared<GroupRequest>(*std::move(asked), timescale);
    if (!task->deliver(tables().group_requests, std::move(request))) co_return Result<void>();
  }
}

/// Waits for the track to be accepted, then serves it. Ends if it is refused.
kio::Task<Result<void>> serve_groups_once_accepted(std::shared_ptr<Task> task,
                                                   kio::Shared<Answer> answer) {
  auto track = co_await kio::wait([&](const kio::Waiter& waiter) {
    using Track = std::optional<net::track::Producer>;
    return answer.poll(waiter, [](const Answer& now) -> kio::Poll<Track> {
      if (!now.given) return kio::kPending;
      return now.track ? Track(now.track->clone()) : Track();
    });
  });
  if (!track) co_return Result<void>();
  // The answer would keep the track alive for as long as this task runs.
  answer = kio::Shared<Answer>(Answer{});
  auto served = serve_groups(std::move(task), *std::move(track));
  co_return co_await std::move(served);
}

std::int32_t add_groups_task(
    Call& call, Callback callback,
    std::move_only_function<kio::Task<Result<void>>(std::shared_ptr<Task>)> serve) {
  auto task = std::make_shared<Task>(callback);
  return start_task(call, tables().dynamic_tasks, task,
                    [task, serve = std::move(serve)]() mutable { return serve(std::move(task)); });
}

std::int32_t gone(Call& call, const char* what) {
  return call.fail(MOQ_ERROR_NOT_FOUND, std::string(what) + " has been answered already");
}

/// Accepts a track as one of `info`, and tells who serves its groups.
Result<net::track::Producer> accept(TrackRequest& request, net::broadcast::TrackRequest asked,
                                    const net::track::Info& info) {
  MOQ_TRY(auto track, std::move(asked).accept(info));
  request.answer(track.clone());
  return track;
}

template <typename Config>
std::int32_t accept_media(std::uint32_t request, const Config* config) {
  Call call;
  call.handle(request);
  auto options = read_init(call, config);
  const auto found = call.take(tables().track_requests, request);
  if (!call.ok()) return call.status();
  auto asked = found->request.take();
  if (!asked) return gone(call, "the track request");
  auto track = accept(*found, *std::move(asked), mux::MediaTrack::info(options->format));
  if (!track) return call.finish(std::unexpected(track.error()));
  auto media = mux::MediaTrack::create(*std::move(track), found->broadcast->catalog.clone(),
                                       Library::get().clock(), *std::move(options));
  if (!media) return call.fail(Failure(media.error(), MOQ_ERROR_MUX));
  return call.add(tables().media, std::make_shared<Media>(found->broadcast, *std::move(media)));
}

std::int32_t refuse_track(std::uint32_t request, const Error& error) {
  Call call;
  call.handle(request);
  const auto found = call.take(tables().track_requests, request);
  if (!call.ok()) return call.status();
  if (auto asked = found->request.take()) std::move(*asked).reject(error);
  return 0;
}

std::int32_t refuse_group(std::uint32_t request, Error error) {
  Call call;
  call.handle(request);
  const auto found = call.take(tables().group_requests, request);
  if (!call.ok()) return call.status();
  if (auto asked = found->request.take()) std::move(*asked).reject(std::move(error));
  return 0;
}

/// A property of a group request.
template <typename T>
std::int32_t get(std::uint32_t request, const T GroupRequest::* field, T* dst) {
  Call call;
  call.handle(request);
  call.pointer("dst", dst);
  const auto found = call.find(tables().group_requests, request);
  if (!call.ok()) return call.status();
  *dst = (*found).*field;
  return 0;
}

}  // namespace

void TrackRequest::answer(std::optional<net::track::Producer> track) {
  answered.write([&](Answer& now) {
    if (std::exchange(now.given, true)) return false;
    now.track = std::move(track);
    return true;
  });
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;
using moq::capi::Task;

std::int32_t moq_publish_dynamic(std::uint32_t broadcast, moq_status_callback on_request,
                                 void* user_data) {
  Call call;
  call.handle(broadcast);
  call.pointer("on_request", on_request);
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  auto requests = found->producer.with(
      [](moq::net::broadcast::Producer& producer) { return producer.dynamic(); });
  if (!requests) return call.ended(tables().broadcasts);
  auto task = std::make_shared<Task>(moq::capi::Callback{on_request, user_data});
  return start_task(
      call, tables().dynamic_tasks, task, [task, found, requests = *std::move(requests)]() mutable {
        return moq::capi::serve_tracks(std::move(task), std::move(found), std::move(requests));
      });
}

std::int32_t moq_publish_track_dynamic(std::uint32_t track, moq_status_callback on_group,
                                       void* user_data) {
  Call call;
  call.handle(track);
  call.pointer("on_group", on_group);
  const auto found = call.find(tables().tracks, track);
  if (!call.ok()) return call.status();
  auto served =
      found->producer.with([](moq::net::track::Producer& producer) { return producer.clone(); });
  if (!served) return call.ended(tables().tracks);
  return moq::capi::add_groups_task(
      call, {on_group, user_data},
      [served = *std::move(served)](std::shared_ptr<Task> task) mutable {
        return moq::capi::serve_groups(std::move(task), std::move(served));
      });
}

std::int32_t moq_publish_dynamic_cancel(std::uint32_t dynamic) {
  return close_task(tables().dynamic_tasks, dynamic);
}

std::int32_t moq_track_request_name(std::uint32_t request, moq_string* dst) {
  Call call;
  call.handle(request);
  call.pointer("dst", dst);
  const auto found = call.find(tables().track_requests, request);
  if (!call.ok()) return call.status();
  *dst = moq::capi::borrow(found->name);
  return 0;
}

std::int32_t moq_track_request_dynamic(std::uint32_t request, moq_status_callback on_group,
                                       void* user_data) {
  Call call;
  call.handle(request);
  call.pointer("on_group", on_group);
  const auto found = call.find(tables().track_requests, request);
  if (!call.ok()) return call.status();
  return moq::capi::add_groups_task(
      call, {on_group, user_data},
      [answer = found->answered.clone()](std::shared_ptr<Task> task) mutable {
        return moq::capi::serve_groups_once_accepted(std::move(task), std::move(answer));
      });
}

std::int32_t moq_track_request_accept(std::uint32_t request, const moq_track_info_v2* info) {
  Call call;
  call.handle(request);
  const auto wanted = moq::capi::read_info(call, info);
  const auto found = call.take(tables().track_requests, request);
  if (!call.ok()) return call.status();
  auto asked = found->request.take();
  if (!asked) return moq::capi::gone(call, "the track request");
  auto track = moq::capi::accept(*found, *std::move(asked), *wanted);
  if (!track) return call.finish(std::unexpected(track.error()));
  return call.add(tables().tracks,
                  std::make_shared<moq::capi::Track>(*std::move(track), wanted->timescale));
}

std::int32_t moq_track_request_audio(std::uint32_t request, const moq_audio_init* config) {
  return moq::capi::accept_media(request, config);
}

std::int32_t moq_track_request_video(std::uint32_t request, const moq_video_init* config) {
  return moq::capi::accept_media(request, config);
}

std::int32_t moq_track_request_abort(std::uint32_t request, std::uint16_t error_code) {
  return moq::capi::refuse_track(request, moq::capi::application_error(error_code));
}

std::int32_t moq_track_request_free(std::uint32_t request) {
  return moq::capi::refuse_track(request,
                                 moq::Error(moq::Code::not_found, "the request was freed"));
}

std::int32_t moq_group_request_sequence(std::uint32_t request, std::uint64_t* dst) {
  return moq::capi::get(request, &moq::capi::GroupRequest::sequence, dst);
}

std::int32_t moq_group_request_priority(std::uint32_t request, std::uint8_t* dst) {
  return moq::capi::get(request, &moq::capi::GroupRequest::priority, dst);
}

std::int32_t moq_group_request_frame_start(std::uint32_t request, std::uint64_t* dst) {
  return moq::capi::get(request, &moq::capi::GroupRequest::frame_start, dst);
}

std::int32_t moq_group_request_accept(std::uint32_t request) {
  Call call;
  call.handle(request);
  const auto found = call.take(tables().group_requests, request);
  if (!call.ok()) return call.status();
  auto asked = found->request.take();
  if (!asked) return moq::capi::gone(call, "the group request");
  return call.add(tables().groups,
                  std::make_shared<moq::capi::Group>(std::move(*asked).accept(), found->timescale));
}

std::int32_t moq_group_request_abort(std::uint32_t request, std::uint16_t error_code) {
  return moq::capi::refuse_group(request, moq::capi::application_error(error_code));
}

std::int32_t moq_group_request_free(std::uint32_t request) {
  return moq::capi::refuse_group(request,
                                 moq::Error(moq::Code::not_found, "the request was freed"));
}
