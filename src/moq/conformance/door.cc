#include "moq/conformance/door.h"

#include <algorithm>
#include <array>

#include "moq/conformance/peer.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::conformance {
namespace {

/// For a client that was asked to end.
constexpr Duration kGrace = 2s;
/// For a client to come by the protocol that is wanted.
constexpr Duration kPatience = 10s;

using Came = Result<std::unique_ptr<transport::Session>>;

}  // namespace

Door::Door(io::Loop& loop, Random& random, DoorOptions options, transport::tls::ServerTls tls,
           std::vector<std::string> names)
    : loop_(&loop),
      random_(&random),
      options_(std::move(options)),
      tls_(std::move(tls)),
      names_(std::move(names)) {}

Door::~Door() = default;

Result<void> Door::listen(const transport::SocketAddress& address, bool all_names) {
  std::vector<std::string> alpn = {protocol_};
  if (all_names) {
    std::ranges::copy_if(names_, std::back_inserter(alpn),
                         [this](const std::string& name) { return name != protocol_; });
  }
  alpn.emplace_back("h3");
  server_.reset();
  MOQ_TRY(auto bound, transport::quic::Server::create(
                          transport::quic::Environment(*loop_, *loop_, *random_),
                          transport::quic::ServerOptions(address, std::move(alpn), tls_)));
  server_.emplace(std::move(bound));
  return {};
}

Result<void> Door::open(const std::string& protocol) {
  if (missing_.contains(protocol)) return fail(kSkip, "version not offered");
  protocol_ = protocol;
  MOQ_CHECK(listen(options_.address, false));
  if (!has_command()) return {};
  std::vector<std::string> words;
  for (const std::string& word : options_.command) words.push_back(fill(word));
  MOQ_TRY(child_, Child::start(*loop_, words, options_.log_file));
  return {};
}

std::string Door::url() const {
  const transport::SocketAddress at = server_->local_address();
  transport::SocketAddress shown = at;
  if (at.is_unspecified()) {
    shown = *transport::SocketAddress::parse("127.0.0.1:0");
    shown.port = at.port;
  }
  return (options_.webtransport ? "https://" : "moqt://") + shown.to_string() + "/";
}

std::string Door::fill(std::string word) const {
  const std::string where = url();
  const std::string authority = where.substr(where.find("://") + 3);
  const std::size_t colon = authority.rfind(':');
  const std::array<std::pair<std::string, std::string>, 6> values = {
      {{"{url}", where},
       {"{host}", authority.substr(0, colon)},
       {"{port}", std::to_string(server_->local_address().port)},
       {"{fingerprint}", transport::tls::to_hex(tls_.identities().front().fingerprint())},
       {"{version}", protocol_ == "moq-00" ? "moqt-14" : protocol_},
       {"{broadcast}", options_.broadcast}}};
  for (const auto& [name, value] : values) {
    for (std::size_t at = word.find(name); at != std::string::npos;
         at = word.find(name, at + value.size())) {
      word.replace(at, name.size(), value);
    }
  }
  return word;
}

kio::Task<Came> Door::next_session() {
  kio::Timer timer(loop_->clock());
  timer.set_after(kPatience);
  auto came = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Came> {
    for (;;) {
      if (auto accepted = server_->poll_accept(waiter)) {
        if (!*accepted) return Came(std::unexpected((*accepted).error()));
        return Came(*std::move(*accepted));
      }
      if (child_ != nullptr) {
        if (const auto ended = child_->poll_ended(waiter)) {
          return Came(fail(Code::refused, "the client ended before it connected (" +
                                              describe_status(*ended) + ")"));
        }
      }
      if (!timer.poll(waiter)) return kio::kPending;
      if (auto again = listen(server_->local_address(), true); !again) {
        return Came(std::unexpected(again.error()));
      }
    }
  });
  co_return came;
}

kio::Task<Came> Door::accept(kio::TaskGroup& tasks) {
  if (!server_) co_return fail(Code::closed, "the door is not open");
  auto came = co_await next_session();
  if (!came) co_return std::unexpected(came.error());
  came_ = true;
  std::unique_ptr<transport::Session> session = *std::move(came);
  if (session->protocol() == "h3") {
    auto request = co_await transport::webtransport::accept(tasks, std::move(session));
    if (!request) co_return std::unexpected(request.error());
    std::optional<std::string> chosen;
    if (std::ranges::find(request->protocols(), protocol_) != request->protocols().end()) {
      chosen = protocol_;
    } else {
      chosen = request->choose(names_);
    }
    session = std::move(*request).respond(chosen);
  }
  if (session->protocol() != protocol_) missing_.insert(protocol_);
  co_return std::move(session);
}

void Door::terminate() {
  if (child_) child_->terminate();
}

kio::Task<Result<void>> Door::close() {
  server_.reset();
  if (!child_) co_return Result<void>();
  Result<void> verdict;
  if (const auto ended = child_->poll_ended(kio::Waiter::none()); ended && is_crash(*ended)) {
    verdict = fail(Code::protocol_violation,
                   "expected a client that lives, got its end by " + describe_status(*ended));
  }
  child_->terminate();
  kio::Timer timer(loop_->clock());
  timer.set_after(kGrace);
  const bool ended = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<bool> {
    if (child_->poll_ended(waiter).ready()) return true;
    if (timer.poll(waiter)) return false;
    return kio::kPending;
  });
  if (!ended) child_->kill();
  child_.reset();
  co_return verdict;
}

}  // namespace moq::conformance
