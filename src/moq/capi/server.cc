#include "moq/capi/internal/server.h"

#include <algorithm>

#include "moq/capi/internal/library.h"
#include "moq/capi/internal/origin.h"
#include "moq/capi/internal/session.h"
#include "moq/io/udp_socket.h"
#include "moq/native/server.h"

namespace moq::capi {
namespace {

constexpr std::string_view kDefaultBind = "[::]:443";

/// Gives a server the one socket that was bound for it beforehand.
class OneSocket final : public transport::DatagramNetwork {
 public:
  OneSocket(io::Loop& loop, io::BoundUdp bound) : loop_(&loop), bound_(std::move(bound)) {}

  Result<std::unique_ptr<transport::DatagramSocket>> bind(
      const transport::SocketAddress& /*local*/) override {
    MOQ_TRY(auto socket, io::UdpSocket::adopt(*loop_, std::move(bound_)));
    return socket;
  }
  Result<std::unique_ptr<transport::DatagramSocket>> connect(
      const transport::SocketAddress& /*remote*/) override {
    return fail(Code::unsupported, "a server dials nobody");
  }

 private:
  io::Loop* loop_;
  io::BoundUdp bound_;
};

/// What a server needs to begin.
struct Listening {
  io::BoundUdp socket;
  transport::quic::ServerTls tls;
};

struct ServerFiles {
  std::string bind;
  std::vector<std::string> certificates;
  std::vector<std::string> keys;
  std::vector<std::string> names;
};

ServerFiles read_config(Call& call, const moq_server_config& config) {
  ServerFiles out;
  out.bind =
      call.optional_text("bind", config.bind, config.bind_len).value_or(std::string(kDefaultBind));
  out.certificates = call.texts("tls_cert", config.tls_cert, config.tls_cert_len);
  out.keys = call.texts("tls_key", config.tls_key, config.tls_key_len);
  out.names = call.texts("tls_generate", config.tls_generate, config.tls_generate_len);
  return out;
}

Result<Listening> listen(const ServerFiles& files) {
  if (files.certificates.size() != files.keys.size()) {
    return fail(Code::bad_config, "each certificate needs its key: there are " +
                                      std::to_string(files.certificates.size()) + " and " +
                                      std::to_string(files.keys.size()));
  }
  transport::quic::ServerTlsOptions tls;
  for (std::size_t i = 0; i < files.certificates.size(); ++i) {
    MOQ_TRY(auto identity, transport::quic::Identity::load(files.certificates[i], files.keys[i]));
    tls.identities.push_back(std::move(identity));
  }
  if (!files.names.empty()) {
    MOQ_TRY(auto generated, transport::quic::Identity::generate({.names = files.names}));
    tls.identities.push_back(std::move(generated));
  }
  if (tls.identities.empty()) {
    return fail(Code::bad_config,
                "a server needs a certificate: tls_cert and tls_key, or "
                "tls_generate");
  }
  MOQ_TRY(auto credentials, transport::quic::ServerTls::create(std::move(tls)));
  MOQ_TRY(const auto address, transport::SocketAddress::parse(files.bind));
  MOQ_TRY(auto socket, io::BoundUdp::bind(address));
  return Listening{std::move(socket), std::move(credentials)};
}

/// Hands out those who come, until the server is closed.
kio::Task<Result<void>> accept_sessions(std::shared_ptr<ServerTask> task, Runtime& runtime,
                                        Listening listening) {
  auto network = std::make_unique<OneSocket>(runtime.loop(), std::move(listening.socket));
  native::Environment environment = runtime.environment();
  environment.network = network.get();
  native::ServerOptions options(transport::SocketAddress{}, std::move(listening.tls));
  auto server = native::Server::create(environment, std::move(options));
  if (!server) co_return std::unexpected(server.error());
  for (;;) {
    using Next = std::optional<Result<net::Request>>;
    auto next = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Next> {
      if (task->poll_closing(waiter)) return Next();
      auto accepted = server->poll_accept(waiter);
      if (accepted.pending()) return kio::kPending;
      return Next(*std::move(accepted));
    });
    if (!next) break;
    if (!*next) co_return std::unexpected(next->error());
    auto request = std::make_shared<SessionRequest>(runtime, std::move(**next));
    if (!task->deliver(tables().session_requests, std::move(request))) break;
  }
  co_return Result<void>();
}

/// Lets a client in and tells how it fares. Never dials: the other side does.
kio::Task<Result<void>> serve(std::shared_ptr<SessionTask> task,
                              std::shared_ptr<net::Request> request, net::SessionOptions options) {
  net::Session session = std::move(*request).accept(std::move(options));
  task->set_stats(session.stats_reader());
  bool told = false;
  for (;;) {
    enum class Event : std::uint8_t { closing, established, closed };
    std::optional<Error> error;
    const Event event = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Event> {
      if (task->poll_closing(waiter)) return Event::closing;
      if (auto closed = session.poll_closed(waiter)) {
        error = *std::move(closed);
        return Event::closed;
      }
      if (!told && session.poll_established(waiter)) return Event::established;
      return kio::kPending;
    });
    if (event == Event::closing) {
      session.close();
      co_return Result<void>();
    }
    if (event == Event::closed) co_return std::unexpected(*std::move(error));
    told = true;
    task->tell(1);
  }
}

}  // namespace

