#pragma once

#include "moq/cli/options.h"

namespace moq::cli {

/// Does what the options ask for, on the machine; the exit code. Starts with nothing but the log.
int run_program(const Options& options);

}  // namespace moq::cli
