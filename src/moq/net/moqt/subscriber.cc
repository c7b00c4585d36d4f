#include "moq/net/moqt/internal/subscriber.h"

#include <utility>
#include <variant>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/track_follower.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";

/// What comes before the answer that names its alias is kept this long, as Rust peers keep it.
constexpr Duration kAliasPatience = 1s;

}  // namespace

/// A broadcast that the peer announces. Without a route if it is of no use to us.
struct Subscriber::Announced {
  std::size_t sources = 0;  ///< How many tell of it.
  Path path;
  std::shared_ptr<Announcing> announcing = std::make_shared<Announcing>();
  std::optional<origin::RemoteRoute> route;
  kio::Spawned<void> server;  ///< Takes the requests for its tracks.

  ~Announced() {
    announcing->live = false;
    announcing->tell();
  }
};

Subscriber::Subscriber(Connection& connection) : connection_(connection) {}
Subscriber::~Subscriber() = default;

void Subscriber::start() {
  if (!connection_.options().subscribe) return;
  if (const auto& linger = connection_.options().linger) {
    turn_ = linger->begin();
    connection_.tasks().spawn(settle_after(kInitialSetLimit));
  }
  connection_.tasks().spawn(follow_namespaces());
}

// --- What the peer has --------------------------------------------------------------------------

kio::Task<void> Subscriber::follow_namespaces() {
  SubscribeNamespace everything;
  OutgoingRequest request(connection_, everything);
  auto reply = co_await request.reply();
  if (!reply || !*reply) co_return;
  connection_.mark_established();
  // Nothing tells when the peer has told of all that it has.
  if (const auto& linger = connection_.options().linger) {
    connection_.tasks().spawn(settle_after(linger->grace()));
  }
  if (const auto* refused = std::get_if<RequestError>(&**reply)) {
    const Error error = from_request_code(refused->code, refused->reason);
    MOQ_LOG(debug, kLog, "{}: namespaces are not listed: {}", describe(connection_),
            error.describe());
    co_return;
  }
  auto read = co_await read_namespaces(request);
  if (!read) {
    // With a session that is lost its streams go first. What it told lingers, and `stop` sees to
    // it.
    co_await kio::sleep(connection_.clock(), kCloseFollows);
    MOQ_LOG(debug, kLog, "{}: the list of namespaces ends: {}", describe(connection_),
            read.error().describe());
  }
  for (const Path& path : listed_.take()) unannounce(path);
}

kio::Task<Result<void>> Subscriber::read_namespaces(OutgoingRequest& request) {
  for (;;) {
    auto message = co_await request.reply();
    if (!message) co_return std::unexpected(message.error());
    if (!*message) co_return Result<void>();
    Result<void> applied;
    if (const auto* name = std::get_if<Namespace>(&**message)) {
      applied = apply_namespace(name->suffix, true);
    } else if (const auto* done = std::get_if<NamespaceDone>(&**message)) {
      applied = apply_namespace(done->suffix, false);
    }
    if (applied) continue;
    if (applied.error().code == Code::too_many) {
      connection_.violated(applied.error());
      co_return applied;
    }
    MOQ_LOG(warn, kLog, "{}: {}", describe(connection_), applied.error().describe());
  }
}

Result<void> Subscriber::apply_namespace(const TrackNamespace& suffix, bool live) {
  // The prefix that was asked for is empty.
  MOQ_TRY(const Path path, path_of(suffix));
  if (!live) {
    if (listed_.erase(path)) unannounce(path);
    return {};
  }
  if (listed_.contains(path)) return {};
  MOQ_CHECK(listed_.check(path));
  MOQ_CHECK(announce(path));
  listed_.insert(path);
  return {};
}

kio::Task<void> Subscriber::serve_publish_namespace(IncomingRequest request) {
  if (!connection_.options().subscribe) {
    request.reject(RequestCode::uninterested, "nothing is consumed here");
    co_return;
  }
  const auto path = path_of(request.as<PublishNamespace>().track_namespace);
  if (!path) {
    request.reject(RequestCode::does_not_exist, path.error().text);
    co_return;
  }
  const auto announced = announce(*path);
  if (!announced) {
    MOQ_LOG(warn, kLog, "{}: {}", describe(connection_), announced.error().describe());
    request.reject(announced.error());
    co_return;
  }
  request.reply(RequestOk{});
  connection_.mark_established();
  for (;;) {
    auto message = co_await kio::wait(
        [&request](const Waiter& waiter) { return request.poll_message(waiter); });
    // A session that is lost takes this task away meanwhile.
    if (!message) co_await kio::sleep(connection_.clock(), kCloseFollows);
    if (!message || !*message) break;
    if (const auto* update = std::get_if<RequestUpdate>(&**message)) request.accept_update(*update);
  }
  unannounce(*path);
}

