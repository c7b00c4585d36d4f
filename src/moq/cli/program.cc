#include "moq/cli/program.h"

#include <unistd.h>

#include <array>
#include <csignal>

#include "moq/app/events.h"
#include "moq/app/start.h"
#include "moq/cli/progress.h"
#include "moq/cli/session_log.h"
#include "moq/cli/stage.h"
#include "moq/io/signals.h"
#include "moq/native/client.h"

namespace moq::cli {
namespace {

/// At the end: for what the relay still has to be sent, and then for the close itself.
constexpr Duration kFinishLimit = 3s;
constexpr Duration kCloseLimit = 1s;

/// What a person can do about a verb that failed; empty if there is no advice.
std::string_view advise_verb(const Options& options, const Error& error) {
  const bool is_input = error.code == Code::decode || error.code == Code::unsupported;
  if (options.verb == Verb::import_media && is_input) {
    return "moq --help shows the ffmpeg command that writes what import takes";
  }
  if (options.verb == Verb::fetch && error.code == Code::not_found) {
    return "fetch catalog.json lists the tracks; without --group comes the newest group";
  }
  return {};
}

int report(const Error& error, std::string_view advice = {}) {
  app::Event event("failed");
  event.add("error", error.describe());
  if (!advice.empty()) event.add("advice", advice);
  event.write(log::Level::error);
  return app::kFailed;
}

/// Writes the session's events. Ends when there will be no other session, with the reason.
kio::Task<Error> watch_session(native::Reconnect::Watch watch, Stage& stage) {
  SessionLog session_log(stage.options.url);
  for (;;) {
    auto changed = co_await watch.change();
    if (!changed) {
      if (stage.session.terminal) co_return *stage.session.terminal;
      co_return changed.error();
    }
    native::Reconnect::State now = *std::move(changed);
    if (stage.options.client.once && !now.terminal) now.terminal = now.last_error;
    session_log.update(now);
    stage.session = now;
    if (now.epoch > 0) stage.connected.raise();
    stage.tell_published();
    if (now.terminal) co_return *now.terminal;
  }
}

/// Keeps the status line up to date.
kio::Task<void> show_progress(Stage& stage) {
  Progress progress;
  for (;;) {
    kio::Clock& clock = stage.loop.clock();
    progress.sample(clock.now(), stage.progress);
    const bool connected = stage.session.status == native::Status::connected;
    app::show_status(progress.line(stage.session.epoch, connected));
    co_await kio::sleep(clock, kProgressInterval);
  }
}

kio::Task<Result<void>> run_verb(Stage& stage) {
  switch (stage.options.verb) {
    case Verb::import_media:
      return import_media(stage);
    case Verb::export_media:
      return export_media(stage);
    case Verb::fetch:
      return fetch(stage);
  }
  std::unreachable();
}

/// Runs the verb until it ends, the session is lost for good, or signals say so: the first asks for
/// a clean end, the second ends at once.
kio::Task<Result<void>> run_stage(Stage& stage, native::Reconnect::Watch watch,
                                  io::Signals& signals) {
  kio::Spawned<Error> session = stage.loop.spawn(watch_session(std::move(watch), stage));
  kio::Spawned<Result<void>> work = stage.loop.spawn(run_verb(stage));
  Result<void> result;
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    while (signals.poll_next(waiter)) {
      if (stage.stop.raised()) return kio::Unit{};
      stage.stop.raise();
    }
    if (auto ended = work.poll_join(waiter)) {
      result = *std::move(ended);
      return kio::Unit{};
    }
    if (auto lost = session.poll_join(waiter)) {
      if (!stage.stop.raised()) result = std::unexpected(*std::move(lost));
      return kio::Unit{};
    }
    return kio::kPending;
  });
  co_return result;
}

/// Closes the session so that the peer learns of it, unless a signal comes.
kio::Task<void> leave(io::Loop& loop, native::Client& client, native::Reconnect& reconnect,
                      io::Signals& signals) {
  kio::Spawned<void> finishing = loop.spawn(reconnect.finish(kFinishLimit));
  kio::Timer timer(loop.clock());
  bool closing = false;
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (signals.poll_next(waiter)) return kio::Unit{};
    if (!closing) {
      if (finishing.poll_join(waiter).pending()) return kio::kPending;
      closing = true;
      timer.set_after(kCloseLimit);
    }
    if (client.poll_idle(waiter) || timer.poll(waiter)) return kio::Unit{};
    return kio::kPending;
  });
}

kio::Task<int> run(Stage& stage, native::Client& client, io::Signals& signals) {
  net::SessionOptions session;
  if (stage.options.verb == Verb::import_media) {
    session.publish = stage.origin.consume();
  } else {
    session.subscribe = stage.origin.clone();
  }
  native::Reconnect reconnect =
      client.reconnect(stage.options.url, std::move(session), stage.options.client.backoff);
  kio::Spawned<void> progress;
  const bool shows_progress = stage.options.verb != Verb::fetch && isatty(STDERR_FILENO) != 0 &&
                              log::enabled(log::Level::info);
  if (shows_progress) progress = stage.loop.spawn(show_progress(stage));
  auto result = co_await run_stage(stage, reconnect.watch(), signals);
  progress.cancel();
  if (shows_progress) app::show_status("");
  co_await leave(stage.loop, client, reconnect, signals);
  if (result) co_return 0;
  // Of a session that is lost for good `gave_up` has told.
  if (stage.session.terminal) co_return app::kFailed;
  co_return report(result.error(), advise_verb(stage.options, result.error()));
}

/// Media is nothing for a terminal.
Result<void> check_terminal(Verb verb) {
  if (verb == Verb::import_media && isatty(STDIN_FILENO) == 1) {
    return fail(Code::bad_config, "stdin is a terminal: pipe media into it, as moq --help shows");
  }
  if (verb == Verb::export_media && isatty(STDOUT_FILENO) == 1) {
    return fail(Code::bad_config, "stdout is a terminal: pipe it into a player, or > FILE");
  }
  return {};
}

}  // namespace

int run_program(const Options& options) {
  if (const auto good = check_terminal(options.verb); !good) {
    report(good.error());
    return app::kBadUsage;
  }
  auto loop = io::Loop::create();
  if (!loop) return report(loop.error());
  if (!options.client.quic.gso) (*loop)->disable_segmentation();
  if (options.client.bind) (*loop)->connect_from(*options.client.bind);
  constexpr std::array kSignals = {SIGINT, SIGTERM};
  auto signals = io::Signals::create(**loop, kSignals);
  if (!signals) return report(signals.error());
  SystemRandom random;
  io::Resolver resolver;
  const native::Environment environment(**loop, resolver, random);
  native::ClientOptions client_options = options.client.options;
  client_options.user_agent = "moq/" MOQ_VERSION;
  auto client = native::Client::create(environment, std::move(client_options));
  // Only a file's content can be wrong by now.
  if (!client) return report(client.error());
  if (options.client.options.tls.insecure) {
    app::Event("insecure")
        .add("warning", "the server is NOT verified: anybody can read and change what is sent")
        .write(log::Level::warn);
  }
  constexpr std::uint64_t kHops = (std::uint64_t{1} << 53) - 1;
  Stage stage(**loop, options, options.hop.value_or(1 + random.below(kHops)));
  return (*loop)->run(run(stage, *client, **signals));
}

}  // namespace moq::cli
