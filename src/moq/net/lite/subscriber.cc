#include "moq/net/lite/internal/subscriber.h"

#include "moq/base/log.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/hops.h"
#include "moq/net/lite/internal/track_follower.h"

namespace moq::net::lite {
namespace {

constexpr std::string_view kLog = "net";

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a > kMaxCost - std::min(b, kMaxCost) ? kMaxCost : a + b;
}

}  // namespace

/// A broadcast that the peer announces. Without a route if it is of no use to us.
struct Subscriber::Announced {
  Path path;
  std::shared_ptr<Announcing> announcing = std::make_shared<Announcing>();
  AnnouncedRoute told;
  std::optional<origin::RemoteRoute> route;
  kio::Spawned<void> server;  ///< Takes the requests for its tracks.

  ~Announced() {
    announcing->live = false;
    announcing->tell();
  }
};

Subscriber::Subscriber(Connection& connection)
    : connection_(connection), settle_timer_(connection.clock()) {}
Subscriber::~Subscriber() = default;

void Subscriber::start() {
  if (!connection_.options().subscribe) return;
  if (const auto& linger = connection_.options().linger) turn_ = linger->begin();
  connection_.tasks().spawn(follow_announcements());
}

kio::Task<void> Subscriber::follow_announcements() {
  const Version version = connection_.version();
  auto opened = co_await connection_.transport().open_bidi();
  if (!opened) co_return;
  opened->send->set_priority(transport::kControlPriority);
  AnnounceRequest request;
  if (has_exclude_hop(version)) request.exclude_hop = connection_.own_hop();
  request.hidden = false;
  opened->send->write(encode_opening(BidiType::announce, request, version));
  // The link's cost, which the peer may tell, counts in every route.
  if (has_route_costs(version)) co_await connection_.peer_ready();

  AnnounceReader reader(StreamReader(std::move(opened->recv), version));
  auto read = co_await read_announcements(reader);
  if (!read) {
    // What it announced ends with the session, or lingers.
    Error error = read.error();
    // WebTransport resets the streams of a session that closes, and the cause comes behind them.
    if (error.wire) co_await kio::sleep(connection_.clock(), kCloseFollows);
    if (error.code == Code::decode) error.code = Code::protocol_violation;
    connection_.close(error.with_context("announce stream"));
    co_return;
  }
  announced_.clear();
  settle();
  opened->send->finish();
}

kio::Task<Result<void>> Subscriber::read_announcements(AnnounceReader& reader) {
  const Version version = connection_.version();
  settle_timer_.set_after(kInitialSetLimit);
  auto accepted = co_await kio::wait([&](const kio::Waiter& waiter) {
    auto answer = reader.poll_accepted(waiter);
    if (answer.pending()) poll_settled(reader, waiter);
    return answer;
  });
  if (!accepted) co_return std::unexpected(accepted.error());
  if (!*accepted) co_return Result<void>();
  peer_hop_ = reader.hop();
  if (has_announce_ok(version) || has_announce_init(version)) connection_.mark_established();
  for (;;) {
    auto event = co_await kio::wait([&](const kio::Waiter& waiter) {
      auto next = reader.poll_next(waiter);
      if (next.pending()) poll_settled(reader, waiter);
      return next;
    });
    if (!event) co_return std::unexpected(event.error());
    if (!*event) co_return Result<void>();
    connection_.mark_established();
    const auto applied = apply(**std::move(event));
    if (!applied) {
      MOQ_LOG(warn, kLog, "{}: {}", describe(connection_), applied.error().describe());
    }
  }
}

void Subscriber::poll_settled(const AnnounceReader& reader, const kio::Waiter& waiter) {
  const auto& linger = connection_.options().linger;
  if (!linger || initial_ == Initial::settled) return;
  if (initial_ == Initial::awaited && reader.initial_read()) {
    initial_ = Initial::read;
    settle_timer_.set_after(linger->grace());
  }
  if (settle_timer_.poll(waiter)) settle();
}

void Subscriber::settle() {
  initial_ = Initial::settled;
  if (const auto& linger = connection_.options().linger) linger->settle(turn_);
}

