#include "moq/transport/quic/server.h"

#include <deque>
#include <list>
#include <map>
#include <unordered_map>

#include "moq/base/log.h"
#include "moq/transport/quic/internal/endpoint.h"
#include "moq/transport/quic/internal/handles.h"
#include "moq/transport/quic/internal/stateless.h"

namespace moq::transport::quic {
namespace {

using namespace internal;

// Packets of many connections for one system call. More would fall out of the cache before it.
constexpr std::size_t kServerOutputBytes = 128 * 1024;
// One burst of a single connection.
constexpr std::size_t kMovedOutputBytes = 128 * 1024;
// What the first byte of a connection id can tell apart.
constexpr std::uint32_t kMaxServersOfAddress = 256;

}  // namespace

struct Server::Core final : public Endpoint {
  class Moved;
  Core(const Environment& env, ServerOptions server_options)
      : Endpoint(env, kServerOutputBytes),
        options(std::move(server_options)),
        stateless(options.reset_key.value_or(options.tls.identities().front().reset_key()),
                  random()) {}
  ~Core() override;

  Poll<Result<Ref<Conn>>> poll_accept(const Waiter& waiter);
  void stop_accepting(Error why);
  void close_all(std::uint64_t code, std::string_view reason);
  /// Moves the sessions to sockets of their own and closes the one for all.
  void vacate();
  void remove_moved(const Moved* gone);

  void add_id(Conn& conn, ConnectionId id) override { ids.emplace(id, &conn); }
  void remove_id(ConnectionId id) override { ids.erase(id); }
  void reset_token(std::uint8_t* token, const ngtcp2_cid& id) override {
    stateless.reset_token(token, id);
  }
  void mark_id(std::uint8_t* id) override;
  void on_established(Conn& conn) override;
  void on_ended(Conn& conn) override;

  ServerOptions options;
  Stateless stateless;
  SocketAddress local;
  std::unordered_map<Conn*, Ref<Conn>> conns;
  std::list<std::unique_ptr<Moved>> moved;      // Sessions that outlive the server.
  std::unordered_map<ConnectionId, Conn*> ids;  // Ids that we chose.
  std::map<std::string, Conn*> originals;       // Ids that clients chose, while they may use them.
  std::deque<Conn*> ready;
  std::size_t handshakes = 0;
  std::optional<Error> stopped;
  kio::WaiterList on_ready;
  kio::WaiterList on_idle;

 private:
  void on_batch(DatagramSocket& socket, const ReceivedBatch& batch) override;
  void on_packet(const Stateless::Question& packet, std::uint8_t ecn);
  void on_initial(const Stateless::Question& packet, std::uint8_t ecn);
  void on_receive_error(DatagramSocket& socket, const Error& error) override;
  void remove_over(std::vector<Conn*> over) override;
  [[nodiscard]] Conn* find(const std::uint8_t* id, std::size_t size) const;
  void remove(Conn& conn);
};

/// A session that went on with a socket of its own.
class Server::Core::Moved final : public Endpoint {
 public:
  Moved(Core& core, Ref<Conn> conn, std::unique_ptr<DatagramSocket> socket)
      : Endpoint(core.environment(), kMovedOutputBytes), core_(&core), conn_(std::move(conn)) {
    add_socket(std::move(socket));
    conn_->move_to(*this);
  }
  ~Moved() override {
    forget(*conn_);
    conn_->detach();
  }

  void add_id(Conn&, ConnectionId) override {}
  void remove_id(ConnectionId) override {}
  void reset_token(std::uint8_t* token, const ngtcp2_cid& id) override {
    core_->stateless.reset_token(token, id);
  }
  void mark_id(std::uint8_t* id) override { core_->mark_id(id); }
  void on_established(Conn&) override {}
  void on_ended(Conn&) override {}

 private:
  void on_batch(DatagramSocket&, const ReceivedBatch& batch) override {
    ByteSpan rest = batch.data;
    while (!rest.empty()) {
      const std::size_t size = std::min(rest.size(), std::max<std::size_t>(batch.segment_size, 1));
      conn_->receive({.local = conn_->local_address(),
                      .remote = batch.from,
                      .packet = rest.first(size),
                      .ecn = batch.ecn});
      rest = rest.subspan(size);
    }
  }
  void on_receive_error(DatagramSocket&, const Error& error) override {
    if (error.code != Code::refused) conn_->on_socket_error(error);
  }
  void remove_over(std::vector<Conn*>) override { core_->remove_moved(this); }

