#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/random.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/native/reconnect.h"
#include "moq/native/url.h"
#include "moq/net/session.h"
#include "moq/transport/qmux/session.h"
#include "moq/transport/quic/client.h"

namespace moq::native {

/// What endpoints live on; all outlive them.
struct Environment {
  /// The machine.
  Environment(io::Loop& loop_to_use, io::Resolver& names, Random& numbers)
      : executor(&loop_to_use),
        network(&loop_to_use),
        random(&numbers),
        resolver(&names),
        loop(&loop_to_use) {}
  /// A simulated host, without TCP.
  Environment(kio::Executor& run_on, transport::DatagramNetwork& sockets, io::Resolver& names,
              Random& numbers)
      : executor(&run_on), network(&sockets), random(&numbers), resolver(&names) {}

  kio::Executor* executor;
  transport::DatagramNetwork* network;
  Random* random;
  io::Resolver* resolver;
  io::Loop* loop = nullptr;  ///< For TCP; null where there is none.

  [[nodiscard]] net::Runtime runtime() const { return {*executor, executor->clock()}; }
  [[nodiscard]] transport::quic::Environment quic() const { return {*executor, *network, *random}; }
};

/// May a GOAWAY send us elsewhere?
enum class RedirectPolicy : std::uint8_t {
  same_host,  ///< Another port or path of the host dialled first.
  follow,     ///< Anywhere, but never from TLS to less.
  ignore,     ///< Always come back to the same place.
};

struct ClientOptions {
  /// Sends from here, with QUIC; port 0 = any. None = as the network of the environment does. Needs
  /// a loop.
  std::optional<transport::SocketAddress> bind;
  bool segmentation = true;  ///< False: no GSO, for networks that mistreat it.
  transport::quic::ClientTlsOptions tls;
  /// Some check of the server was chosen by the user, so the `http` bootstrap is not needed.
  bool tls_configured = false;
  std::vector<net::Version> versions{net::session_versions().begin(),
                                     net::session_versions().end()};
  transport::quic::Parameters quic;
  transport::qmux::Parameters qmux;  ///< Of TCP, Unix sockets and WebSocket.
  Duration connect_timeout = 30s;    ///< A whole attempt; 0 = no limit.
  /// Before the next address of a name is tried beside, for each carrier; 0 = all at once.
  Duration address_race = 250ms;
  /// `https` and `http` fall back on WebSocket, where there is a loop.
  bool websocket = true;
  /// The head start of QUIC over it; none where WebSocket won the last time.
  Duration websocket_delay = 200ms;
  RedirectPolicy redirects = RedirectPolicy::same_host;
  Duration handover = kHandoverGrace;  ///< After a GOAWAY: how long the old session may serve on.
  /// `reconnect` keeps what a lost session announced for the next one, see `net::Linger`, until it
  /// gives up or is dropped.
  bool linger = false;
  std::string user_agent = "libmoq";
};

/// A session and the QUIC connection below it, if that is what carries it.
struct Established {
  net::Session session;
  transport::quic::Connection* connection;  ///< Lives as long as `session`. Null on other carriers.
};

/// Dials moq servers by URL.
class Client {
 public:
  /// Fails with `bad_config` if the options are unusable: files are read, and the folder for qlogs
  /// is looked at. May be called on any thread; all else, and the end of the last copy, belong to
  /// the executor's.
  static Result<Client> create(const Environment& environment, ClientOptions options);

  /// One attempt: resolves, connects (racing the addresses), agrees on a version, and waits for the
  /// peer to speak. The error says why, in type and words.
  kio::Task<Result<Established>> connect(Url url, net::SessionOptions options) const;

  /// A session that is dialled again whenever it ends.
  [[nodiscard]] Reconnect reconnect(Url url, net::SessionOptions options,
                                    const Backoff& backoff) const;

  /// Ready while no connection, of any carrier, is open or closing.
  kio::Poll<kio::Unit> poll_idle(const kio::Waiter& waiter) const;

  [[nodiscard]] const ClientOptions& options() const;

 private:
  friend class UrlDialer;
  struct Core;
  struct History;
  explicit Client(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  kio::Task<Result<Established>> connect_after(std::shared_ptr<History> history, Url url,
                                               net::SessionOptions options) const;
  static kio::Task<Result<Established>> connect_within(std::shared_ptr<Core> core, Url url,
                                                       net::SessionOptions options,
                                                       std::shared_ptr<History> history);
  std::shared_ptr<Core> core_;
};

/// Where to go for a GOAWAY's `uri`, given by the peer at `from`. `pinned`: the certificate of
/// `from` is known by its hash. Fails with the reason to stay.
Result<Url> check_redirect(const Url& from, std::string_view uri, RedirectPolicy policy,
                           bool pinned = false);

}  // namespace moq::native
