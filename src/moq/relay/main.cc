#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <csignal>
#include <cstdio>
#include <vector>

#include "moq/app/events.h"
#include "moq/app/start.h"
#include "moq/io/signals.h"
#include "moq/relay/relay.h"
#include "moq/relay/web.h"

namespace moq::relay {
namespace {

int report(const Error& error) {
  app::Event("failed").add("error", error.describe()).write(log::Level::error);
  return app::kFailed;
}

/// Whether it was told to stop. Reloads the certificates when it was told that.
bool poll_stop(io::Signals& signals, Relay& relay, const kio::Waiter& waiter) {
  while (const auto number = signals.poll_next(waiter)) {
    if (*number != SIGHUP && *number != SIGUSR1) return true;
    relay.reload_certificates();
  }
  return false;
}

/// The signals that it takes. SIGUSR1 is what scripts for older Rust relays send.
std::vector<int> signals_for(const Config& config) {
  std::vector<int> numbers = {SIGINT, SIGTERM, SIGUSR1};
  // With nothing to reload, SIGHUP is the end of the terminal, and so of the relay in it.
  if (!config.tls_cert.empty()) numbers.push_back(SIGHUP);
  return numbers;
}

/// Serves until a signal or the socket's failure; the exit code.
kio::Task<int> serve(io::Loop& loop, Relay& relay, io::Signals& signals, Duration drain_timeout) {
  kio::Spawned<Error> running = loop.spawn(relay.run());
  std::optional<Error> failed;
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (auto ended = running.poll_join(waiter)) {
      failed = *std::move(ended);
      return kio::Unit{};
    }
    if (poll_stop(signals, relay, waiter)) return kio::Unit{};
    return kio::kPending;
  });
  if (failed) co_return report(*failed);
  // A second signal ends the wait at once.
  kio::Spawned<void> draining = loop.spawn(relay.drain(drain_timeout));
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (draining.poll_join(waiter) || poll_stop(signals, relay, waiter)) return kio::Unit{};
    return kio::kPending;
  });
  co_return 0;
}

void tell_listening(std::string_view kind, std::string_view where) {
  app::Event("listening").add("kind", kind).add("addr", where).write(log::Level::info);
}

int run(const Config& config) {
  auto loop = io::Loop::create();
  if (!loop) return report(loop.error());
  if (!config.quic.gso) (*loop)->disable_segmentation();
  auto signals = io::Signals::create(**loop, signals_for(config));
  if (!signals) return report(signals.error());
  SystemRandom random;
  io::Resolver resolver;
  const native::Environment environment(**loop, resolver, random);
  auto relay = Relay::create(environment, config);
  if (!relay) return report(relay.error());
  tell_listening("quic", (*relay)->address().to_string());
  if (const auto tcp = (*relay)->tcp_address()) tell_listening("tcp", tcp->to_string());
  if (!config.unix_listen.path.empty()) tell_listening("unix", config.unix_listen.path);
  std::vector<std::unique_ptr<Web>> webs;
  for (const Web::Kind kind : {Web::Kind::http, Web::Kind::https}) {
    const auto& address = kind == Web::Kind::http ? config.web_listen : config.web_https_listen;
    if (!address) continue;
    auto bound = Web::create(environment, **relay, kind, *address);
    if (!bound) return report(bound.error());
    webs.push_back(*std::move(bound));
    tell_listening(kind == Web::Kind::http ? "http" : "https", webs.back()->address().to_string());
  }
  return (*loop)->run(serve(**loop, **relay, **signals, config.drain_timeout));
}

int main(int argc, char** argv) {
  app::hold_standard_streams();
  CLI::App app(
      "Relays Media over QUIC broadcasts: takes each in once, hands it out to any number.\n"
      "Try it: moq-relay --listen 127.0.0.1:4443 --listen-tls-generate localhost "
      "--auth-public '**' --web-http-listen 127.0.0.1:4443",
      "moq-relay");
  app.set_version_flag("--version", "moq-relay " MOQ_VERSION);
  app::Settings settings(app);
  Config config;
  std::string file;
  config.add(app, settings, file);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fputs(app::describe_usage_error(app, error).c_str(), stderr);
    return app::kBadUsage;
  }
  Result<void> read = file.empty() ? Result<void>() : settings.load_file(file);
  if (read) read = settings.apply();
  if (read) read = config.finish();
  if (!read) {
    std::fputs(app::describe_usage_error(app, read.error()).c_str(), stderr);
    const bool failed = settings.blames_file() || read.error().code == Code::io;
    return failed ? app::kFailed : app::kBadUsage;
  }
  app::start_log("moq-relay", config.log_level);
  return run(config);
}

}  // namespace
}  // namespace moq::relay

int main(int argc, char** argv) { return moq::relay::main(argc, argv); }
