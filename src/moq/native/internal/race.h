#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/transport/datagram_socket.h"
#include "moq/transport/session.h"

namespace moq::native {

/// How the addresses of a host are raced.
struct RaceOptions {
  Duration stagger = 250ms;  ///< Before the next address is tried beside.
  /// Dial the same addresses once more, beside those that have heard nothing for this long, up to
  /// `kMaxBeside` times: what QUIC sends again into the silence comes ever more rarely, and a
  /// server that is back should not have to wait for it. None = not.
  std::optional<Duration> beside_after;
};

/// Fresh dials that may join those that hear nothing.
inline constexpr std::size_t kMaxBeside = 3;

/// Dials the addresses of a host, one a while after the other or when one has failed. The first
/// that answers wins, and the others are given up. Whatever the carrier. Happy Eyeballs, RFC 8305.
class Race {
 public:
  using Dialed = Result<std::unique_ptr<transport::Session>>;
  using Dial = std::function<kio::Task<Dialed>(const transport::SocketAddress&)>;

  /// `addresses` must not be empty.
  Race(kio::Executor& executor, std::vector<transport::SocketAddress> addresses,
       const RaceOptions& options, Dial dial);

  /// Ready with the winner, or, once each address has failed, with why.
  kio::Poll<Dialed> poll(const kio::Waiter& waiter);
  /// The last address that refused us.
  [[nodiscard]] std::optional<transport::SocketAddress> refused() const { return refused_; }

 private:
  struct Attempt {
    std::size_t address;
    kio::Spawned<Dialed> dialing;
  };

  void start(std::size_t address);
  void start_beside();
  void on_failed(std::size_t address, const Error& error);
  [[nodiscard]] Error all_failed() const;

  kio::Executor& executor_;
  std::vector<transport::SocketAddress> addresses_;
  RaceOptions options_;
  Dial dial_;
  std::vector<Attempt> attempts_;
  std::vector<std::optional<Error>> errors_;  ///< By address.
  std::vector<std::size_t> failed_;           ///< Addresses, in the order in which they failed.
  std::size_t next_ = 0;                      ///< The next address to try first.
  std::size_t beside_ = 0;
  std::optional<transport::SocketAddress> refused_;
  kio::Timer timer_;
};

}  // namespace moq::native