  Core* core_;
  Ref<Conn> conn_;
};

void Server::Core::remove_moved(const Moved* gone) {
  const auto at =
      std::ranges::find_if(moved, [gone](const auto& each) { return each.get() == gone; });
  if (at == moved.end()) return;
  const std::unique_ptr<Moved> last = std::move(*at);
  moved.erase(at);
}

void Server::Core::vacate() {
  DatagramSocket* shared = socket_for(local);
  std::vector<Ref<Conn>> open;
  std::vector<Ref<Conn>> others;
  for (const auto& [raw, conn] : conns) {
    (conn->ended() || conn->handshaking() ? others : open).push_back(conn);
  }
  for (const Ref<Conn>& conn : open) {
    auto own = environment().network->split(*shared, conn->local_address(), conn->remote_address());
    if (!own) {
      MOQ_LOG(debug, "quic", "socket {} stays: {}", local.to_string(), own.error().describe());
      return;
    }
    forget(*conn);
    moved.push_back(std::make_unique<Moved>(*this, conn, *std::move(own)));
    remove(*conn);
  }
  for (const Ref<Conn>& conn : others) {
    conn->close(0, "server shutdown");
    forget(*conn);
    conn->detach();
    remove(*conn);
  }
  close_sockets();
}

Server::Core::~Core() {
  moved.clear();
  for (auto& [raw, conn] : conns) {
    forget(*conn);
    conn->detach();
  }
}

Conn* Server::Core::find(const std::uint8_t* id, std::size_t size) const {
  if (size == kConnectionIdBytes) {
    const auto at = ids.find(to_connection_id(id));
    if (at != ids.end()) return at->second;
  }
  const auto at = originals.find(std::string(reinterpret_cast<const char*>(id), size));
  return at == originals.end() ? nullptr : at->second;
}

void Server::Core::on_batch(DatagramSocket& socket, const ReceivedBatch& batch) {
  SocketAddress to = batch.to;
  if (to.is_unspecified()) to = local;
  Stateless::Question packet{.output = &output(),
                             .socket = &socket,
                             .from = batch.from,
                             .to = to,
                             .packet = {},
                             .now = now()};
  ByteSpan rest = batch.data;
  while (!rest.empty()) {
    const std::size_t size = std::min(rest.size(), std::max<std::size_t>(batch.segment_size, 1));
    packet.packet = rest.first(size);
    on_packet(packet, batch.ecn);
    rest = rest.subspan(size);
  }
  if (!output().empty()) wake_sender();
}

void Server::Core::on_packet(const Stateless::Question& packet, std::uint8_t ecn) {
  ngtcp2_version_cid header;
  const int error = ngtcp2_pkt_decode_version_cid(&header, packet.packet.data(),
                                                  packet.packet.size(), kConnectionIdBytes);
  if (error == NGTCP2_ERR_VERSION_NEGOTIATION) {
    stateless.negotiate_version(packet, header);
    return;
  }
  if (error != 0) return;
  if (Conn* conn = find(header.dcid, header.dcidlen)) {
    conn->receive({.local = packet.to, .remote = packet.from, .packet = packet.packet, .ecn = ecn});
    return;
  }
  const bool long_header = (packet.packet.front() & 0x80) != 0;
  long_header ? on_initial(packet, ecn) : stateless.reset(packet);
}

void Server::Core::on_initial(const Stateless::Question& packet, std::uint8_t ecn) {
  ngtcp2_pkt_hd header;
  if (ngtcp2_accept(&header, packet.packet.data(), packet.packet.size()) != 0) return;
  if (stopped || conns.size() >= options.max_connections) {
    stateless.refuse(packet, header, NGTCP2_CONNECTION_REFUSED,
                     stopped ? "not accepting" : "too many connections");
    return;
  }
  Conn::Accept accept{.header = &header, .original_id = header.dcid};
  if (Stateless::is_retry_token(header)) {
    const std::optional<ngtcp2_cid> original = stateless.check_retry_token(packet, header);
    if (!original) {
      stateless.refuse(packet, header, NGTCP2_INVALID_TOKEN, "invalid or old token");
      return;
    }
    accept.original_id = *original;
    accept.after_retry = true;
  }
  if (!accept.after_retry && (options.retry || handshakes >= options.max_handshakes)) {
    stateless.retry(packet, header);
    return;
  }
  if (handshakes >= 2 * options.max_handshakes) return;

  auto conn = Ref<Conn>::make(*this, options.parameters, packet.to, packet.from);
  if (const auto started = conn->start_server(options.tls, options.alpn, accept); !started) {
    MOQ_LOG(warn, "quic", "{}", started.error().describe());
    return;
  }
  ++handshakes;
  originals.emplace(conn->original_id(), conn.get());
  conns.emplace(conn.get(), conn);
  const int error = conn->receive(
      {.local = packet.to, .remote = packet.from, .packet = packet.packet, .ecn = ecn});
  if (error == NGTCP2_ERR_RETRY) {
    // The first packet does not begin the handshake: its beginning may be lost, or never come.
    stateless.retry(packet, header);
    conn->detach();
    --handshakes;
    forget(*conn);
    remove(*conn);
  }
}

void Server::Core::mark_id(std::uint8_t* id) {
  const std::uint32_t servers = options.share.servers;
  const std::uint32_t first = id[0] - id[0] % servers + options.share.index;
  id[0] = static_cast<std::uint8_t>(first > UINT8_MAX ? first - servers : first);
}

void Server::Core::on_established(Conn& conn) {
  --handshakes;
  if (stopped || ready.size() >= options.max_backlog) {
    conn.close_transport(NGTCP2_CONNECTION_REFUSED, stopped ? "not accepting" : "busy",
                         Error(Code::too_many, "the accept backlog is full"));
    return;
  }
  ready.push_back(&conn);
  on_ready.wake();
}

void Server::Core::on_ended(Conn& conn) {
  if (conn.handshaking()) {
    --handshakes;
  } else {
    std::erase(ready, &conn);
  }
}

void Server::Core::on_receive_error(DatagramSocket&, const Error& error) {
  // A socket that serves many has no one peer that could refuse.
  if (error.code == Code::refused) return;
  MOQ_LOG(error, "quic", "socket {}: {}", local.to_string(), error.describe());
  stop_accepting(error);
  for (auto& [raw, conn] : conns) conn->on_socket_error(error);
}

void Server::Core::remove(Conn& conn) {
  for (const ConnectionId id : conn.ids()) ids.erase(id);
  const auto original = originals.find(conn.original_id());
  if (original != originals.end() && original->second == &conn) originals.erase(original);
  conns.erase(&conn);
  if (conns.empty()) on_idle.wake();
}

void Server::Core::remove_over(std::vector<Conn*> over) {
  for (Conn* conn : over) remove(*conn);
}

Poll<Result<Ref<Conn>>> Server::Core::poll_accept(const Waiter& waiter) {
  using Accepted = Result<Ref<Conn>>;
  if (!ready.empty()) {
    Conn* conn = ready.front();
    ready.pop_front();
    return Accepted(Ref<Conn>::share(conn));
  }
  if (stopped) return Accepted(std::unexpected(*stopped));
  on_ready.add(waiter);
  return kio::kPending;
}

void Server::Core::stop_accepting(Error why) {
  if (stopped) return;
  stopped = std::move(why);
  on_ready.wake();
}

void Server::Core::close_all(std::uint64_t code, std::string_view reason) {
  for (auto& [raw, conn] : conns) conn->close(code, reason);
}

Result<Server> Server::create(const Environment& environment, ServerOptions options) {
  MOQ_TRY(auto socket, environment.network->bind(options.address));
  return create(environment, std::move(options), std::move(socket));
}

Result<Server> Server::create(const Environment& environment, ServerOptions options,
                              std::unique_ptr<DatagramSocket> socket) {
  if (options.alpn.empty()) return fail(Code::bad_config, "a server needs a protocol (ALPN)");
  if (options.share.index >= options.share.servers ||
      options.share.servers > kMaxServersOfAddress) {
    return fail(Code::bad_config, "no such share of an address");
  }
  auto core = std::make_shared<Core>(environment, std::move(options));
  core->local = socket->local_address();
  core->add_socket(std::move(socket));
  return Server(std::move(core));
}

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&& other) noexcept {
  std::swap(core_, other.core_);
  return *this;
}

