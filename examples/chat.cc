// A chat: everybody publishes `chat/NAME`, a group a line, and reads all others.
//   chat URL NAME
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>

#include "moq/base/random.h"
#include "moq/io/fd_stream.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/native/client.h"
#include "moq/net/ordered.h"
#include "moq/net/origin.h"

using moq::Code;
using moq::Result;
using moq::native::Environment;
using moq::net::Path;
namespace kio = moq::kio;

namespace {

constexpr const char* kTrack = "lines";
/// How stale a line may be and still be shown.
constexpr moq::Duration kMaxAge = std::chrono::seconds(30);

void say(const std::string& who, std::string_view what) {
  std::printf("%s: %.*s\n", who.c_str(), static_cast<int>(what.size()), what.data());
  std::fflush(stdout);
}

/// Prints what one participant says, in order: groups may arrive in any, mostly newest first.
kio::Task<void> listen(kio::Clock& clock, std::string who,
                       moq::net::broadcast::Consumer broadcast) {
  moq::net::track::Subscription subscription;
  subscription.start = 0;
  moq::net::track::Patience patience;
  patience.latency = kMaxAge;
  subscription.max_age = kMaxAge;
  moq::net::track::Ordered lines(clock, broadcast.subscribe(kTrack, subscription), patience);
  for (;;) {
    auto line = co_await lines.next_frame();
    if (!line || !*line) co_return;
    say(who, (*line)->payload.text());
  }
}

/// Follows who comes and goes.
kio::Task<void> follow(kio::Executor& executor, moq::net::origin::Consumer origin, Path self) {
  std::map<Path, kio::Spawned<void>> listeners;
  auto announced = origin.announced(Path::of("chat"));
  for (;;) {
    auto update = co_await announced.next();
    if (update.path == self) continue;
    const std::string who = update.path.text().substr(update.path.text().rfind('/') + 1);
    if (!update.broadcast) {
      listeners.erase(update.path);
      say(who, "(left)");
    } else if (update.restarted || !listeners.contains(update.path)) {
      say(who, "(is here)");
      auto task = executor.spawn(listen(executor.clock(), who, *std::move(update.broadcast)));
      listeners.insert_or_assign(update.path, std::move(task));
    }
  }
}

kio::Task<Result<void>> chat(Environment env, moq::native::Url url, Path self) {
  moq::net::origin::Producer origin(1 + env.random->below(1ULL << 52));
  moq::net::broadcast::Producer broadcast;
  moq::net::track::Info info;
  info.max_age = kMaxAge;
  MOQ_CO_TRY(auto track, broadcast.create_track(kTrack, info));
  MOQ_CO_TRY(auto announcement, origin.announce(self, broadcast.consume()));

  MOQ_CO_TRY(auto client, moq::native::Client::create(env, {}));
  moq::net::SessionOptions options;
  options.publish = origin.consume();
  options.subscribe = origin.clone();
  auto connection = client.reconnect(std::move(url), std::move(options), {});
  auto others = env.executor->spawn(follow(*env.executor, origin.consume(), self));

  MOQ_CO_TRY(auto input, moq::io::FdSource::create(*env.loop, STDIN_FILENO));
  std::string pending;
  for (;;) {
    auto bytes = co_await input->read(4096);
    if (!bytes) co_return std::unexpected(bytes.error());
    if (bytes->empty()) break;
    pending += bytes->text();
    for (std::size_t end; (end = pending.find('\n')) != std::string::npos;) {
      MOQ_CO_CHECK(track.write_frame(0, moq::Bytes::copy(pending.substr(0, end))));
      pending.erase(0, end + 1);
    }
  }
  std::move(track).finish();
  co_await connection.finish();
  co_return Result<void>();
}

Result<void> run(int argc, char** argv) {
  if (argc < 3) return moq::fail(Code::bad_config, "chat URL NAME");
  MOQ_TRY(auto url, moq::native::Url::parse(argv[1]));
  MOQ_TRY(auto self, Path::parse("chat/" + std::string(argv[2])));
  MOQ_TRY(auto loop, moq::io::Loop::create());
  moq::io::Resolver resolver;
  moq::SystemRandom random;
  return loop->run(chat(Environment(*loop, resolver, random), std::move(url), std::move(self)));
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> result = run(argc, argv);
  if (!result) std::fprintf(stderr, "chat: %s\n", result.error().describe().c_str());
  return result ? 0 : 1;
}
