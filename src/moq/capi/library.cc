#include "moq/capi/internal/library.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "moq/base/log.h"
#include "moq/net/session.h"

namespace moq::capi {
namespace {

constexpr std::array<std::string_view, 1> kBackends = {"ngtcp2"};

void write_to_stderr(log::Level level, std::string_view target, std::string_view text) {
  static constexpr std::array kNames = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"};
  const std::string line =
      fmt::format("{:<5} moq::{}: {}\n", kNames.at(static_cast<std::size_t>(level)), target, text);
  // One call a line, so that those of several threads do not mix.
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::optional<log::Level> parse_level(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower == "error") return log::Level::error;
  if (lower == "warn") return log::Level::warn;
  if (lower == "info" || lower.empty()) return log::Level::info;
  if (lower == "debug") return log::Level::debug;
  if (lower == "trace") return log::Level::trace;
  return std::nullopt;
}

/// Fills as many of the `count` places at `out` as there are names; returns how many names there
/// are.
template <typename Names, typename ToText>
std::int32_t list(moq_string* out, std::uintptr_t count, const Names& names, ToText&& to_text) {
  Call call;
  if (count > 0) call.pointer("dst", out);
  if (!call.ok()) return call.status();
  std::size_t at = 0;
  for (const auto& name : names) {
    if (at == count) break;
    const std::string_view text = to_text(name);
    out[at++] = borrow(text);
  }
  return static_cast<std::int32_t>(names.size());
}

}  // namespace

Library& Library::get() {
  static auto* library = new Library;
  return *library;
}

Runtime* Library::runtime(Call& call) {
  if (!call.ok()) return nullptr;
  const std::lock_guard lock(mutex_);
  if (runtime_ != nullptr && runtime_->left_behind()) {
    call.fail(MOQ_ERROR_INIT_FAILED,
              "the library's thread is in the parent process: this one was made by fork");
    return nullptr;
  }
  if (runtime_ != nullptr) return runtime_;
  auto started = Runtime::start();
  if (!started) {
    call.fail(Failure(started.error(), MOQ_ERROR_INIT_FAILED));
    return nullptr;
  }
  runtime_ = *started;
  // Before the libraries that it uses are taken down, which happens after handlers that come late.
  std::atexit([] { Library::get().runtime_->quiesce(); });
  return runtime_;
}

}  // namespace moq::capi

using moq::capi::Call;

std::int32_t moq_log_level(const char* level, std::uintptr_t level_len) {
  static std::atomic_flag installed;
  Call call;
  const std::string_view name = call.text("level", level, level_len);
  const auto parsed = moq::capi::parse_level(name);
  if (!parsed) call.fail(MOQ_ERROR_LEVEL, "unknown log level '" + std::string(name) + "'");
  if (!call.ok()) return call.status();
  if (installed.test_and_set()) return call.fail(MOQ_ERROR_NATIVE, "a logger is installed already");
  moq::log::set_sink(moq::capi::write_to_stderr, *parsed);
  return 0;
}

const char* moq_error(void) {
  const moq::capi::Failure* failure = moq::capi::last_failure();
  return failure == nullptr ? nullptr : failure->text.c_str();
}

std::int32_t moq_error_protocol(moq_protocol_error* out) {
  // Fails without a record: what it reports is the failure before.
  if (out == nullptr) return MOQ_ERROR_INVALID_POINTER;
  const moq::capi::Failure* failure = moq::capi::last_failure();
  if (failure == nullptr || !failure->protocol) return MOQ_ERROR_NOT_FOUND;
  *out = *failure->protocol;
  return 0;
}

std::int32_t moq_versions(moq_string* dst, std::uintptr_t count) {
  return moq::capi::list(dst, count, moq::net::session_versions(),
                         [](moq::net::Version version) { return moq::net::to_string(version); });
}

std::int32_t moq_backends(moq_string* dst, std::uintptr_t count) {
  return moq::capi::list(dst, count, moq::capi::kBackends,
                         [](std::string_view name) { return name; });
}

bool moq_qlog_supported(void) { return true; }
