#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "moq/conformance/runner.h"
#include "moq/io/signals.h"

namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;
constexpr int kKilled = 128;  ///< And the signal's number.

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

int complain(const moq::Error& error) {
  std::fprintf(stderr, "moq-conformance: %s; see --help\n", error.text.c_str());
  return kBadUsage;
}

using moq::conformance::Options;

/// The certificate for clients: from files, or one that is made for this run.
moq::Result<moq::transport::tls::ServerTls> server_tls(const Options& options) {
  moq::transport::tls::ServerTlsOptions out;
  if (options.cert_file.empty()) {
    moq::transport::tls::GenerateOptions generate;
    generate.names = {"localhost", "127.0.0.1", "::1"};
    MOQ_TRY(auto made, moq::transport::tls::Identity::generate(generate));
    out.identities.push_back(std::move(made));
  } else {
    MOQ_TRY(auto loaded, moq::transport::tls::Identity::load(options.cert_file, options.key_file));
    out.identities.push_back(std::move(loaded));
  }
  return moq::transport::tls::ServerTls::create(std::move(out));
}

std::vector<std::string> protocol_names() {
  std::vector<std::string> out;
  for (const auto& protocol : moq::conformance::protocols()) out.push_back(protocol.name);
  return out;
}

/// The exit code of all cases, or that of a signal, which ends the client that runs too.
moq::kio::Task<int> run_all(moq::conformance::Bench& bench, const Options& options,
                            moq::io::Signals& signals) {
  const moq::conformance::Print to_stdout = print;
  auto running = bench.loop->spawn(moq::conformance::run_cases(bench, options, to_stdout));
  const int code =
      co_await moq::kio::wait([&](const moq::kio::Waiter& waiter) -> moq::kio::Poll<int> {
        if (auto good = running.poll_join(waiter)) return *good ? EXIT_SUCCESS : kFailed;
        if (auto signal = signals.poll_next(waiter)) {
          return *signal ? kKilled + **signal : kFailed;
        }
        return moq::kio::kPending;
      });
  co_return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace moq::conformance;
  std::signal(SIGPIPE, SIG_IGN);
  auto options = parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) return complain(options.error());
  if (options->help || options->list) {
    print(options->help ? std::string(kUsage) : list_cases(*options));
    return EXIT_SUCCESS;
  }
  if (options->door) options->tls.insecure = true;  // Nobody is dialled.
  auto tls = moq::transport::tls::ClientTls::create(options->tls);
  if (!tls) return complain(tls.error());
  auto loop = moq::io::Loop::create();
  if (!loop) return complain(loop.error());
  const std::array<int, 2> ends = {SIGINT, SIGTERM};
  auto signals = moq::io::Signals::create(**loop, ends);
  if (!signals) return complain(signals.error());
  moq::SystemRandom random;
  Bench bench(**loop, random, options->target, *std::move(tls));
  std::optional<Door> door;
  if (options->door) {
    auto shown = server_tls(*options);
    if (!shown) return complain(shown.error());
    door.emplace(**loop, random, *options->door, *std::move(shown), protocol_names());
    bench.end = options->end;
    bench.door = &*door;
    bench.broadcast = options->door->broadcast;
    bench.track = options->track;
  }
  return (*loop)->run(run_all(bench, *options, **signals));
}