Server::~Server() {
  if (!core_) return;
  core_->stop_accepting(Error(Code::closed, "the server is gone"));
  while (!core_->ready.empty()) core_->ready.front()->close(0, "server shutdown");
  core_->vacate();
}

kio::Poll<Result<std::unique_ptr<Connection>>> Server::poll_accept(const kio::Waiter& waiter) {
  using Accepted = Result<std::unique_ptr<Connection>>;
  auto conn = core_->poll_accept(waiter);
  if (!conn) return kio::kPending;
  if (!*conn) return Accepted(std::unexpected(std::move(*conn).error()));
  return Accepted(make_handle(*std::move(*conn), core_));
}

SocketAddress Server::local_address() const { return core_->local; }
std::size_t Server::connections() const { return core_->conns.size(); }
void Server::set_tls(ServerTls tls) { core_->options.tls = std::move(tls); }
void Server::stop_accepting() {
  core_->stop_accepting(Error(Code::closed, "the server accepts no more"));
}

void Server::close(std::uint64_t code, std::string_view reason) {
  core_->stop_accepting(Error(Code::closed, "the server is closed"));
  core_->close_all(code, reason);
}

kio::Poll<kio::Unit> Server::poll_idle(const kio::Waiter& waiter) {
  if (core_->conns.empty()) return kio::Unit{};
  core_->on_idle.add(waiter);
  return kio::kPending;
}

}  // namespace moq::transport::quic
