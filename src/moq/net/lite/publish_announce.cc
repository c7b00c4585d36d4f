#include <algorithm>
#include <map>

#include "moq/base/log.h"
#include "moq/net/lite/announce_codec.h"
#include "moq/net/lite/hops.h"
#include "moq/net/lite/internal/publisher.h"

namespace moq::net::lite {

/// Messages that are ready together are written as one: a storm of them would else cost a buffer
/// each.
constexpr std::size_t kBatchBytes = 4096;

/// One announce stream: turns the origin's updates into messages. Retractions wait a moment, in
/// case the broadcast comes back.
class AnnounceServer {
 public:
  AnnounceServer(Publisher& publisher, const AnnounceRequest& request, origin::Announced announced)
      : publisher_(publisher),
        connection_(publisher.connection_),
        prefix_(request.prefix),
        hidden_(request.hidden),
        announced_(std::move(announced)),
        encoder_(connection_.version()),
        timer_(connection_.clock()) {
    publisher_.announcing_.push_back(this);
  }
  ~AnnounceServer() { std::erase(publisher_.announcing_, this); }
  AnnounceServer(const AnnounceServer&) = delete;
  AnnounceServer& operator=(const AnnounceServer&) = delete;

  /// Whether `path`, from the session's root, is announced.
  [[nodiscard]] bool tells(const Path& path) const {
    const auto suffix = path.strip_prefix(prefix_);
    return suffix && live_.contains(*suffix);
  }

  /// The messages to send first: who we are, and everything there is.
  Bytes initial() {
    std::vector<Bytes> starts;
    std::vector<Path> suffixes;
    while (auto update = announced_.poll_next(kio::Waiter::none())) {
      Bytes message = apply(*std::move(update));
      if (message.empty()) continue;
      starts.push_back(std::move(message));
    }
    const Version version = connection_.version();
    std::vector<Bytes> all;
    if (has_announce_ok(version)) {
      AnnounceOk ok;
      ok.hop = connection_.own_hop();
      ok.active = starts.size();
      all.push_back(encode_message(ok, version));
    } else if (has_announce_init(version)) {
      AnnounceInit init;
      for (const auto& [suffix, live] : live_) init.suffixes.push_back(suffix);
      return encode_message(init, version);
    }
    all.insert(all.end(), starts.begin(), starts.end());
    return join(all);
  }

  /// The next messages: those that are ready, up to `kBatchBytes` and one more.
  kio::Poll<Bytes> poll_batch(const kio::Waiter& waiter) {
    std::vector<Bytes> messages;
    for (std::size_t bytes = 0; bytes < kBatchBytes;) {
      auto message = poll_next(waiter);
      if (!message) break;
      bytes += message->size();
      messages.push_back(*std::move(message));
    }
    if (messages.empty()) return kio::kPending;
    return join(messages);
  }

 private:
  kio::Poll<Bytes> poll_next(const kio::Waiter& waiter) {
    while (auto update = announced_.poll_next(waiter)) {
      Bytes message = apply(*std::move(update));
      if (!message.empty()) return message;
    }
    if (retracted_.empty()) return kio::kPending;
    const TimePoint now = connection_.clock().now();
    for (auto at = retracted_.begin(); at != retracted_.end(); ++at) {
      if (at->second > now) continue;
      const Path suffix = at->first;
      retracted_.erase(at);
      return retract(suffix);
    }
    TimePoint next = TimePoint::max();
    for (const auto& [suffix, when] : retracted_) next = std::min(next, when);
    timer_.set(next);
    if (timer_.poll(waiter)) return poll_next(waiter);
    return kio::kPending;
  }

  Bytes retract(const Path& suffix) {
    const auto live = live_.find(suffix);
    if (live == live_.end()) return {};
    const std::uint64_t id = live->second.id;
    live_.erase(live);
    return encoder_.end(id);
  }

  Bytes apply(origin::Update update) {
    const Path suffix = update.path.strip_prefix(prefix_).value_or(Path());
    // Below what was asked for; a prefix may itself be hidden.
    if (!hidden_ && suffix.is_hidden()) return {};
    std::optional<HopChain> chain;
    if (update.route) {
      chain = sent_chain(update.route->hops, connection_.own_hop(), connection_.version());
    }
    const auto live = live_.find(suffix);
    if (!chain) {
      // Gone, or too far away to be passed on.
      if (live == live_.end()) return {};
      const Duration delay = connection_.options().retraction_delay;
      if (delay == Duration::zero()) return retract(suffix);
      retracted_.insert_or_assign(suffix, connection_.clock().now() + delay);
      return {};
    }
    const bool returned = retracted_.erase(suffix) > 0;
    AnnouncedRoute route;
    route.hops = *std::move(chain);
    route.costs = {update.route->warm_cost, update.route->cold_cost};
    if (live != live_.end()) {
      const bool another = live->second.broadcast.lock() != update.broadcast->state();
      const bool silent = !has_announce_update(connection_.version());
      if (silent && (update.restarted || (returned && another))) {
        // Before 05 a change can only be told as an end and a new start.
        std::vector<Bytes> both = {retract(suffix), start(suffix, route, update)};
        return join(both);
      }
      live->second.broadcast = update.broadcast->state();
      return encoder_.update(live->second.id, route);
    }
    return start(suffix, route, update);
  }

