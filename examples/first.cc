// The example of the README: publishes the count of seconds, over any number of relay restarts.
//   first URL [SECONDS]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "moq/base/random.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/kio/executor.h"
#include "moq/native/client.h"
#include "moq/net/origin.h"

using namespace std::chrono_literals;
using moq::Result;
using moq::native::Environment;

namespace {

moq::kio::Task<Result<void>> count(Environment env, moq::native::Url url, std::uint64_t seconds) {
  // README: from here.
  moq::net::origin::Producer origin(env.random->below(1ULL << 53));  // Outlives every connection.
  moq::net::broadcast::Producer broadcast;
  MOQ_CO_TRY(auto track, broadcast.create_track("seconds"));
  MOQ_CO_TRY(auto live, origin.announce(moq::net::Path::of("count"), broadcast.consume()));

  MOQ_CO_TRY(auto client, moq::native::Client::create(env, {}));
  moq::net::SessionOptions options;
  options.publish = origin.consume();
  auto connection = client.reconnect(std::move(url), std::move(options), {});  // For ever.

  for (std::uint64_t second = 0; second < seconds; ++second) {
    MOQ_CO_CHECK(track.write_frame(second * 1000, moq::Bytes::copy(std::to_string(second))));
    co_await moq::kio::sleep(env.executor->clock(), 1s);
  }
  // README: to here.
  co_return Result<void>();
}

Result<void> run(int argc, char** argv) {
  if (argc < 2) return std::unexpected(moq::Error(moq::Code::bad_config, "first URL [SECONDS]"));
  MOQ_TRY(auto url, moq::native::Url::parse(argv[1]));
  MOQ_TRY(auto loop, moq::io::Loop::create());
  moq::io::Resolver resolver;
  moq::SystemRandom random;
  const Environment env(*loop, resolver, random);
  return loop->run(count(env, std::move(url), argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 60));
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> result = run(argc, argv);
  if (!result) std::fprintf(stderr, "first: %s\n", result.error().describe().c_str());
  return result ? 0 : 1;
}
