#include <algorithm>

#include "moq/base/log.h"
#include "moq/transport/webtransport/internal/core.h"
#include "moq/transport/webtransport/internal/structured_field.h"
#include "moq/transport/webtransport/internal/wrapped_session.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::transport::webtransport {
namespace {

/// Of a peer's text in a log line.
constexpr std::size_t kMaxLoggedBytes = 64;

/// Closes the session unless the handshake made something of it.
class CloseAtExit {
 public:
  explicit CloseAtExit(Core& core) : core_(&core) {}
  CloseAtExit(const CloseAtExit&) = delete;
  CloseAtExit& operator=(const CloseAtExit&) = delete;
  ~CloseAtExit() {
    if (core_) core_->close(0, "");
  }
  void release() { core_ = nullptr; }

 private:
  Core* core_;
};

Result<void> check(const ConnectOptions& options) {
  if (!is_authority(options.authority)) {
    return fail(Code::invalid_argument, "'" + options.authority + "' is no host[:port]");
  }
  if (!is_request_path(options.path)) {
    return fail(Code::invalid_argument, "'" + options.path + "' is no request path");
  }
  if (options.protocols.size() > kMaxProtocols ||
      !std::ranges::all_of(options.protocols, is_field_string)) {
    return fail(Code::invalid_argument, "the protocol names do not fit a header");
  }
  if (!is_field_string(options.user_agent)) {
    return fail(Code::invalid_argument, "the user agent does not fit a header");
  }
  return {};
}

/// Checks the choice of protocol; if it is none of ours, closes `core` and says so.
Result<void> judge(Core& core, const ConnectResponse& response, const ConnectOptions& options) {
  if (!response.protocol.empty() &&
      std::ranges::find(options.protocols, response.protocol) == options.protocols.end()) {
    core.violate({H3Code::message_error, "the server chose '" +
                                             response.protocol.substr(0, kMaxLoggedBytes) +
                                             "', which was not offered"});
    return std::unexpected(*core.end());
  }
  return {};
}

}  // namespace

kio::Task<Result<std::unique_ptr<Session>>> connect(kio::TaskGroup& tasks,
                                                    std::unique_ptr<Session> quic,
                                                    ConnectOptions options) {
  using Connected = Result<std::unique_ptr<Session>>;
  if (options.path.empty()) options.path = "/";
  if (auto usable = check(options); !usable) {
    co_return Connected(std::unexpected(std::move(usable).error()));
  }
  ConnectRequest request;
  request.authority = options.authority;
  request.path = options.path;
  request.protocols = options.protocols;
  request.user_agent = options.user_agent;
  auto core = std::make_shared<Core>(Role::client, std::move(quic), options.limits,
                                     encode_request(request));
  CloseAtExit guard(*core);
  tasks.spawn(drive(tasks.executor().clock(), core));

  Core& state = *core;
  Result<ConnectResponse> response =
      co_await kio::wait([&state](const Waiter& waiter) { return state.poll_response(waiter); });
  if (!response) co_return Connected(std::unexpected(std::move(response).error()));
  if (auto judged = judge(*core, *response, options); !judged) {
    co_return Connected(std::unexpected(std::move(judged).error()));
  }
  MOQ_LOG(debug, "webtransport", "{}: connected, protocol '{}'", core->quic().peer(),
          response->protocol);
  core->establish();
  guard.release();
  co_return Connected(make_session(std::move(core), response->protocol, options.path));
}

}  // namespace moq::transport::webtransport
