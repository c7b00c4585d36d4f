#include "moq/relay/web.h"

#include "moq/base/log.h"
#include "moq/io/tcp.h"
#include "moq/relay/web_server.h"
#include "moq/transport/tls/stream.h"

namespace moq::relay {
namespace {

constexpr std::string_view kLog = "web";

}  // namespace

class Web::Listener {
 public:
  Listener(const native::Environment& environment, Relay& relay, Kind kind,
           std::unique_ptr<io::TcpListener> listener)
      : loop_(*environment.loop),
        relay_(relay),
        kind_(kind),
        server_(environment, relay),
        listener_(std::move(listener)),
        connections_(loop_),
        accepting_(loop_.spawn(accept())) {}
  [[nodiscard]] transport::SocketAddress address() const { return listener_->local_address(); }

 private:
  using Stream = std::unique_ptr<transport::ByteStream>;
  using Secured = Result<std::unique_ptr<transport::tls::Stream>>;

  kio::Task<void> accept() {
    for (;;) {
      auto stream = co_await listener_->accept();
      if (!stream) {
        MOQ_LOG(error, kLog, "HTTP ends: {}", stream.error().describe());
        co_return;
      }
      if (connections_.size() < kMaxHttpConnections) connections_.spawn(serve(*std::move(stream)));
    }
  }

  kio::Task<void> serve(Stream stream) {
    if (kind_ == Kind::https) {
      const std::string peer = stream->peer();
      Secured secured = co_await secure(std::move(stream));
      if (!secured) {
        MOQ_LOG(debug, kLog, "{}: no TLS: {}", peer, secured.error().describe());
        co_return;
      }
      stream = *std::move(secured);
    }
    co_await server_.serve(std::move(stream));
  }

  kio::Task<Secured> secure(Stream stream) {
    std::vector<std::string> alpn(1, "http/1.1");
    kio::Spawned<Secured> shaking = loop_.spawn(
        transport::tls::Stream::accept(std::move(stream), relay_.tls(), std::move(alpn)));
    kio::Timer timer(loop_.clock());
    timer.set_after(kHttpTimeout);
    co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Secured> {
      if (auto joined = shaking.poll_join(waiter)) return joined;
      if (timer.poll(waiter)) return Secured(fail(Code::timeout, "no handshake in time"));
      return kio::kPending;
    });
  }

  io::Loop& loop_;
  Relay& relay_;
  Kind kind_;
  WebServer server_;
  std::unique_ptr<io::TcpListener> listener_;
  kio::TaskGroup connections_;  // After what its tasks use.
  kio::Spawned<void> accepting_;
};

Web::Web(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
Web::~Web() = default;

Result<std::unique_ptr<Web>> Web::create(const native::Environment& environment, Relay& relay,
                                         Kind kind, const transport::SocketAddress& address) {
  auto listener = io::TcpListener::bind(*environment.loop, address);
  if (!listener) {
    return std::unexpected(listener.error().with_context(
        kind == Kind::http ? "--web-http-listen" : "--web-https-listen"));
  }
  return std::unique_ptr<Web>(
      new Web(std::make_unique<Listener>(environment, relay, kind, *std::move(listener))));
}

transport::SocketAddress Web::address() const { return listener_->address(); }

}  // namespace moq::relay
