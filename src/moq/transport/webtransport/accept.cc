#include <fmt/format.h>

#include <algorithm>

#include "moq/base/log.h"
#include "moq/transport/webtransport/internal/core.h"
#include "moq/transport/webtransport/internal/wrapped_session.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::transport::webtransport {
namespace {

/// Says "try again later": whoever dropped the request gave no better reason.
constexpr int kDroppedStatus = 503;

}  // namespace

struct Request::State {
  explicit State(std::shared_ptr<Core> session) : core(std::move(session)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (answered) return;
    if (request) {
      refuse(kDroppedStatus);
    } else {
      core->close(0, "");
    }
  }
  void refuse(int status) {
    answered = true;
    MOQ_LOG(debug, "webtransport", "{}: request refused with {}", core->quic().peer(), status);
    core->refuse(status, Error(Code::cancelled, fmt::format("refused with status {}", status)));
  }

  std::shared_ptr<Core> core;
  std::optional<ConnectRequest> request;  ///< None while `accept` waits for it.
  bool answered = false;
};

Request::Request(std::unique_ptr<State> state) : state_(std::move(state)) {}
Request::Request(Request&&) noexcept = default;
Request& Request::operator=(Request&&) noexcept = default;
Request::~Request() = default;

const std::string& Request::authority() const { return state_->request->authority; }
const std::string& Request::path() const { return state_->request->path; }
const std::vector<std::string>& Request::protocols() const { return state_->request->protocols; }
const std::string& Request::origin() const { return state_->request->origin; }
const std::string& Request::user_agent() const { return state_->request->user_agent; }
std::string Request::peer() const { return state_->core->quic().peer(); }

std::optional<std::string> Request::choose(std::span<const std::string> supported) const {
  const auto chosen = std::ranges::find_first_of(state_->request->protocols, supported);
  if (chosen == state_->request->protocols.end()) return std::nullopt;
  return *chosen;
}

std::unique_ptr<Session> Request::respond(std::optional<std::string_view> protocol) && {
  const std::unique_ptr<State> state = std::move(state_);
  const std::string name(protocol.value_or(""));
  MOQ_ASSERT(name.empty() ||
             std::ranges::find(state->request->protocols, name) != state->request->protocols.end());
  state->answered = true;
  state->core->accept(name);
  return make_session(state->core, name, state->request->path);
}

void Request::reject(int status) && {
  MOQ_ASSERT(status >= 400 && status <= 599);
  const std::unique_ptr<State> state = std::move(state_);
  state->refuse(status);
}

kio::Task<Result<Request>> accept(kio::TaskGroup& tasks, std::unique_ptr<Session> quic,
                                  Limits limits) {
  auto core = std::make_shared<Core>(Role::server, std::move(quic), limits, Bytes());
  tasks.spawn(drive(tasks.executor().clock(), core));
  auto state = std::make_unique<Request::State>(core);
  Core& session = *core;
  Result<ConnectRequest> request =
      co_await kio::wait([&session](const Waiter& waiter) { return session.poll_request(waiter); });
  if (!request) co_return Result<Request>(std::unexpected(std::move(request).error()));
  state->request = *std::move(request);
  co_return Result<Request>(Request(std::move(state)));
}

}  // namespace moq::transport::webtransport
