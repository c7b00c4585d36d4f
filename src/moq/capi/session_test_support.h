#pragma once

#include <string>
#include <utility>

#include "moq/app/child_test.h"
#include "moq/capi/calls_test_support.h"
#include "moq/capi/recorder_test_support.h"

namespace moq::capi {

/// A configuration that notices outages soon, and dials again soon.
class QuickConfig {
 public:
  /// `timeout_ms`: when sessions give up; 0 = never.
  explicit QuickConfig(std::uint64_t timeout_ms = 0) : handle_(made(moq_client_create())) {
    EXPECT_EQ(moq_client_set_backoff_initial(handle_, 50), 0);
    EXPECT_EQ(moq_client_set_backoff_max(handle_, 200), 0);
    EXPECT_EQ(moq_client_set_backoff_timeout(handle_, timeout_ms), 0);
    EXPECT_EQ(moq_client_set_quic_keep_alive(handle_, 300), 0);
    // Or, on a busy machine, it would win now and then, and outages look different.
    EXPECT_EQ(moq_client_set_websocket_enabled(handle_, false), 0);
  }
  QuickConfig(const QuickConfig&) = delete;
  QuickConfig& operator=(const QuickConfig&) = delete;
  ~QuickConfig() { EXPECT_EQ(moq_client_close(handle_), 0); }

  [[nodiscard]] std::uint32_t handle() const { return handle_; }

 private:
  std::uint32_t handle_;
};

/// A session of a test, which is closed in the end if nothing else ended it.
class TestSession {
 public:
  TestSession(const std::string& url, const QuickConfig& config, std::uint32_t publish = 0,
              std::uint32_t consume = 0)
      : handle_(made(moq_client_connect(url.data(), url.size(), config.handle(), publish, consume,
                                        Recorder::callback, &status_))) {}
  TestSession(const TestSession&) = delete;
  TestSession& operator=(const TestSession&) = delete;
  ~TestSession() {
    if (moq_session_close(handle_) == 0) {
      EXPECT_EQ(status_.terminal(), 0) << status_.error();
    }
    EXPECT_FALSE(status_.told_too_much());
  }

  [[nodiscard]] std::uint32_t handle() const { return handle_; }
  Recorder& status() { return status_; }

 private:
  Recorder status_;
  std::uint32_t handle_;
};

/// An origin handle.
class TestOrigin {
 public:
  TestOrigin() : handle_(made(moq_origin_create())) {}
  TestOrigin(const TestOrigin&) = delete;
  TestOrigin& operator=(const TestOrigin&) = delete;
  ~TestOrigin() { EXPECT_EQ(moq_origin_close(handle_), 0); }

  [[nodiscard]] std::uint32_t handle() const { return handle_; }
  [[nodiscard]] std::uint32_t publish(std::string_view path) const {
    return made(moq_origin_publish(handle_, path.data(), path.size()));
  }
  /// Waits until `path` is there; its consumer.
  [[nodiscard]] std::uint32_t find(std::string_view path) const {
    Recorder found;
    made(moq_origin_consume_announced(handle_, path.data(), path.size(), Recorder::callback,
                                      &found));
    const std::uint32_t consumer = made(found.next().value_or(0));
    EXPECT_EQ(found.next(), 0);
    return consumer;
  }

 private:
  std::uint32_t handle_;
};

/// The payload of a raw frame, which is freed.
inline std::string take_frame(std::optional<std::int32_t> frame) {
  if (!frame || *frame <= 0) {
    ADD_FAILURE() << "no frame, but " << frame.value_or(-999);
    return {};
  }
  moq_frame out{};
  EXPECT_EQ(moq_consume_track_frame(static_cast<std::uint32_t>(*frame), &out), 0);
  std::string text(view(out.payload, out.payload_size));
  EXPECT_EQ(moq_consume_track_frame_free(static_cast<std::uint32_t>(*frame)), 0);
  return text;
}

/// "+path" or "-path" of an announcement, which is freed.
inline std::string take_announcement(std::optional<std::int32_t> announced) {
  if (!announced || *announced <= 0) {
    ADD_FAILURE() << "no announcement, but " << announced.value_or(-999);
    return {};
  }
  moq_announced out{};
  EXPECT_EQ(moq_origin_announced_info(static_cast<std::uint32_t>(*announced), &out), 0);
  std::string text = (out.active ? "+" : "-") + std::string(out.path, out.path_len);
  EXPECT_EQ(moq_origin_announced_free(static_cast<std::uint32_t>(*announced)), 0);
  return text;
}

}  // namespace moq::capi
