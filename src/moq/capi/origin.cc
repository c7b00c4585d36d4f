#include "moq/capi/internal/origin.h"

#include <set>

#include "moq/base/random.h"
#include "moq/capi/internal/library.h"
#include "moq/capi/internal/task.h"

namespace moq::capi {
namespace {

constexpr std::uint64_t kHops = (std::uint64_t{1} << 53) - 1;

bool tell_change(Task& task, const net::Path& path, bool active) {
  return task.deliver(tables().announcements,
                      std::make_shared<Announcement>(Announcement{path, active}));
}

/// Reports what comes and goes, each path in turns. Where a broadcast started over at its
/// publisher, the path ends and comes back, so that its readers know to begin anew; where another
/// one of this process takes over, nothing is said.
kio::Task<Result<void>> listen(std::shared_ptr<Task> task, net::origin::Announced announced) {
  std::set<net::Path> active;
  for (;;) {
    const net::origin::Update update = co_await announced.next();
    const bool started_over = update.route && update.restarted && !update.route->hops.empty();
    if (!update.route || started_over) {
      if (active.erase(update.path) > 0 && !tell_change(*task, update.path, false)) break;
    }
    if (update.route && active.insert(update.path).second) {
      if (!tell_change(*task, update.path, true)) break;
    }
  }
  co_return Result<void>();
}

kio::Task<Result<void>> wait_for(std::shared_ptr<Task> task, net::origin::Consumer origin,
                                 net::Path path) {
  net::origin::Announced announced = origin.announced_exactly(path);
  for (;;) {
    net::origin::Update update = co_await announced.next();
    if (!update.broadcast) continue;
    auto found = std::make_shared<BroadcastConsumer>(
        BroadcastConsumer{*std::move(update.broadcast), std::move(path), std::move(origin)});
    task->deliver(tables().consumers, std::move(found));
    co_return Result<void>();
  }
}

kio::Task<Result<void>> look_up(std::shared_ptr<Task> task, net::origin::Consumer origin,
                                net::Path path) {
  auto broadcast = origin.find(path);
  if (!broadcast) {
    co_return fail(Code::unroutable, "nothing serves '" + std::string(path.text()) + "' now");
  }
  auto found = std::make_shared<BroadcastConsumer>(
      BroadcastConsumer{*std::move(broadcast), std::move(path), std::move(origin)});
  task->deliver(tables().consumers, std::move(found));
  co_return Result<void>();
}

using Search = kio::Task<Result<void>> (*)(std::shared_ptr<Task>, net::origin::Consumer, net::Path);

/// The functions that hand out a broadcast.
std::int32_t start_search(Call& call, Search search, std::uint32_t origin, std::string_view text,
                          Callback callback) {
  if (!call.ok()) return call.status();
  std::optional<net::Path> path = parse_path(call, text.data(), text.size());
  const auto found = call.find(tables().origins, origin);
  if (!call.ok()) return call.status();
  auto task = std::make_shared<Task>(callback);
  return start_task(
      call, tables().waits, task,
      [search, task, at = found->producer.consume(), path = std::move(path)]() mutable {
        return search(std::move(task), std::move(at), *std::move(path));
      });
}

}  // namespace

std::optional<net::Path> parse_path(Call& call, const char* path, std::uintptr_t size) {
  const std::string_view text = call.text("path", path, size);
  if (!call.ok()) return std::nullopt;
  auto parsed = net::Path::parse(text);
  if (parsed) return *std::move(parsed);
  call.fail(MOQ_ERROR_MOQ, parsed.error().describe());
  return std::nullopt;
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;
using moq::capi::Task;

std::int32_t moq_origin_create(void) {
  Call call;
  moq::SystemRandom random;
  moq::net::origin::Producer producer(1 + random.below(moq::capi::kHops));
  return call.add(tables().origins, std::make_shared<moq::capi::Origin>(std::move(producer)));
}

std::int32_t moq_origin_close(std::uint32_t origin) { return release(tables().origins, origin); }

std::int32_t moq_origin_announced(std::uint32_t origin,
                                  void (*on_announce)(void* user_data, std::int32_t announced),
                                  void* user_data) {
  Call call;
  call.handle(origin);
  const auto found = call.find(tables().origins, origin);
  if (!call.ok()) return call.status();
  auto task = std::make_shared<Task>(moq::capi::Callback{on_announce, user_data});
  return start_task(call, tables().listeners, task,
                    [task, announced = found->producer.consume().announced()]() mutable {
                      return moq::capi::listen(std::move(task), std::move(announced));
                    });
}

std::int32_t moq_origin_announced_info(std::uint32_t announced, moq_announced* dst) {
  Call call;
  call.handle(announced);
  call.pointer("dst", dst);
  const auto found = call.find(tables().announcements, announced);
  if (!call.ok()) return call.status();
  const std::string_view path = found->path.text();
  *dst = {.path = path.data(), .path_len = path.size(), .active = found->active};
  return 0;
}

std::int32_t moq_origin_announced_free(std::uint32_t announced) {
  return release(tables().announcements, announced);
}

std::int32_t moq_origin_announced_close(std::uint32_t announced) {
  return close_task(tables().listeners, announced);
}
std::int32_t moq_origin_announced_cancel(std::uint32_t announced) {
  return moq_origin_announced_close(announced);
}

std::int32_t moq_origin_consume_announced(
    std::uint32_t origin, const char* path, std::uintptr_t path_len,
    void (*on_broadcast)(void* user_data, std::int32_t broadcast), void* user_data) {
  Call call;
  call.handle(origin);
  const std::string_view text = call.text("path", path, path_len);
  return moq::capi::start_search(call, moq::capi::wait_for, origin, text,
                                 {on_broadcast, user_data});
}

std::int32_t moq_origin_announced_broadcast(std::uint32_t origin, const char* path,
                                            std::uintptr_t path_len,
                                            moq_status_callback on_broadcast, void* user_data) {
  Call call;
  call.handle(origin);
  const std::string_view text = call.text("path", path, path_len);
  call.pointer("on_broadcast", on_broadcast);
  return moq::capi::start_search(call, moq::capi::wait_for, origin, text,
                                 {on_broadcast, user_data});
}

std::int32_t moq_origin_request(std::uint32_t origin, const char* path, std::uintptr_t path_len,
                                void (*on_broadcast)(void* user_data, std::int32_t broadcast),
                                void* user_data) {
  Call call;
  call.handle(origin);
  const std::string_view text = call.text("path", path, path_len);
  return moq::capi::start_search(call, moq::capi::look_up, origin, text, {on_broadcast, user_data});
}

std::int32_t moq_origin_consume_announced_close(std::uint32_t task) {
  return close_task(tables().waits, task);
}
std::int32_t moq_origin_announced_broadcast_cancel(std::uint32_t task) {
  return moq_origin_consume_announced_close(task);
}
std::int32_t moq_origin_request_close(std::uint32_t task) {
  return moq_origin_consume_announced_close(task);
}
std::int32_t moq_origin_request_cancel(std::uint32_t task) {
  return moq_origin_consume_announced_close(task);
}

std::int32_t moq_origin_consume(std::uint32_t origin, const char* path, std::uintptr_t path_len) {
  Call call;
  call.handle(origin);
  auto where = moq::capi::parse_path(call, path, path_len);
  const auto found = call.find(tables().origins, origin);
  if (!call.ok()) return call.status();
  auto consumer = found->producer.consume();
  auto broadcast = consumer.find(*where);
  if (!broadcast) {
    return call.fail(MOQ_ERROR_BROADCAST_NOT_FOUND,
                     "no broadcast '" + std::string(where->text()) + "' is live");
  }
  return call.add(tables().consumers,
                  std::make_shared<moq::capi::BroadcastConsumer>(moq::capi::BroadcastConsumer{
                      *std::move(broadcast), *std::move(where), std::move(consumer)}));
}
