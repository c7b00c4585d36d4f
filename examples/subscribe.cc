// Prints the groups of a track as they come, over restarts of the relay and of the publisher.
//   subscribe URL BROADCAST TRACK [GROUPS]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "moq/base/random.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/native/client.h"
#include "moq/net/origin.h"

using moq::Code;
using moq::Result;
using moq::native::Environment;
using moq::net::Path;

namespace {

struct Wanted {
  Path broadcast;
  std::string track;
  long groups = 0;
};

/// Reads one group to its end, and says what was in it.
moq::kio::Task<void> print(moq::net::group::Consumer group) {
  std::size_t frames = 0;
  std::size_t bytes = 0;
  for (;;) {
    auto frame = co_await group.read_frame();
    if (frame && *frame) {
      ++frames;
      bytes += (*frame)->second.size();
      continue;
    }
    std::printf("group %llu: %zu frames, %zu bytes%s%s\n",
                static_cast<unsigned long long>(group.sequence()), frames, bytes,
                frame ? "" : ", then ", frame ? "" : frame.error().describe().c_str());
    std::fflush(stdout);
    co_return;
  }
}

moq::kio::Task<Result<void>> subscribe(Environment env, moq::native::Url url, Wanted wanted) {
  moq::net::origin::Producer origin(1 + env.random->below(1ULL << 52));
  MOQ_CO_TRY(auto client, moq::native::Client::create(env, {}));
  moq::net::SessionOptions options;
  options.subscribe = origin.clone();
  auto connection = client.reconnect(std::move(url), std::move(options), {});

  auto announced = origin.consume().announced_exactly(wanted.broadcast);
  for (;;) {
    auto update = co_await announced.next();
    if (!update.broadcast) continue;  // Gone; it may come back.
    std::printf("announced, %zu hops away\n", update.route->hops.size());
    auto track = update.broadcast->subscribe(wanted.track);
    for (;;) {
      auto group = co_await track.next_group();
      if (!group && group.error().code == Code::restarted) break;  // A new publisher took over.
      if (!group) co_return std::unexpected(group.error());
      if (!*group) co_return Result<void>();
      co_await print(**std::move(group));
      if (--wanted.groups == 0) co_return Result<void>();
    }
  }
}

Result<void> run(int argc, char** argv) {
  if (argc < 4) return moq::fail(Code::bad_config, "subscribe URL BROADCAST TRACK [GROUPS]");
  MOQ_TRY(auto url, moq::native::Url::parse(argv[1]));
  Wanted wanted;
  MOQ_TRY(wanted.broadcast, Path::parse(argv[2]));
  wanted.track = argv[3];
  wanted.groups = argc > 4 ? std::strtol(argv[4], nullptr, 10) : 0;
  MOQ_TRY(auto loop, moq::io::Loop::create());
  moq::io::Resolver resolver;
  moq::SystemRandom random;
  const Environment env(*loop, resolver, random);
  return loop->run(subscribe(env, std::move(url), std::move(wanted)));
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> result = run(argc, argv);
  if (!result) std::fprintf(stderr, "subscribe: %s\n", result.error().describe().c_str());
  return result ? 0 : 1;
}
