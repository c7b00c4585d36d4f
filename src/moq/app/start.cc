#include "moq/app/start.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>
#include <system_error>
#include <vector>

namespace moq::app {
namespace {

/// Slips of a finger between a flag and what was typed, up to which it is what was meant.
constexpr std::size_t kMaxSlips = 3;

std::string system_words(int number) { return std::generic_category().message(number); }

/// The edit distance of Levenshtein.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// The program's verbs, and itself.
std::vector<const CLI::App*> levels(const CLI::App& app) {
  std::vector<const CLI::App*> all = {&app};
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    all.push_back(verb);
  }
  return all;
}

/// The flag that is most like `typed`, and the verb it belongs to, if it is like it at all.
std::string guess_flag(const CLI::App& app, std::string_view typed) {
  std::size_t best = kMaxSlips + 1;
  std::string guess;
  for (const CLI::App* level : levels(app)) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        const std::size_t slips = distance(typed, "--" + name);
        if (slips >= best) continue;
        best = slips;
        guess =
            slips == 0 ? ": it belongs to " + level->get_name() : ": did you mean --" + name + "?";
      }
    }
  }
  return guess;
}

std::string describe_unexpected(const CLI::App& app, std::string typed) {
  if (typed.starts_with('-')) {
    typed = typed.substr(0, typed.find('='));
    return "unknown flag '" + typed + "'" + guess_flag(app, typed);
  }
  std::string verbs;
  for (const CLI::App* level : levels(app)) {
    if (level == &app) continue;
    verbs += (verbs.empty() ? "" : ", ") + level->get_name();
  }
  if (verbs.empty() || !app.get_subcommands().empty()) return "unexpected '" + typed + "'";
  return "unknown verb '" + typed + "', there are " + verbs;
}

/// `program: text; see program verb --help`. No verb: the program's own help.
std::string one_line(const CLI::App& app, const std::string& text, const CLI::App* verb) {
  const std::string name = verb != nullptr ? " " + verb->get_name() : "";
  return app.get_name() + ": " + text + "; see " + app.get_name() + name + " --help\n";
}

/// The verb that was given.
const CLI::App* verb_of(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return verbs.empty() ? nullptr : verbs.front();
}

}  // namespace

void hold_standard_streams() {
  // With the mode turned round, reading the input and writing the others fail.
  constexpr std::array kModes = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // Gets the lowest free number, which is this one. If even that fails, so will all else.
    (void)::open("/dev/null", kModes.at(static_cast<std::size_t>(fd)));  // NOLINT(*-vararg)
  }
}

Result<void> check_readable(std::string_view flag, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT(*-vararg)
  struct stat status{};
  const bool opened = fd >= 0 && ::fstat(fd, &status) == 0;
  const int number = opened && S_ISDIR(status.st_mode) ? EISDIR : errno;
  if (fd >= 0) ::close(fd);
  if (opened && !S_ISDIR(status.st_mode)) return {};
  return fail(Code::io, std::string(flag) + ": '" + path + "': " + system_words(number));
}

Result<void> check_writable_folder(std::string_view flag, const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode))
    errno = ENOTDIR;
  else if (::access(path.c_str(), W_OK | X_OK) == 0)
    return {};
  return fail(Code::io, std::string(flag) + ": '" + path + "': " + system_words(errno));
}

std::string describe_usage_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::vector<std::string> extras = app.remaining(true);
    // A flag tells more than what may be its value.
    const auto flag =
        std::ranges::find_if(extras, [](const auto& e) { return e.starts_with("-"); });
    if (!extras.empty()) {
      const std::string& first = flag == extras.end() ? extras.front() : *flag;
      return one_line(app, describe_unexpected(app, first), verb_of(app));
    }
  }
  return one_line(app, error.what(), verb_of(app));
}

std::string describe_usage_error(const CLI::App& app, const Error& error) {
  // Flags of the program are not in the help of its verbs.
  const CLI::App* verb = verb_of(app);
  const std::string flag = error.text.substr(0, error.text.find_first_of(": "));
  if (verb != nullptr && verb->get_option_no_throw(flag) == nullptr) verb = nullptr;
  return one_line(app, error.text, verb);
}

}  // namespace moq::app