  Bytes start(const Path& suffix, const AnnouncedRoute& route, const origin::Update& update) {
    auto started = encoder_.start(suffix, route);
    live_.insert_or_assign(suffix, Live{started.id, update.broadcast->state()});
    return std::move(started.message);
  }

  /// What the peer has been told of, and not yet that it went.
  struct Live {
    std::uint64_t id = 0;
    std::weak_ptr<broadcast::State> broadcast;
  };

  Publisher& publisher_;
  Connection& connection_;
  const Path prefix_;
  const bool hidden_;  ///< The peer asked for hidden broadcasts too.
  origin::Announced announced_;
  AnnounceEncoder encoder_;
  std::map<Path, Live> live_;
  std::map<Path, TimePoint> retracted_;  ///< To be told at that time.
  kio::Timer timer_;
};

bool Publisher::announces(const Path& path) const {
  return std::ranges::any_of(announcing_,
                             [&path](const AnnounceServer* server) { return server->tells(path); });
}

kio::Task<void> Publisher::serve_announce(Bidi stream) {
  auto message = co_await stream.reader.message<AnnounceRequest>();
  if (!message || !*message) {
    MOQ_LOG(warn, "net", "{}: bad ANNOUNCE_REQUEST: {}", describe(connection_),
            message ? "no message" : message.error().describe());
    stream.send->reset(static_cast<std::uint32_t>(StreamCode::malformed_track));
    co_return;
  }
  co_await connection_.peer_ready();
  if (announcing_.size() >= kMaxAnnounceStreams) {
    MOQ_LOG(warn, "net", "{}: more than {} announce streams", describe(connection_),
            kMaxAnnounceStreams);
    refuse(stream, Error(Code::too_many, "announce streams"), "ANNOUNCE_REQUEST");
    co_return;
  }
  const AnnounceRequest request = **std::move(message);
  if (request.exclude_hop != 0) exclude_hop_ = request.exclude_hop;
  const auto& origin = connection_.options().publish;
  if (!origin) {
    // Nothing to offer: an empty set on a stream that stays open.
    const origin::Producer nothing(connection_.own_hop());
    auto none = std::make_unique<AnnounceServer>(*this, request,
                                                 nothing.consume().announced(request.prefix));
    stream.send->write(none->initial());
    connection_.tasks().spawn(hold_announce(std::move(stream), std::move(none)));
    co_return;
  }
  // It goes on in a task of its own: watchers stay for hours, and all that was needed to begin
  // would stay with them.
  auto server = std::make_unique<AnnounceServer>(*this, request,
                                                 origin->announced(request.prefix, exclude()));
  stream.send->write(server->initial());
  connection_.tasks().spawn(go_on_announcing(std::move(stream), std::move(server)));
}

// `none` only counts as one of the peer's announce streams.
kio::Task<void> Publisher::hold_announce(Bidi stream,
                                         [[maybe_unused]] std::unique_ptr<AnnounceServer> none) {
  (void)co_await stream.reader.end();
  stream.send->finish();
}

kio::Task<void> Publisher::go_on_announcing(Bidi stream, std::unique_ptr<AnnounceServer> server) {
  for (;;) {
    auto next = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Bytes>> {
      if (auto end = stream.reader.poll_end(waiter)) {
        return Result<Bytes>(
            std::unexpected(*end ? Error(Code::cancelled, "unsubscribed") : end->error()));
      }
      auto writable = stream.send->poll_writable(waiter);
      if (writable.pending()) return kio::kPending;
      if (!*writable) return Result<Bytes>(std::unexpected(writable->error()));
      if (auto update = server->poll_batch(waiter)) return Result<Bytes>(*std::move(update));
      return kio::kPending;
    });
    if (!next) {
      MOQ_LOG(debug, "net", "{}: announce stream over: {}", describe(connection_),
              next.error().describe());
      stream.send->finish();
      co_return;
    }
    stream.send->write(*std::move(next));
  }
}

}  // namespace moq::net::lite
