#include "moq/hang/internal/fields.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "moq/hang/encoding.h"

namespace moq::hang {

Fields::Fields(const json::Value& value, std::string path, std::optional<Error>& error)
    : value_(&value), path_(std::move(path)), error_(&error) {
  if (!value.is_object()) fail("", "not an object");
}

std::string Fields::path(std::string_view key) const {
  if (path_.empty() || key.empty()) return path_ + std::string(key);
  return path_ + "." + std::string(key);
}

void Fields::fail(std::string_view key, std::string_view what) {
  if (*error_) return;
  const std::string where = path(key);
  *error_ = Error(Code::decode, "catalog: " + (where.empty() ? std::string("the root") : where) +
                                    ": " + std::string(what));
}

const json::Value* Fields::find(std::string_view key) {
  known_.push_back(key);
  if (!ok() || !value_->is_object()) return nullptr;
  const auto it = value_->find(key);
  return it == value_->end() || it->is_null() ? nullptr : &*it;
}

std::optional<std::string> Fields::text(std::string_view key) {
  const json::Value* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    fail(key, "not a string");
    return std::nullopt;
  }
  return value->get_ref<const std::string&>();
}

std::string Fields::required_text(std::string_view key) {
  std::optional<std::string> value = text(key);
  if (!value) fail(key, "missing");
  return std::move(value).value_or("");
}

std::optional<bool> Fields::boolean(std::string_view key) {
  const json::Value* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) {
    fail(key, "not a boolean");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<double> Fields::real(std::string_view key) {
  const json::Value* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number()) {
    fail(key, "not a number");
    return std::nullopt;
  }
  return value->get<double>();
}

std::optional<std::uint64_t> Fields::u64(std::string_view key, std::uint64_t max) {
  const json::Value* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > max) {
    fail(key, "not an integer of its range");
    return std::nullopt;
  }
  return value->get<std::uint64_t>();
}

std::optional<std::uint32_t> Fields::u32(std::string_view key) {
  const std::optional<std::uint64_t> value = u64(key, UINT32_MAX);
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint32_t> Fields::u32(std::string_view key, std::string_view older) {
  const std::optional<std::uint32_t> value = u32(key);
  const std::optional<std::uint32_t> fallback = u32(older);
  return value ? value : fallback;
}

std::uint32_t Fields::required_u32(std::string_view key) {
  const std::optional<std::uint32_t> value = u32(key);
  if (!value) fail(key, "missing");
  return value.value_or(0);
}

std::optional<std::uint64_t> Fields::milliseconds(std::string_view key) {
  const std::optional<double> value = real(key);
  if (!value) return std::nullopt;
  const double whole = std::ceil(*value);
  if (!(whole >= 0) || whole > 0x1p53) {
    fail(key, "not a number of its range");
    return std::nullopt;
  }
  if (whole == 0) return std::nullopt;
  return static_cast<std::uint64_t>(whole);
}

std::optional<Bytes> Fields::hex(std::string_view key) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  std::optional<Bytes> bytes = from_hex(*value);
  if (!bytes) fail(key, "not hexadecimal");
  return bytes;
}

std::optional<Bytes> Fields::base64(std::string_view key) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  std::optional<Bytes> bytes = from_base64(*value);
  if (!bytes) fail(key, "not base64");
  return bytes;
}

const json::Value* Fields::object(std::string_view key) {
  const json::Value* value = find(key);
  if (value && !value->is_object()) {
    fail(key, "not an object");
    return nullptr;
  }
  return value;
}

Extra Fields::extra() {
  Extra extra;
  if (!ok()) return extra;
  for (const auto& [key, value] : value_->items()) {
    if (std::ranges::find(known_, key) == known_.end()) extra.emplace(key, json::dump(value));
  }
  return extra;
}

}  // namespace moq::hang
