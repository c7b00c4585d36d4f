#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/capi/internal/failure.h"
#include "moq/capi/internal/table.h"

namespace moq::capi {

/// The times of the C API are in this many units a second.
inline constexpr std::uint64_t kMicroseconds = 1'000'000;

/// One call of a C function: checks its arguments in the order in which they are asked for, and
/// keeps the first failure; later checks yield nothing. So a function is the list of its arguments
/// in the order of the contract, the lookup of its handles, and `if (!call.ok()) return
/// call.status();`.
class Call {
 public:
  /// A handle that must be given: neither 0 nor above `HandleNumbers::kMax`.
  void handle(std::uint32_t value);
  /// One that may be 0.
  void optional_handle(std::uint32_t value);
  /// UTF-8 text; NULL is empty if `size` is 0.
  std::string_view text(const char* what, const char* data, std::uintptr_t size);
  /// Text that may be left out: NULL, whatever its size, or empty.
  std::optional<std::string> optional_text(const char* what, const char* data, std::uintptr_t size);
  ByteSpan bytes(const char* what, const std::uint8_t* data, std::uintptr_t size);
  /// Bytes that may be left out, by NULL.
  std::optional<ByteSpan> optional_bytes(const char* what, const std::uint8_t* data,
                                         std::uintptr_t size);
  std::vector<std::string> texts(const char* what, const moq_string* items, std::uintptr_t count);
  /// Presentation times are below 2^62 microseconds.
  void timestamp(std::uint64_t timestamp_us);
  /// A pointer that must not be NULL, to a structure, a result or a callback.
  template <typename T>
  T* pointer(const char* what, T* value) {
    if (ok() && value == nullptr) null_pointer(what);
    return value;
  }

  /// What `handle` names; null, and a failure, if it names nothing of this family.
  template <typename T>
  std::shared_ptr<T> find(const Table<T>& table, std::uint32_t handle) {
    return ok() ? known(table, table.find(handle)) : nullptr;
  }
  /// The same for one that may be 0, which gives null alone.
  template <typename T>
  std::shared_ptr<T> find_optional(const Table<T>& table, std::uint32_t handle) {
    return handle == 0 ? nullptr : find(table, handle);
  }
  /// The same, and forgets the handle.
  template <typename T>
  std::shared_ptr<T> take(Table<T>& table, std::uint32_t handle) {
    return ok() ? known(table, table.take(handle)) : nullptr;
  }
  /// A new handle, which the function returns.
  template <typename T>
  std::int32_t add(Table<T>& table, std::shared_ptr<T> object) {
    if (!ok()) return status();
    const std::int32_t number = table.add(std::move(object));
    return number == 0 ? no_more_handles() : number;
  }

  [[nodiscard]] bool ok() const { return status_ == 0; }
  /// The code of the failure; 0 if there is none.
  [[nodiscard]] std::int32_t status() const { return status_; }
  /// Fails, unless something failed before. Returns the code, for the function to return.
  std::int32_t fail(Failure failure);
  std::int32_t fail(std::int32_t status, std::string text) {
    return fail(Failure(status, std::move(text)));
  }
  /// The same for an object of `table` that another thread has ended since it was looked up: as
  /// unknown as if that had been before.
  template <typename T>
  std::int32_t ended(const Table<T>& table) {
    return fail(table.unknown(), std::string("the ") + table.noun() + " has ended");
  }
  /// The end of a function that gives nothing back: `fallback` as in `Failure`.
  std::int32_t finish(const Result<void>& result, std::int32_t fallback = MOQ_ERROR_MOQ);

 private:
  template <typename T>
  std::shared_ptr<T> known(const Table<T>& table, std::shared_ptr<T> object) {
    if (!object) unknown_handle(table.unknown(), table.noun());
    return object;
  }
  void null_pointer(const char* what);
  void unknown_handle(std::int32_t status, const char* noun);
  std::int32_t no_more_handles();
  bool readable(const char* what, const void* data, std::uintptr_t size);

  std::int32_t status_ = 0;
};

/// The functions that do no more than let go of a handle.
template <typename T>
std::int32_t release(Table<T>& table, std::uint32_t handle) {
  Call call;
  call.handle(handle);
  call.take(table, handle);
  return call.status();
}

/// `text`, borrowed.
inline moq_string borrow(std::string_view text) {
  return {.data = text.data(), .len = text.size()};
}

}  // namespace moq::capi
