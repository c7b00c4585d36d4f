#include <cstdio>

#include "moq/app/events.h"
#include "moq/app/start.h"
#include "moq/cli/program.h"

int main(int argc, char** argv) {
  moq::app::hold_standard_streams();
  const moq::cli::CommandLine line =
      moq::cli::parse_command_line(std::vector<std::string>(argv + 1, argv + argc));
  std::fputs(line.out.c_str(), stdout);
  std::fputs(line.err.c_str(), stderr);
  if (!line.options) return line.exit_code;
  moq::app::start_log("moq", line.options->log_level);
  return moq::cli::run_program(*line.options);
}