SessionRequest::SessionRequest(Runtime& runtime, net::Request asked)
    : request(new net::Request(std::move(asked)), [&runtime](net::Request* unanswered) {
        runtime.post([unanswered] { delete unanswered; });
      }) {
  std::string_view target = request->path();
  const std::size_t mark = target.find('?');
  if (mark != std::string_view::npos) query = std::string(target.substr(mark + 1));
  target = target.substr(0, mark);
  if (target.starts_with('/')) target.remove_prefix(1);
  path = target;
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_server_listen(const moq_server_config* config, moq_status_callback on_request,
                               void* user_data) {
  Call call;
  call.pointer("config", config);
  call.pointer("on_request", on_request);
  if (!call.ok()) return call.status();
  const auto files = moq::capi::read_config(call, *config);
  moq::capi::Runtime* runtime = moq::capi::Library::get().runtime(call);
  if (!call.ok()) return call.status();
  auto listening = moq::capi::listen(files);
  if (!listening) {
    return call.fail(moq::capi::Failure(listening.error(), MOQ_ERROR_INVALID_CONFIG));
  }
  std::vector<std::string> fingerprints;
  for (const auto& identity : listening->tls.identities()) {
    fingerprints.push_back(moq::transport::quic::to_hex(identity.fingerprint()));
  }
  auto task = std::make_shared<moq::capi::ServerTask>(moq::capi::Callback{on_request, user_data},
                                                      listening->socket.local_address().to_string(),
                                                      std::move(fingerprints));
  return start_task(
      call, tables().servers, task,
      [task, runtime, listening = *std::move(listening)]() mutable {
        return moq::capi::accept_sessions(std::move(task), *runtime, std::move(listening));
      },
      moq::capi::OnClose::finish);
}

std::int32_t moq_server_addr(std::uint32_t server, moq_string* dst) {
  Call call;
  call.handle(server);
  call.pointer("dst", dst);
  const auto task = call.find(tables().servers, server);
  if (!call.ok()) return call.status();
  *dst = moq::capi::borrow(task->address);
  return 0;
}

std::int32_t moq_server_fingerprints(std::uint32_t server, moq_string* dst, std::uintptr_t count) {
  Call call;
  call.handle(server);
  if (count > 0) call.pointer("dst", dst);
  const auto task = call.find(tables().servers, server);
  if (!call.ok()) return call.status();
  for (std::size_t i = 0; i < std::min<std::size_t>(count, task->fingerprints.size()); ++i) {
    dst[i] = moq::capi::borrow(task->fingerprints[i]);
  }
  return static_cast<std::int32_t>(task->fingerprints.size());
}

std::int32_t moq_server_close(std::uint32_t server) { return close_task(tables().servers, server); }

std::int32_t moq_session_request_path(std::uint32_t request, moq_string* dst) {
  Call call;
  call.handle(request);
  call.pointer("dst", dst);
  const auto found = call.find(tables().session_requests, request);
  if (!call.ok()) return call.status();
  *dst = moq::capi::borrow(found->path);
  return 0;
}

std::int32_t moq_session_request_query(std::uint32_t request, moq_string* dst) {
  Call call;
  call.handle(request);
  call.pointer("dst", dst);
  const auto found = call.find(tables().session_requests, request);
  if (!call.ok()) return call.status();
  *dst = {};
  if (found->query) *dst = moq::capi::borrow(*found->query);
  return 0;
}

std::int32_t moq_session_request_accept(std::uint32_t request, std::uint32_t origin_publish,
                                        std::uint32_t origin_consume, moq_status_callback on_status,
                                        void* user_data) {
  Call call;
  call.handle(request);
  call.optional_handle(origin_publish);
  call.optional_handle(origin_consume);
  call.pointer("on_status", on_status);
  const auto publish = call.find_optional(tables().origins, origin_publish);
  const auto consume = call.find_optional(tables().origins, origin_consume);
  const auto found = call.take(tables().session_requests, request);
  if (!call.ok()) return call.status();
  moq::net::SessionOptions options;
  if (publish) options.publish = publish->producer.consume();
  if (consume) options.subscribe = consume->producer.clone();
  auto task = std::make_shared<moq::capi::SessionTask>(moq::capi::Callback{on_status, user_data});
  return start_task(
      call, tables().sessions, task,
      [task, asked = found->request, options = std::move(options)]() mutable {
        return moq::capi::serve(std::move(task), std::move(asked), std::move(options));
      },
      moq::capi::OnClose::finish);
}

std::int32_t moq_session_request_reject(std::uint32_t request, std::uint16_t code) {
  Call call;
  call.handle(request);
  const auto found = call.take(tables().session_requests, request);
  moq::capi::Runtime* runtime = moq::capi::Library::get().runtime(call);
  if (!call.ok()) return call.status();
  const bool unauthorized = code == 401 || code == 403;
  moq::Error error = unauthorized ? moq::Error(moq::Code::unauthorized, "refused")
                                  : moq::capi::application_error(code);
  runtime->post(
      [asked = found->request, error = std::move(error)] { std::move(*asked).reject(error); });
  return 0;
}

std::int32_t moq_session_request_free(std::uint32_t request) {
  return release(tables().session_requests, request);
}
