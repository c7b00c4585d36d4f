#pragma once

#include <memory>
#include <vector>

#include "moq/kio/clock.h"
#include "moq/kio/executor.h"
#include "moq/transport/quic/client.h"
#include "moq/transport/quic/internal/conn.h"
#include "moq/transport/quic/internal/heap.h"
#include "moq/transport/quic/internal/output.h"

namespace moq::transport::quic::internal {

/// Sockets, and the connections that live on them: receives, runs their timers, and sends what
/// they have in turns, gathered into as few system calls as it takes. What an application does in
/// one turn of the executor is sent together at its end.
class Endpoint {
 public:
  Endpoint(const Environment& environment, std::size_t output_bytes);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  virtual ~Endpoint();

  [[nodiscard]] TimePoint now() const { return clock_->now(); }
  [[nodiscard]] Random& random() const { return *environment_.random; }
  [[nodiscard]] const Environment& environment() const { return environment_; }

  // For connections.

  /// `conn` has something to write, or another deadline.
  void schedule(Conn& conn);
  /// Files `conn` by its deadline. Whoever makes that sooner outside of `send` has to wake the
  /// sender.
  void set_deadline(Conn& conn);
  void wake_sender();
  /// The buffer for what must go out now; `send_now` follows.
  Output& output() { return output_; }
  void send_now();
  /// The socket bound to `local`; any, if there is but one.
  [[nodiscard]] DatagramSocket* socket_for(const SocketAddress& local) const;
  /// A client's way to another network.
  virtual Result<std::unique_ptr<DatagramSocket>> new_socket(const SocketAddress& remote);
  /// A connection's paths go by the address that `socket` has now, whatever becomes of it later.
  void add_socket(std::unique_ptr<DatagramSocket> socket);
  /// The address that `socket` had when it was added.
  [[nodiscard]] const SocketAddress& local_of(const DatagramSocket& socket) const;
  /// Closes all sockets but the one bound to `local`.
  void keep_socket(const SocketAddress& local);
  virtual void add_id(Conn& conn, ConnectionId id) = 0;
  virtual void remove_id(ConnectionId id) = 0;
  /// Writes into the random bytes of a new connection id what tells whose it is.
  virtual void mark_id(std::uint8_t* id) { static_cast<void>(id); }
  /// The token that lets us end a connection whose state is lost.
  virtual void reset_token(std::uint8_t* token, const ngtcp2_cid& id) = 0;
  virtual void on_established(Conn& conn) = 0;
  /// The session has ended; the connection may linger.
  virtual void on_ended(Conn& conn) = 0;
  /// Nothing more will come of `conn`. Called from within it: only take note.
  void on_over(Conn& conn);

 protected:
  virtual void on_batch(DatagramSocket& socket, const ReceivedBatch& batch) = 0;
  virtual void on_receive_error(DatagramSocket& socket, const Error& error) = 0;
  /// Drops connections that are over. The last thing in a turn: it may destroy the endpoint.
  virtual void remove_over(std::vector<Conn*> over) = 0;
  /// Takes `conn` out of the timers and turns.
  void forget(Conn& conn);
  /// Not within a turn.
  void close_sockets();

 private:
  class Node;
  using Step = void (Endpoint::*)(const Waiter&);

  /// Receives from a socket in one turn before others get theirs.
  static constexpr int kReceivesPerTurn = 16;
  /// Shares written in one turn before the rest of the executor gets its turn: a few megabytes.
  static constexpr std::size_t kTurnsPerStep = 256;
  /// Sockets that a migrating client holds: the one in use, and those before and after it.
  static constexpr std::size_t kMaxSockets = 3;

  void receive(const Waiter& waiter);
  bool receive_from(DatagramSocket& socket, const Waiter& waiter);
  void send(const Waiter& waiter);
  void run_timers();
  void write_all();
  void end_turn();

  struct Port {
    std::unique_ptr<DatagramSocket> socket;
    SocketAddress local;
    bool failed = false;
  };
  static bool earlier(const Conn* a, const Conn* b) { return a->deadline() < b->deadline(); }

  Environment environment_;
  kio::Clock* clock_;
  Ref<Node> receiver_;
  Ref<Node> sender_;
  kio::Timer timer_;
  std::vector<Port> sockets_;
  std::vector<std::unique_ptr<DatagramSocket>> retired_;  // Until the turn ends.
  Output output_;
  bool blocked_ = false;  // The front socket of `output_` takes no more.
  std::vector<Conn*> scheduled_;
  Heap<Conn, &Conn::timer_place, earlier> timers_;
  std::vector<Conn*> over_;
};

}  // namespace moq::transport::quic::internal