std::optional<RequestError> Subscriber::refusal_of(const Publish& offer) const {
  const auto refuse = [](RequestCode code, std::string reason) {
    RequestError error;
    error.code = code;
    error.reason = std::move(reason);
    return error;
  };
  if (!connection_.options().subscribe) {
    return refuse(RequestCode::uninterested, "nothing is consumed here");
  }
  const auto path = path_of(offer.name.track_namespace);
  if (!path) return refuse(RequestCode::does_not_exist, path.error().text);
  if (const auto unknown = offer.track.unknown_mandatory(connection_.draft())) {
    return refuse(RequestCode::unsupported_extension, "property " + std::to_string(*unknown));
  }
  if (pushed_.contains({*path, offer.name.name})) {
    return refuse(RequestCode::duplicate_subscription, "the track is offered already");
  }
  if (pushed_.size() >= kMaxPushedTracks) {
    return refuse(RequestCode::excessive_load, "too many tracks");
  }
  return std::nullopt;
}

kio::Task<void> Subscriber::serve_publish(IncomingRequest request) {
  const auto& offer = request.as<Publish>();
  if (const auto refusal = refusal_of(offer)) {
    request.reject(refusal->code, refusal->reason);
    co_return;
  }
  const std::uint64_t alias = offer.track_alias;
  if (aliases_.contains(alias) || pushed_aliases_.contains(alias)) {
    connection_.violated(
        close_error(CloseCode::duplicate_track_alias, "the alias is that of another track"));
    co_return;
  }
  const TrackKey key(*path_of(offer.name.track_namespace), offer.name.name);
  const auto announced = announce(key.first);
  if (!announced) {
    MOQ_LOG(warn, kLog, "{}: {}", describe(connection_), announced.error().describe());
    request.reject(announced.error());
    co_return;
  }
  connection_.mark_established();
  MOQ_LOG(debug, kLog, "{}: offered {}/{} as {}", describe(connection_), key.first.text(),
          key.second, alias);
  const auto track = std::make_shared<PushedTrack>(connection_, std::move(request));
  pushed_.emplace(key, track);
  pushed_aliases_.insert(alias);
  co_await kio::wait([&track](const Waiter& waiter) { return track->poll_over(waiter); });
  // A session that is lost takes this task away meanwhile, and what it told lingers.
  if (track->broken_off()) co_await kio::sleep(connection_.clock(), kCloseFollows);
  pushed_.erase(key);
  pushed_aliases_.erase(alias);
  unannounce(key.first);
}

std::shared_ptr<PushedTrack> Subscriber::pushed(const Path& path, const std::string& name) {
  const auto known = pushed_.find({path, name});
  if (known == pushed_.end() || !known->second->free()) return nullptr;
  return known->second;
}

Result<Path> Subscriber::path_of(const TrackNamespace& name) const {
  const bool reserved = connection_.draft() >= Draft::d18 && !name.fields.empty() &&
                        name.fields.front().starts_with('.');
  if (reserved) return fail(Code::not_found, "'" + describe(name) + "' is reserved");
  auto path = to_path(name);
  if (path) return *std::move(path);
  return fail(Code::not_found, "'" + describe(name) + "' is no path");
}

Route Subscriber::route() const {
  Route route;
  // Nobody is named, but somebody is between us and the broadcast.
  route.hops.push_back(0);
  route.cold_cost = kMaxCost;
  if (connection_.draining()) route.warm_cost = kMaxCost;
  return route;
}

Result<void> Subscriber::announce(const Path& path) {
  const auto known = announced_.find(path);
  if (known != announced_.end()) {
    ++known->second->sources;
    known->second->announcing->tell();
    return {};
  }
  auto announced = std::make_unique<Announced>();
  announced->sources = 1;
  announced->path = path;
  std::optional<origin::RemoteRoute> lingering;
  if (const auto& linger = connection_.options().linger) lingering = linger->take(path);
  if (lingering) {
    lingering->update(route());
    announced->route = std::move(lingering);
  } else {
    origin::Producer origin = connection_.options().subscribe->clone();
    auto added = origin.add_route(path, route(), connection_.source());
    if (!added) return std::unexpected(added.error().with_context("announcement not used"));
    announced->route = *std::move(added);
  }
  MOQ_LOG(debug, kLog, "{}: announced '{}'", describe(connection_), path.text());
  if (!connection_.draining()) {
    announced->server = connection_.runtime().executor.spawn(serve_route(*announced));
  }
  announced_.emplace(path, std::move(announced));
  return {};
}

