#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "moq/io/fd_watch.h"

namespace moq::conformance {

/// A process that we started, with all that it starts: a group of its own. Destroying it kills it.
class Child {
 public:
  /// Starts `command`, found by PATH, without input and output; what it says to stderr is added to
  /// `log_file`, or dropped if that is empty. `bad_config` if it cannot be started.
  static Result<std::unique_ptr<Child>> start(io::Loop& loop,
                                              const std::vector<std::string>& command,
                                              const std::string& log_file);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Ready with what `waitpid` said once the process has ended.
  kio::Poll<int> poll_ended(const kio::Waiter& waiter);
  /// SIGTERM to the whole group.
  void terminate();
  /// SIGKILL to what is left of the group.
  void kill();

 private:
  Child(pid_t pid, std::unique_ptr<io::FdWatch> watch) : pid_(pid), watch_(std::move(watch)) {}
  pid_t pid_;
  std::unique_ptr<io::FdWatch> watch_;  ///< Of the process: readable at its end.
  std::optional<int> status_;
};

/// "exit code 1", "signal 11". A shell's code above 128 is the signal that its last command got.
std::string describe_status(int status);
/// Whether it was killed by a signal that stands for a bug: SIGABRT, SIGSEGV and such.
bool is_crash(int status);

}  // namespace moq::conformance
