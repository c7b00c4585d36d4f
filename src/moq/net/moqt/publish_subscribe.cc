#include "moq/base/log.h"
#include "moq/net/moqt/internal/subscription_server.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";

}  // namespace

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
