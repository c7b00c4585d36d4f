#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "moq/net/internal/connection.h"
#include "moq/net/internal/legacy_exchange.h"
#include "moq/net/internal/send_order.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_reader.h"
#include "moq/net/lite/stream_type.h"

namespace moq::net::lite {

class Publisher;
class Subscriber;

/// The two halves of an opened or accepted bidirectional stream.
struct Bidi {
  std::unique_ptr<transport::SendStream> send;
  StreamReader reader;
};

/// One moq-lite session.
class Connection final : public net::Connection {
 public:
  /// `greeting` comes with 01 and 02, and with nothing else.
  Connection(Runtime runtime, std::unique_ptr<transport::Session> transport, Version version,
             bool server, std::optional<LegacyGreeting> greeting = std::nullopt);
  ~Connection() override;

  void greet(const SessionOptions& options, std::optional<std::string> path) override;
  /// Reads the peer's SETUP from its first unidirectional stream; refuses other streams before it.
  kio::Task<Result<void>> read_greeting() override;
  [[nodiscard]] bool peer_publishes() const override;
  [[nodiscard]] bool peer_subscribes() const override;

  /// The peer's SETUP; empty before it came and on versions without.
  [[nodiscard]] const Setup& peer_setup() const { return peer_setup_; }

 private:
  void start_protocol() override;
  void stop_protocol() override;
  void drain_protocol() override;
  kio::Task<void> goaway_task(std::string uri) override;
  kio::Task<void> follow_probe(kio::Producer<PathEstimate> out) override;

  kio::Task<void> send_setup(Setup setup);
  kio::Task<void> accept_bidi();
  kio::Task<void> serve_bidi(Bidi stream);
  kio::Task<void> accept_uni();
  kio::Task<void> serve_uni(StreamReader reader);
  /// Waits for the FIN: a stream that is dropped before it is stopped, which tells the writer of a
  /// browser that its message was not wanted.
  kio::Task<void> read_end(StreamReader reader);
  kio::Task<void> serve_setup(StreamReader reader);
  /// The stream of the legacy greeting: its end is the session's.
  kio::Task<void> follow_session_stream();
  kio::Task<void> serve_goaway(StreamReader reader);
  kio::Task<void> receive_datagrams();
  Result<void> apply_setup(Result<std::optional<Setup>> setup);

  std::optional<Bidi> session_stream_;  ///< 01 and 02.
  Setup peer_setup_;
  bool have_peer_setup_ = false;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Subscriber> subscriber_;
};

}  // namespace moq::net::lite