void Subscriber::unannounce(const Path& path) {
  const auto known = announced_.find(path);
  if (known == announced_.end() || --known->second->sources > 0) return;
  // Nor does it linger of a session before.
  if (const auto& linger = connection_.options().linger) (void)linger->take(path);
  announced_.erase(known);
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

kio::Task<void> Subscriber::settle_after(Duration delay) {
  co_await kio::sleep(connection_.clock(), delay);
  settle();
}

void Subscriber::settle() {
  if (std::exchange(settled_, true)) return;
  if (const auto& linger = connection_.options().linger) linger->settle(turn_);
}

void Subscriber::stop() {
  if (const auto& linger = connection_.options().linger) {
    for (auto& [path, announced] : announced_) {
      announced->server.cancel();
      if (!announced->route) continue;
      linger->keep(turn_, path, *std::exchange(announced->route, std::nullopt));
    }
  }
  announced_.clear();
}

void Subscriber::drain() {
  for (auto& [path, announced] : announced_) {
    if (!announced->route) continue;
    announced->server.cancel();
    announced->route->update(route());
    announced->announcing->tell();
  }
}

// --- What comes ---------------------------------------------------------------------------------

bool Subscriber::add_alias(std::uint64_t alias, TrackFollower& follower, bool pushed) {
  if (!pushed && pushed_aliases_.contains(alias)) return false;
  if (!aliases_.emplace(alias, &follower).second) return false;
  on_alias_.wake();
  std::erase_if(early_datagrams_, [&](const EarlyDatagram& early) {
    if (early.datagram.track_alias != alias) return false;
    follower.receive_datagram(early.datagram);
    return true;
  });
  return true;
}

void Subscriber::remove_alias(std::uint64_t alias) { aliases_.erase(alias); }

void Subscriber::expect_fetch(std::uint64_t request, std::shared_ptr<FetchSlot> slot) {
  fetches_[request] = std::move(slot);
}

kio::Task<void> Subscriber::receive_subgroup(StreamReader reader, std::uint64_t type) {
  auto header = co_await reader.subgroup_header(type);
  if (!header) {
    if (header.error().code == Code::decode) connection_.violated(header.error());
    co_return;
  }
  connection_.mark_established();
  if (!aliases_.contains(header->track_alias)) {
    if (waiting_streams_ >= kMaxWaitingStreams) {
      reader.stop(to_reset_code(Error(Code::cancelled), connection_.draft()));
      co_return;
    }
    ++waiting_streams_;
    kio::Timer timer(connection_.clock());
    timer.set_after(kAliasPatience);
    co_await kio::wait([&](const Waiter& waiter) -> Poll<kio::Unit> {
      if (aliases_.contains(header->track_alias) || timer.poll(waiter)) return kio::Unit{};
      on_alias_.add(waiter);
      return kio::kPending;
    });
    --waiting_streams_;
  }
  const auto follower = aliases_.find(header->track_alias);
  if (follower == aliases_.end()) {
    // It crossed the end of its subscription.
    reader.stop(to_reset_code(Error(Code::cancelled), connection_.draft()));
    co_return;
  }
  follower->second->accept_subgroup(*header, std::move(reader));
}

kio::Task<void> Subscriber::receive_fetch(StreamReader reader) {
  auto header = co_await reader.fetch_header();
  if (!header) {
    if (header.error().code == Code::decode) connection_.violated(header.error());
    co_return;
  }
  const auto slot = fetches_.find(header->request_id);
  if (slot == fetches_.end() || slot->second->reader) {
    reader.stop(to_reset_code(Error(Code::cancelled), connection_.draft()));
    co_return;
  }
  connection_.mark_established();
  reader.begin_fetch(GroupOrder::ascending);
  slot->second->reader = std::move(reader);
  slot->second->on_reader.wake();
}

void Subscriber::receive_datagram(const Datagram& datagram) {
  const auto follower = aliases_.find(datagram.track_alias);
  if (follower != aliases_.end()) {
    follower->second->receive_datagram(datagram);
    return;
  }
  const TimePoint now = connection_.clock().now();
  while (!early_datagrams_.empty() && (early_datagrams_.size() >= kMaxEarlyDatagrams ||
                                       early_datagrams_.front().when + kAliasPatience < now)) {
    early_datagrams_.pop_front();
  }
  early_datagrams_.push_back({.when = now, .datagram = datagram});
}

}  // namespace moq::net::moqt
