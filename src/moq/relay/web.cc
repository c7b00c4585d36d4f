#include "moq/relay/web.h"

#include "moq/base/log.h"
#include "moq/io/tcp.h"
#include "moq/relay/web_pages.h"

namespace moq::relay {

class Web::Server {
 public:
  Server(io::Loop& loop, const Relay& relay, std::unique_ptr<io::TcpListener> listener)
      : loop_(loop),
        pages_(loop.clock(), relay),
        listener_(std::move(listener)),
        connections_(loop),
        accepting_(loop.spawn(accept())) {}
  [[nodiscard]] transport::SocketAddress address() const { return listener_->local_address(); }

 private:
  using Stream = std::unique_ptr<io::TcpStream>;

  kio::Task<void> accept() {
    for (;;) {
      auto stream = co_await listener_->accept();
      if (!stream) {
        MOQ_LOG(error, "web", "HTTP ends: {}", stream.error().describe());
        co_return;
      }
      if (connections_.size() < kMaxHttpConnections) connections_.spawn(serve(*std::move(stream)));
    }
  }

  kio::Task<void> serve(Stream stream) {
    HttpExchange exchange(loop_.clock(), *stream, *stream);
    co_await pages_.serve(exchange);
    stream->finish();
    co_await exchange.drain();
  }

  io::Loop& loop_;
  WebPages pages_;
  std::unique_ptr<io::TcpListener> listener_;
  kio::TaskGroup connections_;  // After what its tasks use.
  kio::Spawned<void> accepting_;
};

Web::Web(std::unique_ptr<Server> server) : server_(std::move(server)) {}
Web::~Web() = default;

Result<std::unique_ptr<Web>> Web::create(io::Loop& loop, const Relay& relay,
                                         const transport::SocketAddress& address) {
  auto listener = io::TcpListener::bind(loop, address);
  if (!listener) return std::unexpected(listener.error().with_context("--web-http-listen"));
  return std::unique_ptr<Web>(new Web(std::make_unique<Server>(loop, relay, *std::move(listener))));
}

transport::SocketAddress Web::address() const { return server_->address(); }

}  // namespace moq::relay
