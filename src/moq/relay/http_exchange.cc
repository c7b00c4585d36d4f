#include "moq/relay/http_exchange.h"

#include <fmt/format.h>

#include <utility>

namespace moq::relay {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

/// The lines that every answer begins with. Browsers of any page may read it.
std::string head_of(int status, std::string_view type) {
  std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\nServer: moq-relay\r\nContent-Type: {}\r\n"
      "Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nConnection: close\r\n",
      status, http::reason_of(status), type);
  if (status == 401) head += "WWW-Authenticate: Bearer\r\n";
  if (status == 405) head += "Allow: GET, HEAD\r\n";
  if (status == 426) head += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  return head;
}

}  // namespace

HttpExchange::HttpExchange(kio::Clock& clock, io::ByteSource& source, io::ByteSink& sink)
    : source_(source), sink_(sink), lifetime_(clock, clock.now() + kHttpLifetime), idle_(clock) {}

/// The next bytes, before `idle_` is due.
kio::Task<Result<Bytes>> HttpExchange::read() {
  co_return co_await kio::wait([this](const kio::Waiter& waiter) -> kio::Poll<Result<Bytes>> {
    if (auto bytes = source_.poll_read(waiter, kMaxHttpRequestBytes)) return bytes;
    if (idle_.poll(waiter)) return Result<Bytes>(fail(Code::timeout, "the client is idle"));
    return kio::kPending;
  });
}

kio::Task<std::optional<HttpRequest>> HttpExchange::receive() {
  idle_.set_after(kHttpTimeout);  // For all of it: a byte now and then does not prolong it.
  std::optional<std::string> head;
  while (!head) {
    const Result<Bytes> bytes = co_await read();
    if (!bytes && bytes.error().code == Code::timeout && head_.begun()) {
      co_await answer({408, "the request did not come in time\n"});
    }
    if (!bytes || bytes->empty()) co_return std::nullopt;
    auto pushed = head_.push(*bytes);
    if (!pushed && pushed.error().code == Code::decode) {
      co_await answer({400, "this is plain HTTP/1.1\n"});
      co_return std::nullopt;
    }
    if (!pushed) {
      co_await answer({431, "the request's head is too long\n"});
      co_return std::nullopt;
    }
    head = *std::move(pushed);
  }
  auto request = HttpRequest::parse(*head);
  if (!request) {
    co_await answer({400, request.error().text + "\n"});
    co_return std::nullopt;
  }
  head_only_ = request->method == "HEAD";
  if (!head_only_ && request->method != "GET") {
    co_await answer({405, "only GET and HEAD\n"});
    co_return std::nullopt;
  }
  chunked_ = request->http11;
  co_return *std::move(request);
}

kio::Task<bool> HttpExchange::write(Bytes data) {
  std::size_t left = data.size();
  idle_.set_after(kHttpTimeout);
  co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<bool> {
    if (const auto written = sink_.poll_write(waiter, data)) return written->has_value();
    if (std::exchange(left, data.size()) != data.size()) idle_.set_after(kHttpTimeout);
    if (idle_.poll(waiter) || lifetime_.poll(waiter)) return false;
    return kio::kPending;
  });
}

kio::Task<void> HttpExchange::answer(HttpResponse response) {
  std::string text = head_of(response.status, kText);
  text += fmt::format("Content-Length: {}\r\n\r\n", response.body.size());
  if (!head_only_) text += response.body;
  co_await write(Bytes::copy(text));
}

kio::Task<bool> HttpExchange::begin(std::string type) {
  std::string text = head_of(200, type);
  text += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  const bool taken = co_await write(Bytes::copy(text));
  co_return taken && !head_only_;
}

kio::Task<bool> HttpExchange::add(Bytes data) {
  if (data.empty()) co_return true;  // As a chunk it would be the end.
  if (!chunked_) co_return co_await write(std::move(data));
  const bool framed = co_await write(Bytes::copy(fmt::format("{:x}\r\n", data.size())));
  if (!framed) co_return false;
  const bool taken = co_await write(std::move(data));
  if (!taken) co_return false;
  co_return co_await write(Bytes::copy("\r\n"));
}

kio::Task<void> HttpExchange::end(bool whole) {
  if (whole && chunked_) co_await write(Bytes::copy("0\r\n\r\n"));
}

kio::Task<void> HttpExchange::drain() {
  idle_.set_after(kHttpLinger);
  for (std::size_t taken = 0; taken < kMaxHttpLingerBytes;) {
    const Result<Bytes> bytes = co_await read();
    if (!bytes || bytes->empty()) co_return;
    taken += bytes->size();
  }
}

}  // namespace moq::relay
