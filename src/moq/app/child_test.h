#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/testing_paths.h"

/// Programs that tests run, as people do. For tests alone.
namespace moq::app::test {

/// Longest wait for what a program ought to do at once; a busy machine with sanitizers is slow.
inline constexpr std::chrono::seconds kChildLimit{20};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A running program. What it writes is taken in while somebody waits for it.
class Child {
 public:
  /// Starts `command`, with variables like "NAME=value" beside the environment of the test.
  explicit Child(std::vector<std::string> command, std::vector<std::string> variables = {})
      : name_(command.front().substr(command.front().rfind('/') + 1)) {
    std::signal(SIGPIPE, SIG_IGN);
    Pipe input;
    Pipe output;
    Pipe errors;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.ends[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors.ends[1], STDERR_FILENO);
    std::vector<char*> arguments = pointers(command);
    std::vector<char*> environment = pointers(variables);
    environment.pop_back();
    for (char** each = environ; *each != nullptr; ++each) {
      // The settings of whoever runs the tests are none of ours.
      if (!std::string_view(*each).starts_with("MOQ_")) environment.push_back(*each);
    }
    environment.push_back(nullptr);
    const int failed =
        ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) pid_ = -1;
    EXPECT_EQ(failed, 0) << "cannot start " << command.front();
    input_ = input.take(1);
    sources_ = {{{output.take(0), {}}, {errors.take(0), {}}}};
    ::fcntl(input_, F_SETFL, O_NONBLOCK);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0 && !status_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    close_input();
    for (Source& source : sources_) ::close(source.fd);
  }

  /// Everything so far.
  [[nodiscard]] const std::string& out() const { return sources_[0].text; }
  [[nodiscard]] const std::string& err() const { return sources_[1].text; }

  /// Writes to its standard input, which it has to read.
  void write(std::string_view data) {
    const auto limit = deadline();
    while (!data.empty() && input_ >= 0) {
      const ssize_t wrote = ::write(input_, data.data(), data.size());
      if (wrote > 0) data.remove_prefix(static_cast<std::size_t>(wrote));
      if (wrote >= 0) continue;
      if (errno != EAGAIN) return;
      if (!pump(limit, input_)) FAIL() << name_ << " does not read its input" << *this;
    }
  }
  void close_input() {
    if (input_ >= 0) ::close(std::exchange(input_, -1));
  }
  /// Nobody reads its standard output any more.
  void close_output() { ::close(std::exchange(sources_[0].fd, -1)); }
  /// Nothing, if it could not be started: -1 would mean every process there is.
  void signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
  }

  /// Waits for the next line with `part` in its standard output; "" if none came.
  std::string expect_out(std::string_view part) { return expect(sources_[0], part); }
  /// The same of its standard error.
  std::string expect_err(std::string_view part) { return expect(sources_[1], part); }
  /// Waits until it has written that many bytes.
  void expect_out_bytes(std::size_t count) {
    const auto limit = deadline();
    while (out().size() < count) {
      if (!pump(limit)) FAIL() << name_ << " wrote only " << out().size() << " bytes" << *this;
    }
  }

  /// Waits for its end: the exit code, or the negative number of the signal that ended it.
  int wait() {
    if (pid_ <= 0) return -1;
    const auto limit = deadline();
    while (!over() && pump(limit)) {
    }
    if (!over()) {
      ADD_FAILURE() << name_ << " hangs" << *this;
      ::kill(pid_, SIGKILL);
    }
    if (!status_) {
      int status = 0;
      ::waitpid(pid_, &status, 0);
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    return *status_;
  }

  friend std::ostream& operator<<(std::ostream& to, const Child& child) {
    return to << "\n--- " << child.name_ << " stderr:\n"
              << child.err() << "--- stdout: " << child.out().size() << " bytes\n"
              << child.out().substr(0, 2000);
  }

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Pipe {
    Pipe() { EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
      for (const int end : ends) {
        if (end >= 0) ::close(end);
      }
    }
    int take(std::size_t end) { return std::exchange(ends.at(end), -1); }
    std::array<int, 2> ends{-1, -1};
  };
  struct Source {
    int fd = -1;
    std::string text;
    std::size_t seen = 0;  ///< Where `expect` goes on.
    bool ended = false;
  };

  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }
  static Time deadline() { return std::chrono::steady_clock::now() + kChildLimit; }

  /// Both outputs are closed: it has ended, or is about to.
  [[nodiscard]] bool over() const {
    return (sources_[0].ended || sources_[0].fd < 0) && sources_[1].ended;
  }

  /// Takes in what there is, or waits for it, or until `writable` is. False at the time limit.
  bool pump(Time limit, int writable = -1) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(limit - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    std::array<pollfd, 3> polls{};
    polls[2] = {.fd = writable, .events = POLLOUT, .revents = 0};
    for (std::size_t i = 0; i < 2; ++i) {
      polls.at(i) = {
          .fd = sources_.at(i).ended ? -1 : sources_.at(i).fd, .events = POLLIN, .revents = 0};
    }
    if (::poll(polls.data(), polls.size(), static_cast<int>(left.count())) <= 0) return false;
    for (std::size_t i = 0; i < 2; ++i) {
      if (polls.at(i).revents == 0) continue;
      std::array<char, 16384> buffer;
      const ssize_t got = ::read(sources_.at(i).fd, buffer.data(), buffer.size());
      if (got <= 0) sources_.at(i).ended = true;
      if (got > 0) sources_.at(i).text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return true;
  }

  std::string expect(Source& source, std::string_view part) {
    const auto limit = deadline();
    for (;;) {
      for (std::size_t end; (end = source.text.find('\n', source.seen)) != std::string::npos;) {
        std::string line = source.text.substr(source.seen, end - source.seen);
        source.seen = end + 1;
        if (line.find(part) != std::string::npos) return line;
      }
      if (source.ended || !pump(limit)) break;
    }
    ADD_FAILURE() << name_ << " did not write '" << part << "'" << *this;
    return {};
  }

  std::string name_;
  pid_t pid_ = -1;
  std::optional<int> status_;
  int input_ = -1;
  std::array<Source, 2> sources_;
};

/// A port that was free a moment ago, for TCP and UDP.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// A moq-relay of this build on a port of its own, with a web listener beside.
class RelayChild {
 public:
  explicit RelayChild(std::string may_use = "**") : may_use_(std::move(may_use)) {
    for (int attempt = 0; attempt < 5 && !running(); ++attempt) {
      port_ = free_port();
      start();
    }
    EXPECT_TRUE(running()) << *child_;
  }

  [[nodiscard]] std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://" + authority() + path;
  }
  Child& child() { return *child_; }
  void kill() {
    child_->signal(SIGKILL);
    EXPECT_EQ(child_->wait(), -SIGKILL);
  }
  /// Starts it again on the same port, with another certificate.
  void start() {
    child_.emplace(std::vector<std::string>{test_bin_dir() + "/moq-relay", "--listen", authority(),
                                            "--listen-tls-generate", "127.0.0.1", "--auth-public",
                                            may_use_, "--web-http-listen", authority()});
    const auto ended = [this] { return child_->err().find("event=failed") != std::string::npos; };
    while (!running() && !ended()) {
      if (child_->expect_err("event=").empty()) return;
    }
  }

 private:
  [[nodiscard]] bool running() const {
    return child_ && child_->err().find("kind=http") != std::string::npos;
  }
  std::string may_use_;
  std::uint16_t port_ = 0;
  std::optional<Child> child_;
};

}  // namespace moq::app::test
