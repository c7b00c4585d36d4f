#pragma once

#include <optional>
#include <string>

#include "moq/http/head.h"
#include "moq/io/byte_stream.h"
#include "moq/kio/clock.h"

namespace moq::relay {

using HttpRequest = http::Request;

/// The head of a request; nothing here needs more.
inline constexpr std::size_t kMaxHttpRequestBytes = http::kMaxHeadBytes;
/// A whole request has to come, and each part of an answer has to be ready and be taken, within
/// this.
inline constexpr Duration kHttpTimeout = 10s;
/// The longest life of a connection: the largest group (`net::kMaxGroupBytes`) at 5 Mbit/s.
inline constexpr Duration kHttpLifetime = 60s;
/// How long, and how much, a client may go on sending once it has its answer.
inline constexpr Duration kHttpLinger = 2s;
inline constexpr std::size_t kMaxHttpLingerBytes = 256 << 10;

/// An answer of known length.
struct HttpResponse {
  HttpResponse(int code, std::string text) : status(code), body(std::move(text)) {}
  int status;
  std::string body;
};

/// One request and its answer; no second one is read. Neither a client that sends or takes slowly
/// nor one that just stays holds it for longer than the times above.
class HttpExchange {
 public:
  /// All three must outlive it.
  HttpExchange(kio::Clock& clock, io::ByteSource& source, io::ByteSink& sink);

  /// Waits for the request. None if there was none: what could not be read as one is answered.
  kio::Task<std::optional<HttpRequest>> receive();

  kio::Task<void> answer(HttpResponse response);
  /// Begins an answer whose length nobody knows yet. False if it is over already: the client is
  /// gone, or asked for the head alone.
  kio::Task<bool> begin(std::string type);
  /// Adds to it. False if the client is gone, or too slow.
  kio::Task<bool> add(Bytes data);
  /// Ends it. One that is not whole is left without its end, so that the client notices.
  kio::Task<void> end(bool whole);

  /// Takes in what the client still sends: closing over it would reset the connection, and the
  /// client might lose the answer. Call it last, when the client knows that no more comes.
  kio::Task<void> drain();

  /// What the client sent behind its request.
  [[nodiscard]] const Bytes& rest() const { return head_.rest(); }

  /// True once the connection's time is over.
  bool poll_expired(const kio::Waiter& waiter) { return lifetime_.poll(waiter).ready(); }

 private:
  kio::Task<Result<Bytes>> read();
  kio::Task<bool> write(Bytes data);

  io::ByteSource& source_;
  io::ByteSink& sink_;
  kio::Timer lifetime_;
  kio::Timer idle_;
  http::HeadReader head_;
  bool head_only_ = false;
  bool chunked_ = false;
};

}  // namespace moq::relay
