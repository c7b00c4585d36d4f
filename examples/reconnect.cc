// Keeps a session alive and prints each change of its state.
//   reconnect URL [SESSIONS]      ends after that many sessions
#include <cstdio>
#include <cstdlib>

#include "moq/base/random.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/native/client.h"

using moq::Code;
using moq::Result;
using moq::native::Environment;
using moq::native::Status;

namespace {

moq::kio::Task<Result<void>> watch(Environment env, moq::native::Url url, std::uint64_t sessions) {
  MOQ_CO_TRY(auto client, moq::native::Client::create(env, {}));
  moq::native::Backoff backoff;
  backoff.timeout = std::chrono::minutes(1);  // Then it gives up.
  auto connection = client.reconnect(std::move(url), {}, backoff);
  auto changes = connection.watch();
  for (;;) {
    auto change = co_await changes.change();
    if (!change) {
      // The loop is over: `closed` tells why it gave up.
      auto why = co_await changes.closed();
      co_return why;
    }
    if (change->last_error) {
      std::printf("no session: %s; next attempt in %lld ms\n",
                  change->last_error->describe().c_str(),
                  static_cast<long long>(moq::to_ms(change->next_dial)));
    } else if (change->status == Status::connected) {
      std::printf("session %llu: %s over %s\n", static_cast<unsigned long long>(change->epoch),
                  change->link.version.c_str(), change->link.transport.c_str());
    }
    std::fflush(stdout);
    if (change->status == Status::connected && change->epoch == sessions) break;
  }
  co_await connection.finish();
  co_return Result<void>();
}

Result<void> run(int argc, char** argv) {
  if (argc < 2) return moq::fail(Code::bad_config, "reconnect URL [SESSIONS]");
  MOQ_TRY(auto url, moq::native::Url::parse(argv[1]));
  const std::uint64_t sessions = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  MOQ_TRY(auto loop, moq::io::Loop::create());
  moq::io::Resolver resolver;
  moq::SystemRandom random;
  const Environment env(*loop, resolver, random);
  return loop->run(watch(env, std::move(url), sessions));
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> result = run(argc, argv);
  if (!result) std::fprintf(stderr, "reconnect: %s\n", result.error().describe().c_str());
  return result ? 0 : 1;
}
