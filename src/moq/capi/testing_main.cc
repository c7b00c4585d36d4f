// The program that process_loopback_test.cc runs: `moq_capi_testing SCENE [URL]`. Ends with 0 if
// all was well; says on stderr what was not.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#define MOQ_NO_DEPRECATED
#include "moq/capi/internal/library.h"
#include "moq/capi/moq.h"

namespace {

using namespace std::chrono_literals;

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "not so: %s (moq_error: %s)\n", what, moq_error());
  std::_Exit(99);
}
#define CHECK(condition) check(condition, #condition)

std::string url;
std::atomic<std::int32_t> last_status{-999};
std::atomic<bool> is_held{false};

void note(void* /*user_data*/, std::int32_t code) {
  last_status = code;
  last_status.notify_all();
}

/// Waits for `code`; who runs this program loses patience if it does not come.
bool status_becomes(std::int32_t code) {
  for (std::int32_t now = last_status; now != code; now = last_status) last_status.wait(now);
  return true;
}

std::uint32_t made(std::int32_t code) {
  CHECK(code > 0);
  return static_cast<std::uint32_t>(code);
}

std::uint32_t connect(moq_status_callback on_status, std::uint32_t publish = 0) {
  return made(moq_session_connect(url.data(), url.size(), publish, 0, on_status, nullptr));
}

/// A session with something to take away.
void publish_room() {
  const std::uint32_t origin = made(moq_origin_create());
  made(moq_origin_publish(origin, "room", 4));
  connect(note, origin);
  CHECK(status_becomes(1));
}

int exit_with_a_session() {
  publish_room();
  std::exit(0);
}

int exit_in_a_callback() {
  connect([](void* /*user_data*/, std::int32_t /*code*/) { std::exit(7); });
  for (;;) pause();
}

int exit_while_a_callback_runs() {
  connect([](void* /*user_data*/, std::int32_t /*code*/) {
    is_held = true;
    is_held.notify_all();
    for (;;) pause();
  });
  is_held.wait(false);
  std::exit(0);
}

std::uint32_t late_session = 0;
std::uint32_t late_broadcast = 0;

/// Registered before the first call, so it runs after the library has come to rest.
void call_late() {
  CHECK(moq_session_close(late_session) == 0);
  const std::uint32_t track = made(moq_publish_track(late_broadcast, "late", 4, nullptr));
  CHECK(moq_publish_track_finish(track) == 0);
  CHECK(moq_publish_finish(late_broadcast) == 0);
  const std::uint32_t origin = made(moq_origin_create());
  CHECK(moq_origin_announced(origin, note, nullptr) > 0);
  CHECK(moq_origin_close(origin) == 0);
  std::fputs("called late\n", stderr);
}

int calls_after_exit() {
  std::atexit(call_late);
  const std::uint32_t origin = made(moq_origin_create());
  late_broadcast = made(moq_origin_publish(origin, "room", 4));
  late_session = connect(note, origin);
  CHECK(status_becomes(1));
  std::exit(0);
}

/// Calls of a child process: those that need the library's thread say that it is not there.
void call_in_child() {
  const std::uint32_t origin = made(moq_origin_create());
  CHECK(moq_origin_announced(origin, note, nullptr) == MOQ_ERROR_INIT_FAILED);
  CHECK(std::string(moq_error()).find("fork") != std::string::npos);
  CHECK(moq_session_connect(url.data(), url.size(), 0, 0, note, nullptr) == MOQ_ERROR_INIT_FAILED);
  CHECK(moq_origin_request(origin, "a", 1, note, nullptr) == MOQ_ERROR_INIT_FAILED);
  const std::uint32_t room = made(moq_origin_publish(origin, "room", 4));
  CHECK(moq_publish_finish(room) == 0);
  CHECK(moq_origin_close(origin) == 0);
  std::exit(0);
}

int fork_with_a_session() {
  const std::uint32_t session = connect(note);
  CHECK(status_becomes(1));
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) call_in_child();
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  // It has nothing to wait for at its exit.
  std::fprintf(stderr, "child took %lld ms\n",
               static_cast<long long>((std::chrono::steady_clock::now() - begin) / 1ms));
  CHECK(last_status == 1);
  CHECK(moq_session_close(session) == 0);
  CHECK(status_becomes(0));
  return 0;
}

