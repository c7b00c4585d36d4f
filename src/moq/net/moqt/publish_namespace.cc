#include <algorithm>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/announce_feed.h"
#include "moq/net/moqt/internal/publisher.h"
#include "moq/net/moqt/internal/track_pusher.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";
/// A peer that wants to be told of broadcasts mostly says so at once; what it did not ask for by
/// then is offered to it.
constexpr Duration kAwaitWishes = 200ms;

/// Forgets a wish of the peer when that is over.
class Wish {
 public:
  Wish(std::list<Path>& wishes, const Path& prefix)
      : wishes_(wishes), at_(wishes.insert(wishes.end(), prefix)) {}
  ~Wish() { wishes_.erase(at_); }
  Wish(const Wish&) = delete;
  Wish& operator=(const Wish&) = delete;

 private:
  std::list<Path>& wishes_;
  std::list<Path>::iterator at_;
};

/// Whether a namespace of a peer may stand for `path`.
bool has_name(const Path& path) { return from_path(path).fields.size() <= kMaxNamespaceFields; }

}  // namespace

bool Publisher::is_wished(const Path& path) const {
  return std::ranges::any_of(
      wishes_, [&path](const Path& prefix) { return path.strip_prefix(prefix).has_value(); });
}

bool Publisher::is_offered(const Path& path) const {
  if (!has_name(path)) return false;
  // Up to 15 that is how a peer is told of what it asked for.
  if (!has_namespace_messages(connection_.draft())) return unasked_ || is_wished(path);
  return unasked_ && !is_wished(path);
}

void Publisher::start() {
  if (connection_.options().publish) connection_.tasks().spawn(announce());
}

kio::Task<void> Publisher::announce() {
  co_await connection_.peer_ready();
  // From 22 on relays offer nothing: who wants to know asks.
  const bool solicited_only = connection_.peer_setup().solicit.value_or(0) != 0 ||
                              (connection_.server() && connection_.draft() >= Draft::d22);
  const bool by_request = !has_namespace_messages(connection_.draft());
  if (solicited_only && !by_request) co_return;
  kio::Timer patience(connection_.clock());
  patience.set_after(kAwaitWishes);

  AnnounceFeed feed(connection_, Path(), exclude());
  struct Known {
    bool offered = false;
    kio::Spawned<void> offer;
  };
  std::map<Path, Known> live;
  std::size_t offers = 0;
  const auto offer_if_due = [&](const Path& path, Known& known) {
    if (known.offered || !is_offered(path)) return;
    if (!by_request && offers >= kMaxOffers) return;
    known.offered = true;
    ++offers;
    known.offer = connection_.runtime().executor.spawn(offer(path));
  };
  for (;;) {
    const std::optional<AnnounceFeed::Event> event =
        co_await kio::wait([&](const Waiter& waiter) -> Poll<std::optional<AnnounceFeed::Event>> {
          if (std::exchange(wished_, false)) return std::optional<AnnounceFeed::Event>();
          on_wish_.add(waiter);
          if (!solicited_only && !unasked_ && patience.poll(waiter)) {
            unasked_ = true;
            return std::optional<AnnounceFeed::Event>();
          }
          auto next = feed.poll_next(waiter);
          if (next.pending()) return kio::kPending;
          return std::optional(*std::move(next));
        });
    if (!event) {
      for (auto& [path, known] : live) offer_if_due(path, known);
    } else if (event->live) {
      offer_if_due(event->path, live[event->path]);
    } else if (const auto known = live.find(event->path); known != live.end()) {
      if (known->second.offered) --offers;
      live.erase(known);
    }
  }
}

kio::Task<void> Publisher::offer(Path path) {
  PublishNamespace message;
  message.track_namespace = from_path(path);
  OutgoingRequest request(connection_, std::move(message));
  for (;;) {
    auto reply = co_await request.reply();
    if (!reply || !*reply) {
      MOQ_LOG(debug, kLog, "{}: '{}' is not wanted any more: {}", describe(connection_),
              path.text(), reply ? "it ended" : reply.error().describe());
      co_return;
    }
    if (const auto* refused = std::get_if<RequestError>(&**reply)) {
      MOQ_LOG(debug, kLog, "{}: '{}' is not wanted: {}", describe(connection_), path.text(),
              refused->reason);
      co_return;
    }
  }
}

kio::Task<void> Publisher::serve_subscribe_namespace(IncomingRequest request) {
  const auto& wish = request.as<SubscribeNamespace>();
  const TrackNamespace prefix_fields = wish.prefix;
  using Wants = SubscribeNamespace::Wants;
  if (wish.wants == Wants::publish) {
    co_await serve_push_wish(request, wish.prefix, wish.parameters);
    co_return;
  }
  const auto prefix = to_path(prefix_fields);
  if (!prefix) {
    request.reject(RequestCode::does_not_exist, "no broadcast has such a name");
    co_return;
  }
  if (wishes_.size() >= kMaxWishes) {
    MOQ_LOG(warn, kLog, "{}: more than {} SUBSCRIBE_NAMESPACE", describe(connection_), kMaxWishes);
    request.reject(RequestCode::excessive_load, "too many prefixes");
    co_return;
  }
  std::optional<TrackPusher> pusher;
  if (wish.wants == Wants::both) {
    if (!accept_push_wish(request, prefix_fields, wish.parameters)) co_return;
    pusher.emplace(*this, request, prefix_fields, wish.parameters);
  } else {
    request.reply(RequestOk());
  }
  const Wish kept(wishes_, *prefix);
  wished_ = true;
  on_wish_.wake();
  if (!has_namespace_messages(connection_.draft())) {
    // `announce` does the rest.
    co_await kio::wait([&](const Waiter& waiter) -> Poll<kio::Unit> {
      while (auto update = request.poll_update(waiter)) {
        if (!*update) return kio::Unit{};
        request.reject_update(**update, RequestCode::not_supported, "");
      }
      return kio::kPending;
    });
    co_return;
  }
  AnnounceFeed feed(connection_, *prefix, exclude());
  for (;;) {
    const std::optional<AnnounceFeed::Event> event =
        co_await kio::wait([&](const Waiter& waiter) -> Poll<std::optional<AnnounceFeed::Event>> {
          while (auto update = request.poll_update(waiter)) {
            if (!*update) return std::optional<AnnounceFeed::Event>();
            request.reject_update(**update, RequestCode::not_supported, "");
          }
          auto writable = request.poll_writable(waiter);
          if (writable.pending()) return kio::kPending;
          if (!*writable) return std::optional<AnnounceFeed::Event>();
          auto next = feed.poll_next(waiter);
          if (next.pending()) return kio::kPending;
          return std::optional(*std::move(next));
        });
    if (!event) co_return;
    TrackNamespace suffix = from_path(event->path);
    if (!has_name(event->path) || suffix.fields.size() < prefix_fields.fields.size()) continue;
    const auto prefix_size = static_cast<std::ptrdiff_t>(prefix_fields.fields.size());
    suffix.fields.erase(suffix.fields.begin(), suffix.fields.begin() + prefix_size);
    if (event->live) {
      request.reply(Namespace{.suffix = std::move(suffix)});
    } else {
      request.reply(NamespaceDone{.suffix = std::move(suffix)});
    }
  }
}

}  // namespace moq::net::moqt
