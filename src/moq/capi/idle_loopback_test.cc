// What libmoq costs a program that does nothing with it just now.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "moq/capi/recorder_test_support.h"

namespace moq::capi {
namespace {

using namespace std::chrono_literals;

std::uint32_t handle(std::int32_t code) {
  EXPECT_GT(code, 0) << moq_error();
  return static_cast<std::uint32_t>(code);
}

std::string field(const std::filesystem::path& file, std::string_view name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name)) return line.substr(line.find_first_not_of(" \t", name.size()));
  }
  return "";
}

/// How often each of libmoq's threads has run, by thread.
std::map<std::string, std::string> runs() {
  std::map<std::string, std::string> found;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    const std::filesystem::path status = thread.path() / "status";
    // A thread inherits the name of the one that started it.
    if (field(status, "Name:") != "libmoq") continue;
    found[thread.path().filename()] = field(status, "voluntary_ctxt_switches:") + " + " +
                                      field(status, "nonvoluntary_ctxt_switches:");
  }
  return found;
}

/// Waits, within limits, until the threads have nothing left to do; then watches them for a second.
void expect_idle() {
  auto before = runs();
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(100ms);
    auto now = runs();
    if (now == before) break;
    before = std::move(now);
  }
  std::this_thread::sleep_for(1s);
  const auto after = runs();
  EXPECT_FALSE(after.empty()) << "no thread is named libmoq";
  EXPECT_EQ(after, before);
}

TEST(Idle, NothingRunsOnceASessionIsClosed) {
  const std::uint32_t origin = handle(moq_origin_create());
  Recorder status;
  // Nobody is there, so that timers of every kind are on: of the dial, and of the next one.
  constexpr std::string_view kUrl = "moqt://127.0.0.1:1/";
  const std::uint32_t session = handle(
      moq_session_connect(kUrl.data(), kUrl.size(), origin, origin, Recorder::callback, &status));
  EXPECT_EQ(moq_session_close(session), 0);
  EXPECT_EQ(status.terminal(), 0);
  EXPECT_EQ(moq_origin_close(origin), 0);
  expect_idle();
}

TEST(Idle, NothingRunsOnceABroadcastIsOver) {
  const std::uint32_t origin = handle(moq_origin_create());
  const std::uint32_t broadcast = handle(moq_origin_publish(origin, "room", 4));
  const std::uint32_t track = handle(moq_publish_track(broadcast, "chat", 4, nullptr));
  Recorder found;
  handle(moq_origin_consume_announced(origin, "room", 4, Recorder::callback, &found));
  const std::uint32_t consumer = handle(found.next().value_or(0));
  EXPECT_EQ(found.next(), 0);
  Recorder frames;
  handle(moq_consume_track(consumer, "chat", 4, nullptr, Recorder::callback, &frames));
  const std::uint8_t byte = 1;
  EXPECT_EQ(moq_publish_track_frame(track, &byte, 1, 0), 0);
  EXPECT_EQ(moq_consume_track_frame_free(handle(frames.next().value_or(0))), 0);

  EXPECT_EQ(moq_publish_track_finish(track), 0);
  EXPECT_EQ(frames.terminal(), 0);
  EXPECT_EQ(moq_consume_close(consumer), 0);
  EXPECT_EQ(moq_publish_finish(broadcast), 0);
  EXPECT_EQ(moq_origin_close(origin), 0);
  expect_idle();
}

}  // namespace
}  // namespace moq::capi