std::optional<Route> Subscriber::to_route(const AnnouncedRoute& announced) const {
  const Version version = connection_.version();
  auto chain = received_chain(announced.hops, peer_hop_, connection_.own_hop(), version);
  if (!chain) return std::nullopt;
  Route route;
  route.hops = *std::move(chain);
  // Versions that tell no hops leave an unknown one: somebody is between us and the broadcast.
  if (route.hops.empty()) route.hops.push_back(0);
  route.warm_cost = announced.costs.warm;
  route.cold_cost = announced.costs.cold;
  if (has_route_costs(version)) {
    const std::uint64_t link =
        connection_.options().link_cost.value_or(connection_.peer_setup().cost.value_or(1));
    route.warm_cost = saturating_add(route.warm_cost, link);
    route.cold_cost = saturating_add(route.cold_cost, link);
  }
  if (connection_.draining()) route.warm_cost = route.cold_cost = kMaxCost;
  return route;
}

void Subscriber::apply_end(std::uint64_t id) {
  const auto known = announced_.find(id);
  if (known == announced_.end()) return;
  // Nor does it linger of a session before.
  if (const auto& linger = connection_.options().linger) (void)linger->take(known->second->path);
  announced_.erase(known);
}

Result<void> Subscriber::apply(AnnounceEvent event) {
  if (event.kind == AnnounceEvent::Kind::end) {
    apply_end(event.id);
    return {};
  }
  auto& slot = announced_[event.id];
  if (!slot) {
    slot = std::make_unique<Announced>();
    slot->path = event.suffix;
  }
  slot->told = std::move(event.route);
  const auto route = to_route(slot->told);
  std::optional<origin::RemoteRoute> lingering;
  if (const auto& linger = connection_.options().linger) lingering = linger->take(slot->path);
  if (!route) {
    // A loop, or too far: remembered, of no use.
    slot->server.cancel();
    slot->route.reset();
    return {};
  }
  if (slot->route) {
    slot->route->update(*route);
    slot->announcing->tell();
    return {};
  }
  if (lingering) {
    lingering->update(*route);
    slot->route = std::move(lingering);
  } else {
    origin::Producer origin = connection_.options().subscribe->clone();
    auto added = origin.add_route(slot->path, *route, connection_.source());
    if (!added) return std::unexpected(added.error().with_context("announcement not used"));
    slot->route = *std::move(added);
  }
  MOQ_LOG(debug, kLog, "{}: announced '{}'", describe(connection_), slot->path.text());
  if (connection_.draining()) return {};
  slot->server = connection_.runtime().executor.spawn(serve_route(*slot));
  return {};
}

kio::Task<void> Subscriber::serve_route(Announced& announced) {
  for (;;) {
    auto request = co_await announced.route->requested_track();
    connection_.tasks().spawn([](Subscriber& self, Path path,
                                 std::shared_ptr<Announcing> announcing,
                                 broadcast::TrackRequest track) -> kio::Task<void> {
      TrackFollower follower(self, std::move(path), std::move(announcing));
      co_await follower.run(std::move(track));
    }(*this, announced.path, announced.announcing, std::move(request)));
  }
}

void Subscriber::stop() {
  if (const auto& linger = connection_.options().linger) {
    for (auto& [id, announced] : announced_) {
      announced->server.cancel();
      if (!announced->route) continue;
      linger->keep(turn_, announced->path, *std::exchange(announced->route, std::nullopt));
    }
  }
  announced_.clear();
}

void Subscriber::drain() {
  for (auto& [id, announced] : announced_) {
    if (!announced->route) continue;
    announced->server.cancel();
    if (auto route = to_route(announced->told)) announced->route->update(*route);
    announced->announcing->tell();
  }
}

std::uint64_t Subscriber::add_subscription(TrackFollower& follower) {
  const std::uint64_t id = next_subscription_++;
  subscriptions_.emplace(id, &follower);
  return id;
}

kio::Task<void> Subscriber::receive_group(StreamReader reader) {
  auto header = co_await reader.message<GroupHeader>();
  if (!header || !*header) {
    if (!header && header.error().code == Code::decode) {
      MOQ_LOG(warn, kLog, "{}: bad GROUP: {}", describe(connection_), header.error().describe());
      reader.stop(static_cast<std::uint32_t>(StreamCode::malformed_track));
    }
    co_return;
  }
  const auto follower = subscriptions_.find((*header)->subscribe_id);
  if (follower == subscriptions_.end()) {
    // It crossed our unsubscribe.
    reader.stop(static_cast<std::uint32_t>(StreamCode::cancelled));
    co_return;
  }
  follower->second->accept_group(**header, std::move(reader));
}

void Subscriber::receive_datagram(const Bytes& bytes) {
  auto datagram = Datagram::decode(bytes, connection_.version());
  if (!datagram) return;
  const auto follower = subscriptions_.find(datagram->subscribe_id);
  if (follower != subscriptions_.end()) {
    follower->second->receive_datagram(*std::move(datagram));
  }
}

}  // namespace moq::net::lite
