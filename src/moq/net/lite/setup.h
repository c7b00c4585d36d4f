#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/lite/limits.h"
#include "moq/net/version.h"

namespace moq::net::lite {

/// What a publisher measures for PROBE.
enum class ProbeLevel : std::uint8_t {
  none,      ///< Nothing; do not open a probe stream.
  report,    ///< Reports its estimate.
  increase,  ///< Can also pad to find more bandwidth.
};

/// The one direction that a client means to use.
enum class Role : std::uint8_t { publisher = 1, subscriber = 2 };

/// SETUP: what a side says about itself, alone on its first unidirectional stream, followed by FIN.
/// From 05. Must be sent even when empty: peers wait for it. draft-lcurley-moq-lite, SETUP.
struct Setup {
  ProbeLevel probe = ProbeLevel::none;
  std::optional<std::string> path;    ///< "/room?jwt=x"; client only, where the carrier has no URL.
  std::optional<Role> role;           ///< Client only; none = both directions.
  std::optional<std::uint64_t> cost;  ///< Of the link; from the side that dialled, used from 06.
  std::uint64_t hop = 0;              ///< The sender's own hop id; 0 = unknown.

  static constexpr std::string_view kName = "SETUP";
  static constexpr std::uint64_t kMaxBytes = kMaxSetupBytes;
  /// Fails for a parameter that repeats, more than `kMaxSetupParameters`, a path that is not UTF-8,
  /// and values with bytes left over. Unknown parameters are skipped.
  static Result<Setup, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const Setup&) const = default;
};

}  // namespace moq::net::lite
