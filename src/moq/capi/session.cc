#include "moq/capi/internal/session.h"

#include <algorithm>
#include <array>

#include "moq/capi/internal/client_config.h"
#include "moq/capi/internal/epochs.h"
#include "moq/capi/internal/library.h"
#include "moq/capi/internal/origin.h"

namespace moq::capi {
namespace {

/// A closing session waits this long for what its peer asked for and has not got yet.
constexpr Duration kCloseLimit = 250ms;

/// Where to dial. A place that is none of ours is found out by the loop, as the contract has it.
struct Destination {
  std::optional<native::Url> url;
  Error unusable;  ///< Without `url`.
};

bool is_scheme(std::string_view text) {
  const auto is_alpha = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto may_follow = [&](char c) {
    return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  return !text.empty() && is_alpha(text.front()) && std::ranges::all_of(text, may_follow);
}

Destination parse_url(Call& call, const char* url, std::uintptr_t size) {
  constexpr std::array<std::string_view, 6> kSchemes = {"https", "http", "moqt",
                                                        "moql",  "tcp",  "unix"};
  Destination out;
  const std::string_view text = call.text("url", url, size);
  if (!call.ok()) return out;
  auto parsed = native::Url::parse(text);
  if (parsed) {
    out.url = *std::move(parsed);
    return out;
  }
  const std::string_view scheme = text.substr(0, text.find(':'));
  if (scheme.size() == text.size() || !is_scheme(scheme) ||
      std::ranges::find(kSchemes, scheme) != kSchemes.end()) {
    call.fail(MOQ_ERROR_URL, parsed.error().text);
  }
  out.unusable = parsed.error();
  return out;
}

struct Plan {
  Destination destination;
  native::Client client;  ///< Ends on the library's thread.
  native::Backoff backoff;
  net::SessionOptions options;
};

Failure gave_up(const Error& error) {
  Failure failure(error, MOQ_ERROR_CONNECT);
  if (failure.status != MOQ_ERROR_UNAUTHORIZED && failure.status != MOQ_ERROR_FORBIDDEN) {
    failure.status = MOQ_ERROR_CONNECT;
  }
  return failure;
}

/// Tells what is new in `state`; fails if that is the end.
Result<void> report(SessionTask& task, Epochs& epochs, const native::Reconnect::State& state) {
  MOQ_TRY(const std::optional<std::int32_t> epoch, epochs.next(state));
  if (epoch) task.tell(*epoch);
  if (state.terminal) return std::unexpected(*state.terminal);
  return {};
}

/// Dials, and dials again, until the session is closed or there is no hope.
kio::Task<Result<void>> stay_connected(std::shared_ptr<SessionTask> task, Plan plan) {
  if (!plan.destination.url) {
    task->fail_with(gave_up(plan.destination.unusable));
    co_return Result<void>();
  }
  native::Reconnect connection = plan.client.reconnect(*std::move(plan.destination.url),
                                                       std::move(plan.options), plan.backoff);
  task->set_stats(connection.stats_reader());
  native::Reconnect::Watch watch = connection.watch();
  Epochs epochs;
  for (;;) {
    using Change = std::optional<Result<native::Reconnect::State>>;
    auto change = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Change> {
      if (task->poll_closing(waiter)) return Change();
      auto state = watch.poll_change(waiter);
      if (state.pending()) return kio::kPending;
      return Change(*std::move(state));
    });
    if (!change) break;
    Result<void> reported;
    if (*change) {
      reported = report(*task, epochs, **change);
    } else {
      reported = std::unexpected(change->error());
    }
    if (!reported) {
      task->fail_with(gave_up(reported.error()));
      co_return Result<void>();
    }
  }
  co_await connection.finish(kCloseLimit);
  co_return Result<void>();
}

std::int32_t connect(Call& call, Destination destination, const ClientSettings& settings,
                     const std::shared_ptr<Origin>& publish, const std::shared_ptr<Origin>& consume,
                     Callback callback) {
  if (!call.ok()) return call.status();
  auto dialing = Dialing::resolve(settings);
  if (!dialing) return call.fail(Failure(dialing.error(), MOQ_ERROR_INVALID_CONFIG));
  Runtime* runtime = Library::get().runtime(call);
  if (runtime == nullptr) return call.status();
  // Reads files: here, where the caller waits for nobody else, and hears what is wrong with them.
  auto client = native::Client::create(runtime->environment(), std::move(dialing->options));
  if (!client) return call.fail(Failure(client.error(), MOQ_ERROR_INVALID_CONFIG));
  auto plan = std::make_shared<Plan>(
      Plan{std::move(destination), *std::move(client), dialing->backoff, {}});
  if (publish) plan->options.publish = publish->producer.consume();
  if (consume) plan->options.subscribe = consume->producer.clone();
  auto task = std::make_shared<SessionTask>(callback, MOQ_ERROR_CONNECT);
  const std::int32_t handle = start_task(
      call, tables().sessions, task,
      [task, plan] { return stay_connected(task, std::move(*plan)); }, OnClose::finish);
  if (!call.ok()) runtime->post([plan = std::move(plan)] {});
  return handle;
}

/// The numbers behind a session handle; none, and a failure, between connections.
std::optional<net::SessionStats> read_stats(Call& call, std::uint32_t session) {
  const auto task = call.find(tables().sessions, session);
  if (!call.ok()) return std::nullopt;
  auto stats = task->stats();
  if (!stats) call.fail(MOQ_ERROR_OFFLINE, "there is no connection just now");
  return stats;
}

moq_connection_stats to_c(const net::SessionStats& from) {
  const transport::Stats& numbers = from.transport;
  moq_connection_stats out{};
  if (numbers.rtt) {
    out.rtt_us = static_cast<std::uint64_t>(numbers.rtt->count()) / 1000;
    out.rtt_valid = true;
  }
  if (numbers.send_rate_bps) {
    out.send_rate_bps = *numbers.send_rate_bps;
    out.send_rate_valid = true;
  }
  if (from.recv_rate_bps) {
    out.recv_rate_bps = *from.recv_rate_bps;
    out.recv_rate_valid = true;
  }
  out.bytes_sent = numbers.bytes_sent;
  out.bytes_received = numbers.bytes_received;
  out.bytes_lost = numbers.bytes_lost;
  out.packets_sent = numbers.packets_sent;
  out.packets_received = numbers.packets_received;
  out.packets_lost = numbers.packets_lost;
  out.bytes_sent_valid = out.bytes_received_valid = out.bytes_lost_valid = true;
  out.packets_sent_valid = out.packets_received_valid = out.packets_lost_valid = true;
  return out;
}

}  // namespace

std::optional<net::SessionStats> SessionTask::stats() const {
  const std::lock_guard lock(mutex_);
  if (const auto* dialled = std::get_if<native::Reconnect::StatsReader>(&reader_)) {
    return dialled->read();
  }
  if (const auto* accepted = std::get_if<net::StatsReader>(&reader_)) return accepted->read();
  return std::nullopt;
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_session_connect(const char* url, std::uintptr_t url_len,
                                 std::uint32_t origin_publish, std::uint32_t origin_consume,
                                 void (*on_status)(void* user_data, std::int32_t code),
                                 void* user_data) {
  return moq_client_connect(url, url_len, 0, origin_publish, origin_consume, on_status, user_data);
}

std::int32_t moq_client_connect(const char* url, std::uintptr_t url_len, std::uint32_t client,
                                std::uint32_t origin_publish, std::uint32_t origin_consume,
                                void (*on_status)(void* user_data, std::int32_t code),
                                void* user_data) {
  Call call;
  moq::capi::Destination destination = moq::capi::parse_url(call, url, url_len);
  call.optional_handle(client);
  call.optional_handle(origin_publish);
  call.optional_handle(origin_consume);
  const auto config = call.find_optional(tables().clients, client);
  const auto publish = call.find_optional(tables().origins, origin_publish);
  const auto consume = call.find_optional(tables().origins, origin_consume);
  return moq::capi::connect(call, std::move(destination),
                            config ? config->copy() : moq::capi::ClientSettings(), publish, consume,
                            {on_status, user_data});
}

std::int32_t moq_session_close(std::uint32_t session) {
  return close_task(tables().sessions, session);
}

std::int32_t moq_session_stats(std::uint32_t session, moq_connection_stats* dst) {
  Call call;
  call.handle(session);
  call.pointer("dst", dst);
  const auto stats = moq::capi::read_stats(call, session);
  if (stats) *dst = moq::capi::to_c(*stats);
  return call.status();
}

std::int32_t moq_session_snapshot(std::uint32_t session, moq_connection_snapshot* dst) {
  Call call;
  call.handle(session);
  call.pointer("dst", dst);
  const auto stats = moq::capi::read_stats(call, session);
  if (!stats) return call.status();
  const std::string_view protocol = moq::net::to_string(stats->version);
  *dst = {.stats = moq::capi::to_c(*stats), .protocol = moq::capi::borrow(protocol)};
  return 0;
}
