#include <algorithm>
#include <utility>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/subscription_server.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";

}  // namespace

kio::Task<Result<void>> Publisher::meet(IncomingRequest& request) {
  const auto& subscribe = request.as<Subscribe>();
  const auto path = to_path(subscribe.track.track_namespace);
  const auto& origin = connection_.options().publish;
  if (!path || !origin) co_return Result<void>();
  origin::Announced announced = origin->announced(*path, exclude());
  kio::Timer timer(connection_.clock());
  timer.set_after(std::min(*subscribe.parameters.rendezvous_timeout, kMaxRendezvous));
  ++meetings_;
  auto met = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<void>> {
    while (auto update = request.poll_update(waiter)) {
      if (!*update) return Result<void>(std::unexpected(update->error()));
      request.reject_update(**update, RequestCode::not_supported, "nothing is there yet");
    }
    for (;;) {
      if (find(subscribe.track.track_namespace)) return Result<void>();
      if (announced.poll_next(waiter).pending()) break;
    }
    if (timer.poll(waiter)) return Result<void>();
    return kio::kPending;
  });
  --meetings_;
  co_return met;
}

kio::Task<void> Publisher::serve_subscribe(IncomingRequest request) {
  const auto& subscribe = request.as<Subscribe>();
  if (!subscribe.parameters.ranges.empty()) {
    request.reject(RequestCode::not_supported, "range filters");
    co_return;
  }
  if (subscribe.parameters.filter && subscribe.parameters.filter->is_reversed()) {
    request.reject(RequestCode::invalid_range, "the end is before the start");
    co_return;
  }
  const bool waits = subscribe.parameters.rendezvous_timeout.value_or(Duration{}) > Duration{};
  if (waits && meetings_ < kMaxRendezvousWaits) {
    const auto met = co_await meet(request);
    if (!met) co_return;
  }
  auto broadcast = find(subscribe.track.track_namespace);
  if (!broadcast) {
    request.reject(broadcast.error());
    co_return;
  }
  MOQ_LOG(debug, kLog, "{}: subscription {} to {}", describe(connection_), request.id(),
          describe(subscribe.track));
  supersede(*broadcast, subscribe.track.name);
  SubscriptionServer server(*this, std::move(request), *std::move(broadcast));
  co_await server.run();
}

}  // namespace moq::net::moqt
