#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "moq/conformance/runner.h"

namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

int complain(const moq::Error& error) {
  std::fprintf(stderr, "moq-conformance: %s; see --help\n", error.text.c_str());
  return kBadUsage;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace moq::conformance;
  std::signal(SIGPIPE, SIG_IGN);
  const auto options = parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) return complain(options.error());
  if (options->help || options->list) {
    print(options->help ? std::string(kUsage) : list_cases(*options));
    return EXIT_SUCCESS;
  }
  auto tls = moq::transport::tls::ClientTls::create(options->tls);
  if (!tls) return complain(tls.error());
  auto loop = moq::io::Loop::create();
  if (!loop) return complain(loop.error());
  moq::SystemRandom random;
  Bench bench(**loop, random, options->target, *std::move(tls));
  const Print to_stdout = print;
  return (*loop)->run(run_cases(bench, *options, to_stdout)) ? EXIT_SUCCESS : kFailed;
}
