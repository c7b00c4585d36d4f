#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/capi/moq.h"

namespace moq::capi {

/// Why a call or a task failed: the code that a C caller gets, and what `moq_error` says.
struct Failure {
  std::int32_t status = MOQ_ERROR_MOQ;
  std::string text;
  std::optional<moq_protocol_error> protocol;  ///< A peer or a stream caused it.

  Failure() = default;
  Failure(std::int32_t code, std::string why) : status(code), text(std::move(why)) {}
  /// An error of the layers below; `fallback` where its cause has no code of its own.
  Failure(const Error& error, std::int32_t fallback);
};

/// The code for `error`: some causes have their own, wherever they come from.
std::int32_t to_status(const Error& error, std::int32_t fallback);

/// Notes `failure` for `moq_error` and `moq_error_protocol` of this thread; returns its code.
std::int32_t record(Failure failure);

/// What was noted on this thread last; null before the first.
const Failure* last_failure();

/// Application codes travel above those of the protocol.
inline constexpr std::uint64_t kFirstApplicationCode = 64;

/// How an application ends something with a code of its own.
Error application_error(std::uint16_t code);

}  // namespace moq::capi
