#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "moq/net/internal/connection.h"
#include "moq/net/internal/legacy_exchange.h"
#include "moq/net/moqt/internal/requests.h"

namespace moq::net::moqt {

class ControlStream;
class Publisher;
class Subscriber;

/// One session of moq-transport.
class Connection final : public net::Connection {
 public:
  /// `greeting` comes with 14, and with nothing else.
  Connection(Runtime runtime, std::unique_ptr<transport::Session> transport, Version version,
             bool server, std::optional<LegacyGreeting> greeting = std::nullopt);
  ~Connection() override;

  [[nodiscard]] Draft draft() const { return draft_; }
  /// The peer's SETUP; empty before it came.
  [[nodiscard]] const Setup& peer_setup() const { return peer_setup_; }

  void greet(const SessionOptions& options, std::optional<std::string> path) override;
  kio::Task<Result<void>> read_greeting() override;

  /// The peer broke a rule: closes the session with the code of `error`, which `close_error` makes
  /// for a certain code.
  void violated(const Error& error);

  // For requests.
  [[nodiscard]] RequestIds& ids() { return ids_; }
  [[nodiscard]] ControlStream& control() { return *control_; }
  /// Whether `kind` has a stream of its own.
  [[nodiscard]] bool has_own_stream(RequestKind kind) const;
  /// Hands a request of the peer to the half that serves it.
  void serve(IncomingRequest request);
  /// Requests of the peer that are served now.
  [[nodiscard]] std::size_t& served() { return served_; }

 private:
  friend class ControlStream;
  void start_protocol() override;
  void stop_protocol() override;
  void drain_protocol() override;
  kio::Task<void> goaway_task(std::string uri) override;
  kio::Task<void> follow_probe(kio::Producer<PathEstimate> out) override;
  [[nodiscard]] std::uint64_t close_code(const Error& error) const override;
  [[nodiscard]] Error read_close(Error ended) const override;

  [[nodiscard]] Setup own_setup(const SessionOptions& options,
                                std::optional<std::string> path) const;
  kio::Task<void> open_control();
  /// Gives a peer whose control stream broke off the time to say that it closes the session.
  kio::Task<void> close_to_follow();
  /// The peer's control stream, whose SETUP is `raw`.
  kio::Task<void> serve_control(StreamReader reader, Result<std::optional<RawMessage>> raw);
  static Result<std::optional<RawMessage>> to_raw(Result<Bytes> body);
  Result<void> receive_setup(Result<std::optional<RawMessage>> raw);
  Result<void> apply_setup(const Setup& setup);
  void apply_goaway(const Goaway& goaway);
  kio::Task<void> accept_bidi();
  kio::Task<void> serve_bidi(Bidi stream);
  kio::Task<void> accept_uni();
  kio::Task<void> serve_uni(StreamReader reader);
  kio::Task<void> receive_datagrams();

  const Draft draft_;
  Setup peer_setup_;
  bool have_peer_setup_ = false;
  std::size_t served_ = 0;
  RequestIds ids_;
  std::unique_ptr<ControlStream> control_;
  std::optional<StreamReader> early_control_;  ///< Read up to SETUP, until the session starts.
  std::optional<RawMessage> early_setup_;      ///< 14: the peer's, until it is taken in.
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Subscriber> subscriber_;
};

}  // namespace moq::net::moqt
