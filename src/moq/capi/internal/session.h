#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <variant>

#include "moq/capi/internal/task.h"
#include "moq/native/reconnect.h"
#include "moq/net/bandwidth.h"

namespace moq::capi {

/// The task of a session handle, with what can be asked of it meanwhile.
class SessionTask : public Task {
 public:
  using Task::Task;

  /// From where the numbers come, once there is a session. On the library's thread.
  void set_stats(native::Reconnect::StatsReader reader) { set(std::move(reader)); }
  void set_stats(net::StatsReader reader) { set(std::move(reader)); }
  /// The numbers of the live connection; none if there is none just now. From any thread.
  [[nodiscard]] std::optional<net::SessionStats> stats() const;
  /// What shares the bandwidth of `session` among tracks, made when it is asked for first. From
  /// any thread.
  static net::Bandwidth bandwidth(const std::shared_ptr<SessionTask>& session);

 private:
  using Reader = std::variant<std::monostate, native::Reconnect::StatsReader, net::StatsReader>;
  void set(Reader reader) {
    const std::lock_guard lock(mutex_);
    reader_ = std::move(reader);
  }
  mutable std::mutex mutex_;
  Reader reader_;
  std::optional<net::Bandwidth> bandwidth_;
};

}  // namespace moq::capi
