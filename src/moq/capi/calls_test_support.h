#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>

#include "moq/capi/moq.h"

namespace moq::capi {

/// A handle that was never given.
inline constexpr std::uint32_t kUnknown = 0x7fff'fffe;

/// The handle, or the count, that a call returned; the test fails if it is an error.
inline std::uint32_t made(std::int32_t code) {
  EXPECT_GT(code, 0) << moq_error();
  return code > 0 ? static_cast<std::uint32_t>(code) : kUnknown;
}

inline const std::uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

inline std::string_view view(const std::uint8_t* bytes, std::uintptr_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// OpusHead for one channel at 48 kHz, as RFC 7845 §5.1 has it.
inline constexpr std::string_view kOpusHead{"OpusHead\1\1\0\0\x80\xbb\0\0\0\0\0", 19};

/// For tasks that must not start.
inline void never(void* /*user_data*/, std::int32_t code) {
  ADD_FAILURE() << "a callback was called with " << code;
}

}  // namespace moq::capi
