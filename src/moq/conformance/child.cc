#include "moq/conformance/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace moq::conformance {
namespace {

/// What shells add to a signal's number.
constexpr int kShellSignal = 128;

Result<pid_t> spawn(const std::vector<std::string>& command, const std::string& log_file) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO,
                                   log_file.empty() ? "/dev/null" : log_file.c_str(),
                                   O_WRONLY | O_APPEND | O_CREAT, 0644);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  // What we block for ourselves is not blocked for it.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, words[0], &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) {
    return fail(Code::bad_config, "cannot start '" + command[0] + "': " + std::strerror(failed));
  }
  return pid;
}

/// The signal that ended it, of a shell's last command too; 0 if none did.
int signal_of(int status) {
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WEXITSTATUS(status) > kShellSignal ? WEXITSTATUS(status) - kShellSignal : 0;
}

}  // namespace

Result<std::unique_ptr<Child>> Child::start(io::Loop& loop, const std::vector<std::string>& command,
                                            const std::string& log_file) {
  MOQ_TRY(const pid_t pid, spawn(command, log_file));
  io::Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  std::unique_ptr<Child> out(new Child(pid, nullptr));
  if (!handle.valid()) {
    return fail(Code::unsupported, std::string("pidfd_open: ") + std::strerror(errno));
  }
  MOQ_TRY(out->watch_, io::FdWatch::create(loop, std::move(handle)));
  return out;
}

Child::~Child() {
  kill();
  if (!status_) ::waitpid(pid_, nullptr, 0);
}

kio::Poll<int> Child::poll_ended(const kio::Waiter& waiter) {
  while (!status_) {
    if (watch_->poll_readable(waiter).pending()) return kio::kPending;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = status;
    } else {
      watch_->clear_readable();
    }
  }
  return *status_;
}

void Child::terminate() { ::kill(-pid_, SIGTERM); }
void Child::kill() { ::kill(-pid_, SIGKILL); }

std::string describe_status(int status) {
  if (const int signal = signal_of(status); signal != 0) return fmt::format("signal {}", signal);
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

bool is_crash(int status) {
  const int signal = signal_of(status);
  return signal == SIGABRT || signal == SIGSEGV || signal == SIGBUS || signal == SIGILL ||
         signal == SIGFPE || signal == SIGTRAP;
}

}  // namespace moq::conformance
