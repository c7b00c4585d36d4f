#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>

#include "moq/base/result.h"

namespace moq::app {

/// The exit codes of both programs.
inline constexpr int kFailed = 1;    ///< It was asked well, and failed.
inline constexpr int kBadUsage = 2;  ///< The command line or the environment is wrong.

/// Gives a closed standard stream its number back, opened so that its use fails. Otherwise the
/// first socket would get it, and media or log lines would go there. Call first.
void hold_standard_streams();

/// Checks that the file behind `flag` can be read now, so that the error names both. Code `io`.
Result<void> check_readable(std::string_view flag, const std::string& path);
/// The same of a folder that files will be made in.
Result<void> check_writable_folder(std::string_view flag, const std::string& path);

/// One line for what CLI11 refused: names the argument, guesses what was meant, and says where help
/// is. `app` has just failed to parse.
std::string describe_usage_error(const CLI::App& app, const CLI::ParseError& error);
/// The same form, for what was found out after parsing.
std::string describe_usage_error(const CLI::App& app, const Error& error);

}  // namespace moq::app
