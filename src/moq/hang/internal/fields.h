#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moq/hang/catalog.h"
#include "moq/hang/internal/json.h"

namespace moq::hang {

/// Reads the keys of one JSON object. The first error sticks in `error` and names the key; later
/// reads yield nothing, so a decoder is the list of its keys followed by `extra()`. A null counts
/// as an absent key.
class Fields {
 public:
  /// `value` is borrowed; `path` names it in errors, e.g. `video.renditions.0.m4s`.
  Fields(const json::Value& value, std::string path, std::optional<Error>& error);

  std::optional<std::string> text(std::string_view key);
  std::string required_text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<double> real(std::string_view key);
  std::optional<std::uint64_t> u64(std::string_view key, std::uint64_t max = UINT64_MAX);
  std::optional<std::uint32_t> u32(std::string_view key);
  /// As `u32`, under an older name if the new one is absent.
  std::optional<std::uint32_t> u32(std::string_view key, std::string_view older);
  std::uint32_t required_u32(std::string_view key);
  /// Whole milliseconds, rounded up; 0 reads as absent.
  std::optional<std::uint64_t> milliseconds(std::string_view key);
  /// Hex, as `description` is written.
  std::optional<Bytes> hex(std::string_view key);
  /// Padded base64, as `init` is written.
  std::optional<Bytes> base64(std::string_view key);
  /// The object under `key`, or null if it is absent.
  const json::Value* object(std::string_view key);

  /// Leaves `key` out of `extra()`.
  void known(std::string_view key) { known_.push_back(key); }
  /// The keys that were not asked for.
  Extra extra();
  /// `path.key`.
  [[nodiscard]] std::string path(std::string_view key) const;
  void fail(std::string_view key, std::string_view what);
  [[nodiscard]] bool ok() const { return !error_->has_value(); }

 private:
  const json::Value* find(std::string_view key);

  const json::Value* value_;
  std::string path_;
  std::optional<Error>* error_;
  std::vector<std::string_view> known_;
};

}  // namespace moq::hang
