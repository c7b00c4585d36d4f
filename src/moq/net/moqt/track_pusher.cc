#include "moq/net/moqt/internal/track_pusher.h"

#include <algorithm>
#include <utility>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/subscription_server.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";

/// Whether a namespace of a peer may stand for `path`.
bool has_name(const Path& path) { return from_path(path).fields.size() <= kMaxNamespaceFields; }

bool is_same(const Joinable& one, const broadcast::Consumer& broadcast, const std::string& track) {
  return !one.over && one.track == track && one.broadcast &&
         one.broadcast->same_broadcast(broadcast);
}

}  // namespace

Publish PushOffer::message() const {
  Publish out;
  out.name = {.track_namespace = track_namespace, .name = joinable->track};
  out.parameters.largest = largest_of(joinable->edge);
  out.parameters.forward = wish->parameters.forward.value_or(true);
  // From 20 on the answer decides nothing: what was asked for is said here.
  out.parameters.priority = wish->parameters.priority;
  out.parameters.filter = wish->parameters.filter;
  out.parameters.group_order = wish->parameters.group_order;
  out.parameters.delivery_timeout = wish->parameters.delivery_timeout;
  out.track = track_properties(joinable->info);
  return out;
}

bool Publisher::is_sent(const broadcast::Consumer& broadcast, const std::string& track) const {
  const auto is_it = [&](const Joinable& one) { return is_same(one, broadcast, track); };
  return std::ranges::any_of(subscriptions_, [&](const auto& one) { return is_it(*one.second); }) ||
         std::ranges::any_of(pushes_, [&](const auto& one) { return is_it(*one); });
}

void Publisher::supersede(const broadcast::Consumer& broadcast, const std::string& track) {
  for (const auto& one : pushes_) {
    if (!is_same(*one, broadcast, track)) continue;
    one->superseded = true;
    one->on_change.wake();
  }
}

kio::Task<void> Publisher::push(PushOffer offer) {
  SubscriptionServer server(*this, std::move(offer));
  co_await server.run_push();
}

kio::Task<void> Publisher::serve_subscribe_tracks(IncomingRequest request) {
  const auto& wish = request.as<SubscribeTracks>();
  co_await serve_push_wish(request, wish.prefix, wish.parameters);
}

kio::Task<void> Publisher::serve_push_wish(IncomingRequest& request, const TrackNamespace& prefix,
                                           const Parameters& wanted) {
  if (!accept_push_wish(request, prefix, wanted)) co_return;
  TrackPusher pusher(*this, request, prefix, wanted);
  co_await kio::wait([&](const Waiter& waiter) -> Poll<kio::Unit> {
    while (auto update = request.poll_update(waiter)) {
      if (!*update) return kio::Unit{};
      if (pusher.update((*update)->parameters)) {
        request.accept_update(**update);
      } else {
        request.reject_update(**update, RequestCode::not_supported, "cannot be changed so");
      }
    }
    return kio::kPending;
  });
}

bool Publisher::accept_push_wish(IncomingRequest& request, const TrackNamespace& prefix,
                                 const Parameters& wanted) {
  if (!wanted.ranges.empty()) {
    request.reject(RequestCode::not_supported, "range filters");
  } else if (wanted.filter && wanted.filter->is_reversed()) {
    request.reject(RequestCode::invalid_range, "the end is before the start");
  } else if (!to_path(prefix)) {
    request.reject(RequestCode::does_not_exist, "no broadcast has such a name");
  } else if (push_wishes_ >= kMaxPushWishes) {
    MOQ_LOG(warn, kLog, "{}: more than {} SUBSCRIBE_TRACKS", describe(connection_), kMaxPushWishes);
    request.reject(RequestCode::excessive_load, "too many prefixes");
  } else {
    request.reply(RequestOk());
    return true;
  }
  return false;
}

