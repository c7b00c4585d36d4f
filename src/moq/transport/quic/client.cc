#include "moq/transport/quic/client.h"

#include <algorithm>
#include <list>

#include "moq/transport/quic/internal/endpoint.h"
#include "moq/transport/quic/internal/handles.h"

namespace moq::transport::quic {
namespace {

using namespace internal;

// One burst of a single connection.
constexpr std::size_t kClientOutputBytes = 128 * 1024;
// RFC 7301 allows 255; the TLS library keeps no longer names.
constexpr std::size_t kMaxAlpnBytes = 32;

}  // namespace

struct Client::Core : std::enable_shared_from_this<Client::Core> {
  class Dialed;

  explicit Core(const Environment& env) : environment(env) {}

  Result<Ref<Conn>> start(const DialOptions& options, const std::vector<std::string>& alpn);
  void remove(const Dialed* endpoint);
  static kio::Task<Result<std::unique_ptr<Connection>>> dial(std::shared_ptr<Core> core,
                                                             DialOptions options);

  Environment environment;
  std::list<std::unique_ptr<Dialed>> endpoints;
  kio::WaiterList on_idle;
};

/// The sockets of one connection that we dialled.
class Client::Core::Dialed final : public Endpoint {
 public:
  Dialed(Core& core, std::unique_ptr<DatagramSocket> socket, const DialOptions& options)
      : Endpoint(core.environment, kClientOutputBytes), core_(&core) {
    const SocketAddress local = socket->local_address();
    add_socket(std::move(socket));
    conn_ = Ref<Conn>::make(*this, options.parameters, local, options.address);
  }
  ~Dialed() override {
    forget(*conn_);
    conn_->detach();
  }

  [[nodiscard]] const Ref<Conn>& conn() const { return conn_; }

  void add_id(Conn&, ConnectionId) override {}
  void remove_id(ConnectionId) override {}
  void reset_token(std::uint8_t* token, const ngtcp2_cid&) override {
    // Never used: our sockets are gone when our state is.
    fill_random(random(), token, NGTCP2_STATELESS_RESET_TOKENLEN);
  }
  void on_established(Conn&) override {}
  void on_ended(Conn&) override {}

 private:
  void on_batch(DatagramSocket& socket, const ReceivedBatch& batch) override {
    const SocketAddress local = local_of(socket);
    ByteSpan rest = batch.data;
    while (!rest.empty()) {
      const std::size_t size = std::min(rest.size(), std::max<std::size_t>(batch.segment_size, 1));
      conn_->receive(
          {.local = local, .remote = batch.from, .packet = rest.first(size), .ecn = batch.ecn});
      rest = rest.subspan(size);
    }
  }
  void on_receive_error(DatagramSocket& socket, const Error& error) override {
    if (error.code == Code::refused) {
      if (local_of(socket) == conn_->local_address()) conn_->on_refused();
    } else if (local_of(socket) == conn_->local_address()) {
      conn_->on_socket_error(error);
    }
  }
  void remove_over(std::vector<Conn*>) override { core_->remove(this); }

  Core* core_;
  Ref<Conn> conn_;
};

Result<Ref<Conn>> Client::Core::start(const DialOptions& options,
                                      const std::vector<std::string>& alpn) {
  MOQ_TRY(auto socket, environment.network->connect(options.address));
  auto endpoint = std::make_unique<Dialed>(*this, std::move(socket), options);
  MOQ_CHECK(endpoint->conn()->start_client(options.tls, options.server_name, alpn));
  endpoints.push_back(std::move(endpoint));
  return endpoints.back()->conn();
}

void Client::Core::remove(const Dialed* endpoint) {
  const auto at = std::ranges::find_if(
      endpoints, [endpoint](const auto& each) { return each.get() == endpoint; });
  if (at == endpoints.end()) return;
  const std::unique_ptr<Dialed> gone = std::move(*at);
  endpoints.erase(at);
  if (endpoints.empty()) on_idle.wake();
}

kio::Task<Result<std::unique_ptr<Connection>>> Client::Core::dial(std::shared_ptr<Core> core,
                                                                  DialOptions options) {
  using Dial = Result<std::unique_ptr<Connection>>;
  if (options.alpn.empty()) co_return Dial(fail(Code::bad_config, "no protocol (ALPN) to offer"));
  for (const std::string& name : options.alpn) {
    if (name.empty() || name.size() > kMaxAlpnBytes) {
      co_return Dial(fail(Code::bad_config, "unusable protocol name '" + name + "'"));
    }
  }
  // One handshake offers a few names. A server with none of them gets the next few: names come by
  // preference, so an earlier handshake that works is the better one.
  std::size_t offered = 0;
  for (;;) {
    const std::size_t count = std::min(kMaxAlpnOffers, options.alpn.size() - offered);
    const auto first = options.alpn.begin() + static_cast<std::ptrdiff_t>(offered);
    const std::vector<std::string> offer(first, first + static_cast<std::ptrdiff_t>(count));
    offered += count;
    Result<Ref<Conn>> started = core->start(options, offer);
    if (!started) {
      co_return Dial(
          std::unexpected(started.error().with_context("dialing " + options.address.to_string())));
    }
    Conn& conn = **started;
    std::unique_ptr<Connection> handle = make_handle(*started, core);
    const Result<void> established = co_await kio::wait(
        [&conn](const kio::Waiter& waiter) { return conn.poll_established(waiter); });
    if (established) co_return Dial(std::move(handle));
    if (established.error().code != Code::version || offered == options.alpn.size()) {
      co_return Dial(std::unexpected(
          established.error().with_context("dialing " + options.address.to_string())));
    }
  }
}

Client::Client(const Environment& environment) : core_(std::make_shared<Core>(environment)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

kio::Task<Result<std::unique_ptr<Connection>>> Client::dial(DialOptions options) {
  return Core::dial(core_, std::move(options));
}

kio::Poll<kio::Unit> Client::poll_idle(const kio::Waiter& waiter) {
  if (core_->endpoints.empty()) return kio::Unit{};
  core_->on_idle.add(waiter);
  return kio::kPending;
}

}  // namespace moq::transport::quic
