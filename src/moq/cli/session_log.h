#pragma once

#include <string>

#include "moq/native/reconnect.h"

namespace moq::cli {

/// Why a session is over, in the few words of `disconnected`'s `reason` (docs/observability.md).
std::string describe_end(const Error& error);

/// What a person can do about an error of connecting; empty if there is no advice.
std::string advise(const Error& error);

/// Compares states of a reconnect loop and writes the events between them.
class SessionLog {
 public:
  /// `url` is what was dialled, for failures.
  explicit SessionLog(std::string url) : url_(std::move(url)) {}
  void update(const native::Reconnect::State& now);

 private:
  std::string url_;
  native::Reconnect::State last_;
};

}  // namespace moq::cli