TrackPusher::TrackPusher(Publisher& publisher, IncomingRequest& request,
                         const TrackNamespace& prefix, const Parameters& wanted)
    : publisher_(publisher),
      connection_(publisher.connection_),
      request_(request),
      prefix_fields_(prefix.fields.size()),
      wish_(std::make_shared<PushWish>()),
      feed_(connection_, to_path(prefix).value_or(Path()), publisher.exclude()) {
  ++publisher_.push_wishes_;
  wish_->parameters = wanted;
  follower_ = connection_.runtime().executor.spawn(follow_broadcasts());
}

TrackPusher::~TrackPusher() {
  --publisher_.push_wishes_;
  wish_->over = true;
  wish_->on_over.wake();
}

bool TrackPusher::update(const Parameters& wanted) {
  if (!wanted.ranges.empty() || wanted.namespace_prefix) return false;
  if (wanted.forward) wish_->parameters.forward = wanted.forward;
  return true;
}

kio::Task<void> TrackPusher::follow_broadcasts() {
  for (;;) {
    const AnnounceFeed::Event event =
        co_await kio::wait([this](const Waiter& waiter) { return feed_.poll_next(waiter); });
    broadcasts_.erase(event.path);
    if (!event.live || !has_name(event.path)) continue;
    auto broadcast = publisher_.find(from_path(event.path));
    if (!broadcast) continue;
    broadcasts_.emplace(event.path, connection_.runtime().executor.spawn(
                                        follow_tracks(event.path, *std::move(broadcast))));
  }
}

kio::Task<void> TrackPusher::follow_tracks(Path path, broadcast::Consumer broadcast) {
  broadcast::Tracks tracks = broadcast.tracks();
  for (;;) {
    auto track = co_await tracks.next();
    if (!track) co_return;
    // What it is told of tracks that are left out must not pile up here.
    auto writable =
        co_await kio::wait([this](const Waiter& waiter) { return request_.poll_writable(waiter); });
    if (!writable) co_return;
    push(path, broadcast, *track);
  }
}

void TrackPusher::push(const Path& path, const broadcast::Consumer& broadcast,
                       const broadcast::Tracks::Track& track) {
  if (publisher_.is_sent(broadcast, track.name)) return;
  const auto& origin = connection_.options().publish;
  if (origin && origin->is_of(path, track.route, publisher_.exclude())) return;
  const track::InfoRequest asked = broadcast.info(track.name);
  const auto info = asked.poll(Waiter::none());
  if (info.pending() || !*info) return;  // It has just ended.
  if (publisher_.pushes_.size() >= kMaxPushes) {
    tell_blocked(path, track.name);
    return;
  }
  PushOffer offer{.track_namespace = from_path(path),
                  .joinable = std::make_shared<Joinable>(),
                  .wish = wish_,
                  .watch = asked.watch()};
  offer.joinable->broadcast = broadcast.clone();
  offer.joinable->track = track.name;
  offer.joinable->info = **info;
  offer.joinable->edge = asked.edge();
  MOQ_LOG(debug, kLog, "{}: publishing {}/{}", describe(connection_), path.text(), track.name);
  publisher_.pushes_.push_back(offer.joinable);
  // A graceful end waits for it, as for any subscription.
  connection_.answers().spawn(publisher_.push(std::move(offer)));
}

void TrackPusher::tell_blocked(const Path& path, const std::string& track) {
  MOQ_LOG(debug, kLog, "{}: no room to publish {}/{}", describe(connection_), path.text(), track);
  if (!has_publish_blocked(connection_.draft())) return;
  TrackNamespace suffix = from_path(path);
  const auto prefix = static_cast<std::ptrdiff_t>(std::min(prefix_fields_, suffix.fields.size()));
  suffix.fields.erase(suffix.fields.begin(), suffix.fields.begin() + prefix);
  request_.reply(PublishBlocked{.suffix = {.track_namespace = std::move(suffix), .name = track}});
}

}  // namespace moq::net::moqt
