#pragma once

#include <string>

#include "moq/native/reconnect.h"
#include "moq/native/url.h"

namespace moq::cli {

/// Why a session is over, in the few words of `disconnected`'s `reason` (docs/observability.md).
std::string describe_end(const Error& error);

/// What a person can do about an error of connecting to `url`; empty if there is no advice.
std::string advise(const Error& error, const native::Url& url);

/// Compares states of a reconnect loop and writes the events between them.
class SessionLog {
 public:
  /// `url` is what is dialled.
  explicit SessionLog(native::Url url) : url_(std::move(url)) {}
  void update(const native::Reconnect::State& now);

 private:
  native::Url url_;
  native::Reconnect::State last_;
  std::optional<Code> advised_;  ///< What the newest advice was about; it is given once.
};

}  // namespace moq::cli
