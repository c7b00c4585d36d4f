#include "moq/relay/web.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <sstream>

#include "moq/io/tcp.h"

namespace moq::relay {
namespace {

namespace http = boost::beast::http;

struct Response {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

Response not_found(std::string text) { return {.status = 404, .body = std::move(text) + "\n"}; }

/// The head of a response whose body follows: with its length, or, if it is not known, up to the
/// end of the connection.
Bytes head_of(const Response& response, bool streamed) {
  http::response<http::string_body> message;
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  message.set(http::field::server, "moq-relay");
  message.set(http::field::content_type, response.type);
  message.set(http::field::access_control_allow_origin, "*");
  message.set(http::field::connection, "close");
  if (!streamed) {
    message.body() = response.body;
    message.prepare_payload();
  }
  std::ostringstream out;
  out << message;
  return Bytes::copy(out.str());
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() + 0 &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

class Web::Server {
 public:
  Server(io::Loop& loop, Relay& relay, std::unique_ptr<io::TcpListener> listener)
      : loop_(loop), relay_(relay), listener_(std::move(listener)), connections_(loop) {
    connections_.spawn(accept());
  }
  [[nodiscard]] transport::SocketAddress address() const { return listener_->local_address(); }

 private:
  using Stream = std::unique_ptr<io::TcpStream>;

  kio::Task<void> accept() {
    for (;;) {
      auto stream = co_await listener_->accept();
      if (!stream) co_return;
      // One of the tasks is this one.
      if (connections_.size() > kMaxHttpConnections) continue;
      connections_.spawn(serve(*std::move(stream)));
    }
  }

  /// `work`, unless the peer is idle for too long.
  template <typename Poll>
  auto within_time(Poll poll) {
    return
        [this, poll,
         timer = std::make_shared<kio::Timer>(loop_.clock(), loop_.clock().now() + kHttpTimeout)](
            const kio::Waiter& waiter) mutable { return poll_or_time(poll, *timer, waiter); };
  }
  template <typename Poll>
  static auto poll_or_time(Poll& poll, kio::Timer& timer, const kio::Waiter& waiter)
      -> decltype(poll(waiter)) {
    if (auto ready = poll(waiter)) return ready;
    if (timer.poll(waiter)) return fail(Code::timeout, "the peer is idle");
    return kio::kPending;
  }

  kio::Task<Result<std::string>> read_target(io::TcpStream& stream) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(0);
    parser.header_limit(kMaxHttpRequestBytes);
    std::string pending;
    while (!parser.is_header_done()) {
      auto poll = within_time([&stream](const kio::Waiter& waiter) {
        return stream.poll_read(waiter, kMaxHttpRequestBytes);
      });
      auto bytes = co_await kio::wait([&poll](const kio::Waiter& waiter) { return poll(waiter); });
      if (!bytes) co_return std::unexpected(bytes.error());
      if (bytes->empty()) co_return fail(Code::closed, "the request ends too early");
      pending.append(bytes->text());
      boost::system::error_code error;
      const std::size_t used = parser.put(boost::asio::buffer(pending), error);
      pending.erase(0, used);
      if (error && error != http::error::need_more) {
        co_return fail(Code::decode, "not an HTTP request: " + error.message());
      }
    }
    if (parser.get().method() != http::verb::get) co_return fail(Code::unsupported, "only GET");
    co_return std::string(parser.get().target());
  }

  kio::Task<bool> write(io::TcpStream& stream, Bytes data) {
    auto poll = within_time(
        [&stream, &data](const kio::Waiter& waiter) { return stream.poll_write(waiter, data); });
    auto written = co_await kio::wait([&poll](const kio::Waiter& waiter) { return poll(waiter); });
    co_return written.has_value();
  }

  kio::Task<void> serve(Stream stream) {
    auto target = co_await read_target(*stream);
    if (!target) {
      const int status = target.error().code == Code::unsupported ? 405 : 400;
      const Response refusal{.status = status, .body = target.error().text + "\n"};
      if (target.error().code != Code::closed) co_await write(*stream, head_of(refusal, false));
      co_return;
    }
    const std::size_t question = target->find('?');
    const std::string path = target->substr(0, question);
    const std::string query = question == std::string::npos ? "" : target->substr(question + 1);
    if (path.starts_with("/fetch/")) {
      co_await serve_fetch(*stream, percent_decode(path.substr(7)), query);
    } else {
      co_await write(*stream, head_of(answer(path), false));
    }
    stream->finish();
  }

  Response answer(const std::string& path) const {
    if (path == "/health") return {.body = "ok\n"};
    if (path == "/certificate.sha256") {
      // Without an end of line: browsers with @moq/net take every character for hex.
      return {.body = transport::quic::to_hex(relay_.fingerprint())};
    }
    if (path == "/announced" || path.starts_with("/announced/")) {
      return announced(percent_decode(path.substr(std::string_view("/announced").size())));
    }
    return not_found(
        "here are /health, /certificate.sha256, /announced[/PREFIX] and "
        "/fetch/BROADCAST/TRACK?group=N");
  }

  [[nodiscard]] Response announced(const std::string& text) const {
    const auto prefix = net::Path::parse(text);
    if (!prefix) return {.status = 400, .body = prefix.error().text + "\n"};
    Response response;
    auto announced = readable().announced(*prefix);
    while (auto update = announced.poll_next(kio::Waiter::none())) {
      const auto suffix = update->path.strip_prefix(*prefix);
      if (suffix && !suffix->is_hidden()) response.body += update->path.text() + "\n";
    }
    return response;
  }

  /// What anyone may subscribe to.
  [[nodiscard]] net::origin::Consumer readable() const {
    auto scoped = relay_.origin().consume().scope({}, [this](const net::Path& path) {
      return Grants::covers(relay_.grants().subscribe, path);
    });
    return *std::move(scoped);
  }

  /// The frames of one group, one after the other: of `?group=N`, or of the newest.
  kio::Task<void> serve_fetch(io::TcpStream& stream, std::string what, std::string query) {
    const std::size_t slash = what.rfind('/');
    const auto path = net::Path::parse(slash == std::string::npos ? "" : what.substr(0, slash));
    const std::string track = what.substr(slash == std::string::npos ? 0 : slash + 1);
    std::optional<std::uint64_t> wanted;
    if (query.starts_with("group=")) {
      std::uint64_t number = 0;
      const char* end = query.data() + query.size();
      if (std::from_chars(query.data() + 6, end, number).ptr != end) {
        const Response bad{.status = 400, .body = "group is not a number\n"};
        co_await write(stream, head_of(bad, false));
        co_return;
      }
      wanted = number;
    }
    std::optional<net::broadcast::Consumer> broadcast;
    if (path) broadcast = readable().find(*path);
    if (!broadcast) {
      co_await write(stream, head_of(not_found("no such broadcast"), false));
      co_return;
    }
    auto group = co_await find_group(*broadcast, track, wanted);
    if (!group) {
      co_await write(stream, head_of(not_found(group.error().describe()), false));
      co_return;
    }
    const Response found{.type = "application/octet-stream"};
    bool connected = co_await write(stream, head_of(found, true));
    while (connected) {
      auto frame = co_await group->read_frame();
      if (!frame || !*frame) co_return;
      connected = co_await write(stream, (*frame)->second);
    }
  }

  kio::Task<Result<net::group::Consumer>> find_group(const net::broadcast::Consumer& broadcast,
                                                     const std::string& track,
                                                     std::optional<std::uint64_t> wanted) {
    kio::Timer timer(loop_.clock(), loop_.clock().now() + kHttpTimeout);
    using Out = Result<net::group::Consumer>;
    if (wanted) {
      auto fetch = broadcast.fetch(track, *wanted);
      co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Out> {
        if (auto group = fetch.poll(waiter)) return group;
        if (timer.poll(waiter)) return Out(fail(Code::timeout, "nobody answers"));
        return kio::kPending;
      });
    }
    auto reader = broadcast.subscribe(track);
    co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Out> {
      if (auto group = reader.poll_next_group(waiter)) {
        if (!*group) return Out(std::unexpected(group->error()));
        if (!**group) return Out(fail(Code::not_found, "the track has no groups"));
        return Out(***std::move(group));
      }
      if (timer.poll(waiter)) return Out(fail(Code::timeout, "no group comes"));
      return kio::kPending;
    });
  }

  io::Loop& loop_;
  Relay& relay_;
  std::unique_ptr<io::TcpListener> listener_;
  kio::TaskGroup connections_;  // Last: its tasks use all of the above.
};

Web::Web(std::unique_ptr<Server> server) : server_(std::move(server)) {}
Web::~Web() = default;

Result<std::unique_ptr<Web>> Web::create(io::Loop& loop, Relay& relay,
                                         const transport::SocketAddress& address) {
  auto listener = io::TcpListener::bind(loop, address);
  if (!listener) {
    return std::unexpected(
        listener.error().with_context("--web-http-listen " + address.to_string()));
  }
  return std::unique_ptr<Web>(new Web(std::make_unique<Server>(loop, relay, *std::move(listener))));
}

transport::SocketAddress Web::address() const { return server_->address(); }

}  // namespace moq::relay
