#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "moq/base/random.h"
#include "moq/conformance/child.h"
#include "moq/io/loop.h"
#include "moq/transport/quic/server.h"

namespace moq::conformance {

/// How clients come in.
struct DoorOptions {
  transport::SocketAddress address;  ///< Port 0: another one each time.
  bool webtransport = false;         ///< What `{url}` says; a client may come either way.
  std::string broadcast;             ///< What `{broadcast}` says.
  /// The client, started anew each time; empty = somebody starts it by hand. In its words `{url}`,
  /// `{host}`, `{port}`, `{fingerprint}`, `{version}` ("moqt-14" for "moq-00") and `{broadcast}`
  /// are replaced.
  std::vector<std::string> command;
  std::string log_file;  ///< What the client says to stderr; empty = dropped.
};

/// Where clients under test dial in: a server that is bound, and a client that is started, for
/// each case.
class Door {
 public:
  /// `loop` and `random` must outlive it. `names` is all that scripts speak: a client that does not
  /// come by the one that is wanted is offered the others after a while, so that it shows what it
  /// lacks. Not at once: a client may try a few names, and others in its next handshake.
  Door(io::Loop& loop, Random& random, DoorOptions options, transport::tls::ServerTls tls,
       std::vector<std::string> names);
  ~Door();

  /// Binds, and starts the client, which is to speak `protocol`. Fails with `kSkip` if it came by
  /// another before, when that was wanted.
  Result<void> open(const std::string& protocol);
  /// The client's session. Only the first of a case is taken: what the client dials later, because
  /// the script ended that one, waits unanswered. Fails with `refused` if the client ended before.
  kio::Task<Result<std::unique_ptr<transport::Session>>> accept(kio::TaskGroup& tasks);
  /// Ends the client, by SIGTERM and after two seconds by SIGKILL, and frees the address. Fails if
  /// the client had crashed.
  kio::Task<Result<void>> close();
  /// Asks the client to end, as people do.
  void terminate();
  [[nodiscard]] bool has_command() const { return !options_.command.empty(); }
  /// Where the client finds us, while open.
  [[nodiscard]] std::string url() const;
  /// Whether any client ever came.
  [[nodiscard]] bool anybody_came() const { return came_; }

 private:
  [[nodiscard]] std::string fill(std::string word) const;
  Result<void> listen(const transport::SocketAddress& address, bool all_names);
  kio::Task<Result<std::unique_ptr<transport::Session>>> next_session();

  io::Loop* loop_;
  Random* random_;
  DoorOptions options_;
  transport::tls::ServerTls tls_;
  std::vector<std::string> names_;
  std::string protocol_;
  std::optional<transport::quic::Server> server_;
  std::unique_ptr<Child> child_;
  std::set<std::string> missing_;  ///< Protocols that the client has not.
  bool came_ = false;
};

}  // namespace moq::conformance
