#include "moq/capi/internal/demand.h"

#include "moq/capi/internal/broadcast.h"
#include "moq/capi/internal/library.h"

namespace moq::capi {
namespace {

/// Tells the present state first, whatever happens, then each change.
kio::Task<Result<void>> tell_demand(std::shared_ptr<Task> task, net::track::Producer track) {
  bool used = track.poll_used(kio::Waiter::none()).ready();
  task->tell_first(used ? MOQ_DEMAND_USED : MOQ_DEMAND_UNUSED);
  for (;;) {
    using Change = std::optional<Result<void>>;
    auto change = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Change> {
      if (task->poll_closing(waiter)) return Change();
      auto changed = used ? track.poll_unused(waiter) : track.poll_used(waiter);
      if (changed.pending()) return kio::kPending;
      return Change(*std::move(changed));
    });
    if (!change) break;
    if (!*change && change->error().code == Code::closed) break;  // The track was finished.
    if (!*change) co_return *std::move(change);
    used = !used;
    task->tell(used ? MOQ_DEMAND_USED : MOQ_DEMAND_UNUSED);
  }
  co_return Result<void>();
}

}  // namespace

std::int32_t watch_demand(Call& call, std::optional<net::track::Producer> track,
                          Callback callback) {
  if (!call.ok()) return call.status();
  auto task = std::make_shared<Task>(callback);
  return start_task(
      call, tables().demand_tasks, task,
      [task, track = *std::move(track)]() mutable {
        return tell_demand(std::move(task), std::move(track));
      },
      OnClose::finish);
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_publish_track_demand(std::uint32_t track, moq_status_callback on_demand,
                                      void* user_data) {
  Call call;
  call.handle(track);
  call.pointer("on_demand", on_demand);
  const auto found = call.find(tables().tracks, track);
  if (!call.ok()) return call.status();
  auto watched =
      found->producer.with([](moq::net::track::Producer& producer) { return producer.clone(); });
  if (!watched) return call.ended(tables().tracks);
  return moq::capi::watch_demand(call, std::move(watched), {on_demand, user_data});
}

std::int32_t moq_publish_demand_cancel(std::uint32_t watcher) {
  return close_task(tables().demand_tasks, watcher);
}
