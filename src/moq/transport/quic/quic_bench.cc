// What QUIC costs: CPU time of a sending server and of a receiving client, each a process of its
// own, over loopback. Wall time says little where both share the cores.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "moq/io/loop.h"
#include "moq/transport/quic/client.h"
#include "moq/transport/quic/server.h"

namespace moq::transport::quic {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr std::size_t kStreamsAtOnce = 64;
constexpr std::size_t kDatagramsPerTurn = 50;  // Fewer than the queue holds.
constexpr Duration kDatagramTurn = 1ms;
constexpr int kFramesPerSecond = 60;
constexpr const char* kAlpn = "bench";

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Bytes payload(std::size_t size) { return Bytes::copy(std::string(size, 'x')); }

const Identity& identity() {
  static const Identity kIdentity = [] {
    GenerateOptions options;
    options.names = {"127.0.0.1"};
    return *Identity::generate(options);
  }();
  return kIdentity;
}

// The receiving process.

kio::Task<void> read_to_end(std::unique_ptr<RecvStream> stream) {
  for (;;) {
    const Result<Bytes> part = co_await stream->read(kPieceBytes);
    if (!part || part->empty()) co_return;
  }
}

kio::Task<void> read_streams(Session& session, kio::TaskGroup& tasks) {
  for (;;) {
    auto stream = co_await session.accept_uni();
    if (!stream) co_return;
    tasks.spawn(read_to_end(*std::move(stream)));
  }
}

kio::Task<void> read_datagrams(Session& session) {
  for (;;) {
    const auto datagram = co_await session.recv_datagram();
    if (!datagram) co_return;
  }
}

kio::Task<void> receive(io::Loop& loop, Client& client, const DialOptions& options,
                        std::size_t connections) {
  kio::TaskGroup tasks(loop);
  std::vector<std::unique_ptr<Connection>> sessions;
  for (std::size_t i = 0; i < connections; ++i) {
    auto dialed = co_await client.dial(options);
    if (!dialed) std::abort();
    sessions.push_back(*std::move(dialed));
    tasks.spawn(read_streams(*sessions.back(), tasks));
    tasks.spawn(read_datagrams(*sessions.back()));
  }
  for (const auto& session : sessions) co_await session->closed();
}

[[noreturn]] void run_receiver(const SocketAddress& server, std::size_t connections) {
  auto loop = *io::Loop::create();
  SystemRandom random;
  ClientTlsOptions tls;
  tls.pins = {identity().fingerprint()};
  Client client(Environment(*loop, *loop, random));
  const DialOptions options(server, "127.0.0.1", {kAlpn}, *ClientTls::create(std::move(tls)));
  loop->run(receive(*loop, client, options, connections));
  std::_Exit(0);
}

// The sending process.

struct Sender {
  kio::Clock& clock;
  std::vector<std::unique_ptr<Connection>> sessions;
};

/// Runs `send` once with a receiver in another process; its CPU time is the benchmark's.
template <typename Send>
void measure(benchmark::State& state, std::size_t connections, Send send) {
  double sender_cpu = 0;
  const double receivers_before = cpu_seconds(RUSAGE_CHILDREN);
  for (auto _ : state) {
    auto loop = *io::Loop::create();
    SystemRandom random;
    ServerTlsOptions tls;
    tls.identities = {identity()};
    auto server = Server::create(Environment(*loop, *loop, random),
                                 ServerOptions(*SocketAddress::parse("127.0.0.1:0"), {kAlpn},
                                               *ServerTls::create(std::move(tls))));
    if (!server) std::abort();
    const pid_t receiver = fork();
    if (receiver == 0) run_receiver(server->local_address(), connections);

    Sender sender{loop->clock(), {}};
    loop->run([](Server& from, Sender& to, std::size_t count) -> kio::Task<void> {
      while (to.sessions.size() < count) {
        auto accepted = co_await from.accept();
        if (!accepted) std::abort();
        to.sessions.push_back(*std::move(accepted));
      }
    }(*server, sender, connections));
    const double before = cpu_seconds(RUSAGE_SELF);
    loop->run(send(*loop, sender));
    const double used = cpu_seconds(RUSAGE_SELF) - before;
    state.SetIterationTime(used);
    sender_cpu += used;
    sender.sessions.clear();
    loop->run([](Server& closing) -> kio::Task<void> { co_await closing.idle(); }(*server));
    waitpid(receiver, nullptr, 0);
  }
  state.counters["receiver_s"] =
      (cpu_seconds(RUSAGE_CHILDREN) - receivers_before) / static_cast<double>(state.iterations());
  const auto bytes = static_cast<double>(state.range(0)) * static_cast<double>(state.range(1));
  state.counters["sender_s_per_GB"] =
      sender_cpu / static_cast<double>(state.iterations()) / (bytes / 1e9);
}

kio::Task<void> send_bulk(Sender& sender, std::size_t pieces) {
  auto stream = co_await sender.sessions.front()->open_uni();
  if (!stream) std::abort();
  const Bytes piece = payload(kPieceBytes);
  for (std::size_t i = 0; i < pieces; ++i) {
    const Result<void> writable = co_await (*stream)->writable();
    if (!writable) std::abort();
    (*stream)->write(piece);
  }
  (*stream)->finish();
  const Result<void> finished = co_await (*stream)->finished();
  if (!finished) std::abort();
}

/// One stream of this many pieces of 64 KiB.
void bulk(benchmark::State& state) {
  measure(state, 1, [&](io::Loop&, Sender& sender) {
    return send_bulk(sender, static_cast<std::size_t>(state.range(1)));
  });
}
BENCHMARK(bulk)->Args({kPieceBytes, 8000})->UseManualTime()->Iterations(3);

kio::Task<void> send_streams(Session& session, Bytes data, std::size_t& left) {
  while (left > 0) {
    --left;
    auto stream = co_await session.open_uni();
    if (!stream) std::abort();
    (*stream)->write(data);
    (*stream)->finish();
    const Result<void> finished = co_await (*stream)->finished();
    if (!finished) std::abort();
  }
}

kio::Task<void> send_all_streams(io::Loop& loop, Sender& sender, Bytes data, std::size_t count) {
  kio::TaskGroup tasks(loop);
  for (std::size_t i = 0; i < kStreamsAtOnce; ++i) {
    tasks.spawn(send_streams(*sender.sessions.front(), data, count));
  }
  co_await tasks.empty();
}

/// So many streams of so many bytes, `kStreamsAtOnce` at a time.
void streams(benchmark::State& state) {
  measure(state, 1, [&](io::Loop& loop, Sender& sender) {
    return send_all_streams(loop, sender, payload(static_cast<std::size_t>(state.range(0))),
                            static_cast<std::size_t>(state.range(1)));
  });
}
BENCHMARK(streams)
    ->Args({1200, 100'000})
    ->Args({5000, 100'000})
    ->Args({10'000, 100'000})
    ->UseManualTime()
    ->Iterations(3);

kio::Task<void> send_datagrams(Sender& sender, Bytes data, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    sender.sessions.front()->send_datagram(data);
    if (i % kDatagramsPerTurn == 0) co_await kio::sleep(sender.clock, kDatagramTurn);
  }
}

/// So many datagrams of so many bytes, 50,000 a second.
void datagrams(benchmark::State& state) {
  measure(state, 1, [&](io::Loop&, Sender& sender) {
    return send_datagrams(sender, payload(static_cast<std::size_t>(state.range(0))),
                          static_cast<std::size_t>(state.range(1)));
  });
}
BENCHMARK(datagrams)->Args({1150, 100'000})->UseManualTime()->Iterations(3);

kio::Task<void> send_frames(Sender& sender, Bytes data, std::size_t frames) {
  std::vector<std::unique_ptr<SendStream>> streams;
  for (const auto& session : sender.sessions) {
    auto stream = co_await session->open_uni();
    if (!stream) std::abort();
    streams.push_back(*std::move(stream));
  }
  const TimePoint start = sender.clock.now();
  for (std::size_t frame = 0; frame < frames; ++frame) {
    for (const auto& stream : streams) stream->write(data);
    kio::Timer next(sender.clock, start + (frame + 1) * Duration(1s) / kFramesPerSecond);
    co_await kio::wait([&next](const kio::Waiter& waiter) { return next.poll(waiter); });
  }
}

/// A live relay's pattern: so many bytes in a frame, so many frames over all 200 connections.
void fan_out(benchmark::State& state) {
  constexpr std::size_t kConnections = 200;
  measure(state, kConnections, [&](io::Loop&, Sender& sender) {
    return send_frames(sender, payload(static_cast<std::size_t>(state.range(0))),
                       static_cast<std::size_t>(state.range(1)) / kConnections);
  });
}
BENCHMARK(fan_out)->Args({4096, 200 * 600})->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace moq::transport::quic