int fork_before_the_first_call() {
  const pid_t child = fork();
  const std::uint32_t session = connect(note);
  CHECK(status_becomes(1));
  CHECK(moq_session_close(session) == 0);
  CHECK(status_becomes(0));
  if (child == 0) return 0;
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return 0;
}

/// The blocked signals of the thread called "libmoq".
std::uint64_t blocked_signals() {
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(thread.path() / "comm") >> name;
    if (name != "libmoq") continue;
    std::ifstream status(thread.path() / "status");
    for (std::string word; status >> word;) {
      if (word == "SigBlk:" && status >> word) return std::stoull(word, nullptr, 16);
    }
  }
  return 0;
}

int signals_are_for_the_application() {
  connect(note);
  CHECK(status_becomes(1));
  const std::uint64_t blocked = blocked_signals();
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGPIPE}) {
    CHECK((blocked >> (number - 1)) & 1);
  }
  // The own mask is as before: starting the thread was a matter of a moment.
  sigset_t mine;
  CHECK(pthread_sigmask(SIG_SETMASK, nullptr, &mine) == 0);
  CHECK(sigismember(&mine, SIGUSR1) == 0);
  return 0;
}

/// A relay that hangs up as soon as it is spoken to, for whoever has left SIGPIPE as it is.
int no_sigpipe() {
  struct sigaction now{};
  CHECK(sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL);
  const std::uint32_t config = made(moq_client_create());
  CHECK(moq_client_set_backoff_initial(config, 10) == 0);
  CHECK(moq_client_set_backoff_max(config, 10) == 0);
  CHECK(moq_client_set_backoff_timeout(config, 500) == 0);
  made(moq_client_connect(url.data(), url.size(), config, 0, 0, note, nullptr));
  CHECK(status_becomes(MOQ_ERROR_CONNECT));
  return 0;
}

/// After the last handle number nothing is made any more, and nothing is mistaken for another.
int numbers_run_out() {
  const std::uint32_t origin = made(moq_origin_create());
  moq::capi::tables().numbers.start_at(moq::capi::HandleNumbers::kMax - 2);
  const std::uint32_t room = made(moq_origin_publish(origin, "room", 4));
  CHECK(made(moq_origin_announced(origin, note, nullptr)) == 0x7fff'fffeU);
  // The announcement takes the last number; the next one finds none, and that is the end.
  CHECK(status_becomes(0x7fff'ffff));
  CHECK(moq_origin_announced_free(0x7fff'ffff) == 0);
  CHECK(moq_publish_set_announce(room, false) == 0);
  CHECK(status_becomes(MOQ_ERROR_INVALID_ID));
  CHECK(moq_origin_announced_close(0x7fff'fffe) == MOQ_ERROR_ANNOUNCEMENT_NOT_FOUND);
  for (int i = 0; i < 3; ++i) {
    CHECK(moq_origin_create() == MOQ_ERROR_INVALID_ID);
    CHECK(moq_client_create() == MOQ_ERROR_INVALID_ID);
    CHECK(moq_origin_publish(origin, "more", 4) == MOQ_ERROR_INVALID_ID);
    CHECK(moq_publish_track(room, "t", 1, nullptr) == MOQ_ERROR_INVALID_ID);
    CHECK(moq_origin_announced(origin, nullptr, nullptr) == MOQ_ERROR_INVALID_ID);
    CHECK(moq_session_connect(url.data(), url.size(), 0, 0, nullptr, nullptr) ==
          MOQ_ERROR_INVALID_ID);
  }
  // What nobody has a handle for is not there either.
  CHECK(moq_origin_consume(origin, "more", 4) == MOQ_ERROR_BROADCAST_NOT_FOUND);
  CHECK(moq_publish_finish(room) == 0);
  CHECK(moq_origin_close(origin) == 0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, int (*)()> scenes = {
      {"exit-with-a-session", exit_with_a_session},
      {"exit-in-a-callback", exit_in_a_callback},
      {"exit-while-a-callback-runs", exit_while_a_callback_runs},
      {"calls-after-exit", calls_after_exit},
      {"fork-with-a-session", fork_with_a_session},
      {"fork-before-the-first-call", fork_before_the_first_call},
      {"signals", signals_are_for_the_application},
      {"no-sigpipe", no_sigpipe},
      {"numbers-run-out", numbers_run_out},
  };
  if (argc < 3) return 2;
  url = argv[2];
  // The test that runs this ignores it, which children inherit.
  std::signal(SIGPIPE, SIG_DFL);
  return scenes.at(argv[1])();
}
