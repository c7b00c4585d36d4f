#pragma once

#include <expected>
#include <utility>

#include "moq/base/result.h"
#include "moq/kio/poll.h"

/// For poll functions that return `Poll<Result<...>>` and are written one inside the other:
/// declares the value of `expression`, or returns what is not one: `kPending`, or the error.
#define MOQ_POLL(declaration, expression)                                      \
  auto MOQ_CONCAT(polled_, __LINE__) = (expression);                           \
  if (MOQ_CONCAT(polled_, __LINE__).pending()) return kio::kPending;           \
  if (!*MOQ_CONCAT(polled_, __LINE__)) {                                       \
    return std::unexpected(std::move(*MOQ_CONCAT(polled_, __LINE__)).error()); \
  }                                                                            \
  declaration = **std::move(MOQ_CONCAT(polled_, __LINE__))
