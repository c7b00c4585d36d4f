#pragma once

#include "moq/relay/http_exchange.h"
#include "moq/relay/relay.h"

namespace moq::relay {

/// What a relay shows over HTTP, to anyone, of what anyone may subscribe to: `/health`,
/// `/certificate.sha256`, `/announced[/PREFIX]` and `/fetch/BROADCAST/TRACK[?group=N]`.
class WebPages {
 public:
  /// Both must outlive it.
  WebPages(kio::Clock& clock, const Relay& relay) : clock_(clock), relay_(relay) {}

  /// Waits for a request and answers it.
  kio::Task<void> serve(HttpExchange& exchange) const;
  /// Answers `request`, which must live until that is done.
  kio::Task<void> answer(HttpExchange& exchange, const HttpRequest& request) const;

 private:
  struct Wanted;
  struct Found;
  [[nodiscard]] HttpResponse page(const std::string& path) const;
  [[nodiscard]] HttpResponse announced(std::string_view encoded_prefix) const;
  [[nodiscard]] net::origin::Consumer readable() const;
  kio::Task<void> serve_group(HttpExchange& exchange, const HttpRequest& request) const;
  kio::Task<void> send(HttpExchange& exchange, Found& found) const;
  static Result<Wanted> parse_wanted(const HttpRequest& request);
  [[nodiscard]] kio::Task<Result<Found>> find(Wanted wanted) const;

  kio::Clock& clock_;
  const Relay& relay_;
};

}  // namespace moq::relay
