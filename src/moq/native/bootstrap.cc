#include "moq/native/internal/bootstrap.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "moq/io/tcp.h"

namespace moq::native {
namespace {

namespace http = boost::beast::http;

/// Reads one response to its end.
kio::Task<Result<std::string>> read_body(io::TcpStream& stream) {
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxBootstrapBytes);
  parser.header_limit(kMaxBootstrapBytes);
  parser.eager(true);
  std::string pending;
  while (!parser.is_done()) {
    auto bytes = co_await stream.read(kMaxBootstrapBytes);
    if (!bytes) co_return std::unexpected(bytes.error());
    boost::system::error_code error;
    if (bytes->empty()) {
      // The parser asserts that it has seen something before the end.
      if (!parser.got_some()) co_return fail(Code::io, "the answer ends too early");
      parser.put_eof(error);
      if (error) co_return fail(Code::io, "the answer ends too early");
      break;
    }
    pending.append(bytes->text());
    const std::size_t used = parser.put(boost::asio::buffer(pending), error);
    pending.erase(0, used);
    if (error && error != http::error::need_more) {
      co_return fail(Code::io, "not an HTTP answer: " + error.message());
    }
    if (pending.size() > kMaxBootstrapBytes) co_return fail(Code::io, "the answer is too long");
  }
  const unsigned status = parser.get().result_int();
  if (status < 200 || status >= 300) {
    co_return fail(Code::io, "HTTP status " + std::to_string(status));
  }
  co_return parser.get().body();
}

kio::Task<Result<std::string>> get(io::Loop& loop, io::Resolver& resolver, Url url) {
  auto addresses = co_await resolver.resolve(url.host, url.web_port);
  if (!addresses) co_return std::unexpected(addresses.error());
  Error last(Code::name_not_found, "no address for '" + url.host + "'");
  for (const auto& address : *addresses) {
    auto stream = co_await io::TcpStream::connect(loop, address);
    if (!stream) {
      last = stream.error();
      continue;
    }
    Bytes request =
        Bytes::copy("GET /certificate.sha256 HTTP/1.1\r\nHost: " + url.as_websocket().authority() +
                    "\r\nConnection: close\r\n\r\n");
    auto written = co_await (*stream)->write(request);
    if (!written) co_return std::unexpected(written.error());
    co_return co_await read_body(**stream);
  }
  co_return std::unexpected(last);
}

}  // namespace

kio::Task<Result<transport::quic::Fingerprint>> fetch_fingerprint(io::Loop& loop,
                                                                  io::Resolver& resolver, Url url) {
  const std::string where = "http://" + url.as_websocket().authority() + "/certificate.sha256";
  kio::Timer timer(loop.clock());
  timer.set_after(kBootstrapTimeout);
  kio::Spawned<Result<std::string>> getting = loop.spawn(get(loop, resolver, std::move(url)));
  auto body = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<std::string>> {
    if (auto joined = getting.poll_join(waiter)) return joined;
    if (timer.poll(waiter)) return fail(Code::timeout, "no answer");
    return kio::kPending;
  });
  if (!body) co_return std::unexpected(body.error().with_context(where));
  auto fingerprint = transport::quic::parse_fingerprint(*body);
  if (fingerprint) co_return fingerprint;
  // Without the text, which may be any web server's page.
  Error error(Code::io, "the answer is not the hash of a certificate: is this a relay's web port?");
  co_return std::unexpected(error.with_context(where));
}

}  // namespace moq::native
