// A clock over Media over QUIC: a group a minute, whose first frame says which, and a frame a
// second.
//   clock publish URL [SECONDS]
//   clock subscribe URL [SECONDS]      prints SECONDS times, then ends
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "moq/base/random.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/native/client.h"
#include "moq/net/origin.h"

using moq::Code;
using moq::Result;
using moq::native::Client;
using moq::native::Environment;
using moq::native::Url;
using namespace std::chrono_literals;

namespace {

const moq::net::Path kPath = moq::net::Path::of("clock");
constexpr const char* kTrack = "seconds";

std::string utc(std::time_t time, const char* format) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof(text), format, &parts)};
}

moq::kio::Task<Result<void>> publish(Environment env, Url url, long seconds) {
  moq::net::origin::Producer origin(1 + env.random->below(1ULL << 52));
  moq::net::broadcast::Producer broadcast;
  MOQ_CO_TRY(auto track, broadcast.create_track(kTrack));
  MOQ_CO_TRY(auto announcement, origin.announce(kPath, broadcast.consume()));
  MOQ_CO_TRY(auto client, Client::create(env, {}));
  moq::net::SessionOptions options;
  options.publish = origin.consume();
  auto connection = client.reconnect(std::move(url), std::move(options), {});

  std::optional<moq::net::group::Producer> group;
  std::time_t minute = 0;
  for (long count = 0; count < seconds; ++count) {
    const std::time_t now = std::time(nullptr);
    const auto timestamp = static_cast<std::uint64_t>(now) * 1000;
    if (!group || now / 60 != minute) {
      minute = now / 60;
      if (group) std::move(*group).finish();
      MOQ_CO_TRY(group, track.append_group());
      MOQ_CO_CHECK(group->write_frame(timestamp, moq::Bytes::copy(utc(now, "%Y-%m-%d %H:%M:"))));
    }
    MOQ_CO_CHECK(group->write_frame(timestamp, moq::Bytes::copy(utc(now, "%S"))));
    co_await moq::kio::sleep(env.executor->clock(), 1s);
  }
  if (group) std::move(*group).finish();
  std::move(track).finish();
  co_await connection.finish();  // Sends what is under way before it closes.
  co_return Result<void>();
}

moq::kio::Task<Result<void>> subscribe(Environment env, Url url, long seconds) {
  moq::net::origin::Producer origin(1 + env.random->below(1ULL << 52));
  MOQ_CO_TRY(auto client, Client::create(env, {}));
  moq::net::SessionOptions options;
  options.subscribe = origin.clone();
  auto connection = client.reconnect(std::move(url), std::move(options), {});

  auto announced = origin.consume().announced_exactly(kPath);
  auto update = co_await announced.next();  // Waits for a publisher.
  auto track = update.broadcast->subscribe(kTrack);
  for (;;) {
    auto group = co_await track.next_group();
    if (!group) co_return std::unexpected(group.error());
    if (!*group) co_return Result<void>();  // The track has ended.
    std::string minute;
    for (;;) {
      auto frame = co_await (*group)->read_frame();
      if (!frame || !*frame) break;  // The group was lost, or has ended: the next one tells more.
      const std::string text((*frame)->second.text());
      if (minute.empty()) {
        minute = text;
        continue;
      }
      std::printf("%s%s\n", minute.c_str(), text.c_str());
      std::fflush(stdout);
      if (--seconds <= 0) co_return Result<void>();
    }
  }
}

Result<void> run(int argc, char** argv) {
  const std::string verb = argc > 2 ? argv[1] : "";
  if (verb != "publish" && verb != "subscribe") {
    return moq::fail(Code::bad_config, "clock publish|subscribe URL [SECONDS]");
  }
  MOQ_TRY(auto url, Url::parse(argv[2]));
  const long seconds = argc > 3 ? std::strtol(argv[3], nullptr, 10) : 60;
  MOQ_TRY(auto loop, moq::io::Loop::create());
  moq::io::Resolver resolver;
  moq::SystemRandom random;
  const Environment env(*loop, resolver, random);
  return loop->run(verb == "publish" ? publish(env, url, seconds) : subscribe(env, url, seconds));
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> result = run(argc, argv);
  if (!result) std::fprintf(stderr, "clock: %s\n", result.error().describe().c_str());
  return result ? 0 : 1;
}
