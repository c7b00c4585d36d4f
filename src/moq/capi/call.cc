#include "moq/capi/internal/call.h"

#include <cstddef>

#include "moq/base/wire.h"

namespace moq::capi {
namespace {

constexpr std::uint64_t kTimestampEnd = std::uint64_t{1} << 62;
/// No object of C is larger: a length above it is a mistake, and nothing is read.
constexpr std::uintptr_t kMaxLength = PTRDIFF_MAX;

}  // namespace

void Call::handle(std::uint32_t value) {
  if (!ok()) return;
  if (value == 0) fail(MOQ_ERROR_INVALID_ID, "0 is no handle");
  if (value > static_cast<std::uint32_t>(HandleNumbers::kMax)) {
    fail(MOQ_ERROR_INVALID_ID,
         std::to_string(value) + " is no handle: an error code that was passed on?");
  }
}

void Call::optional_handle(std::uint32_t value) {
  if (value != 0) handle(value);
}

bool Call::readable(const char* what, const void* data, std::uintptr_t size) {
  if (!ok()) return false;
  if (size > kMaxLength) {
    fail(MOQ_ERROR_INVALID_POINTER, std::string(what) + ": no memory is that long");
  } else if (data == nullptr && size != 0) {
    fail(MOQ_ERROR_INVALID_POINTER, std::string(what) + " is NULL, with a length");
  }
  return ok() && size != 0;
}

std::string_view Call::text(const char* what, const char* data, std::uintptr_t size) {
  if (!readable(what, data, size)) return {};
  const std::string_view text(data, size);
  if (is_utf8(as_bytes(text))) return text;
  fail(MOQ_ERROR_UTF8, std::string(what) + " is not UTF-8");
  return {};
}

std::optional<std::string> Call::optional_text(const char* what, const char* data,
                                               std::uintptr_t size) {
  if (data == nullptr) return std::nullopt;
  const std::string_view given = text(what, data, size);
  if (given.empty()) return std::nullopt;
  return std::string(given);
}

ByteSpan Call::bytes(const char* what, const std::uint8_t* data, std::uintptr_t size) {
  if (!readable(what, data, size)) return {};
  return {data, size};
}

std::optional<ByteSpan> Call::optional_bytes(const char* what, const std::uint8_t* data,
                                             std::uintptr_t size) {
  if (!ok() || (data == nullptr && size == 0)) return std::nullopt;
  return bytes(what, data, size);
}

std::vector<std::string> Call::texts(const char* what, const moq_string* items,
                                     std::uintptr_t count) {
  std::vector<std::string> out;
  if (ok() && count > kMaxLength / sizeof(moq_string)) {
    fail(MOQ_ERROR_INVALID_POINTER, std::string(what) + ": no memory is that long");
  }
  if (!readable(what, items, count)) return out;
  for (const moq_string& item : std::span(items, count)) {
    out.emplace_back(text(what, item.data, item.len));
    if (!ok()) return {};
  }
  return out;
}

void Call::timestamp(std::uint64_t timestamp_us) {
  if (!ok() || timestamp_us < kTimestampEnd) return;
  fail(MOQ_ERROR_TIMESTAMP_OVERFLOW,
       "the timestamp, " + std::to_string(timestamp_us) + " us, is not below 2^62");
}

std::int32_t Call::fail(Failure failure) {
  if (ok()) status_ = record(std::move(failure));
  return status_;
}

std::int32_t Call::finish(const Result<void>& result, std::int32_t fallback) {
  if (ok() && !result) fail(Failure(result.error(), fallback));
  return status_;
}

void Call::null_pointer(const char* what) {
  fail(MOQ_ERROR_INVALID_POINTER, std::string(what) + " is NULL");
}

void Call::unknown_handle(std::int32_t status, const char* noun) {
  fail(status, std::string("not a live handle of a ") + noun);
}

std::int32_t Call::no_more_handles() {
  return fail(MOQ_ERROR_INVALID_ID, "the process has used up all handle numbers");
}

}  // namespace moq::capi
