#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/lite/limits.h"
#include "moq/net/version.h"

/// The greeting of versions 01 and 02, on the client's first bidirectional stream, which has no
/// stream type: `varint type | u16 length | body`, always with QUIC varints. The stream stays open;
/// its end is the session's. After the greeting it carries SESSION_INFO.
namespace moq::net::lite {

inline constexpr std::uint64_t kClientSetupType = 0x20;
inline constexpr std::uint64_t kServerSetupType = 0x21;

/// A parameter in the form of moq-transport-14: even types hold a number, odd ones bytes.
struct LegacyParameter {
  std::uint64_t type = 0;
  std::uint64_t number = 0;  ///< Of an even type.
  std::string bytes;         ///< Of an odd type.
  bool operator==(const LegacyParameter&) const = default;
};

/// CLIENT_SETUP: what the client speaks. moq-transport-14, CLIENT_SETUP.
struct ClientSetup {
  std::vector<std::uint64_t> versions;      ///< Setup codes, best first.
  std::vector<LegacyParameter> parameters;  ///< Ignored if a lite version is picked.

  static constexpr std::string_view kName = "CLIENT_SETUP";
  /// Decodes the body. Fails for more than `kMaxSetupVersions` or `kMaxSetupParameters`, and for a
  /// known parameter that repeats.
  static Result<ClientSetup, DecodeError> decode(Reader& in);
  /// Type, length and body.
  [[nodiscard]] Bytes encode() const;
  bool operator==(const ClientSetup&) const = default;
};

/// SERVER_SETUP: the version picked, the first of the client's that the server speaks.
struct ServerSetup {
  std::uint64_t version = 0;  ///< A setup code.
  std::vector<LegacyParameter> parameters;

  static constexpr std::string_view kName = "SERVER_SETUP";
  static Result<ServerSetup, DecodeError> decode(Reader& in);
  [[nodiscard]] Bytes encode() const;
  bool operator==(const ServerSetup&) const = default;
};

/// SESSION_INFO: an estimate of the bandwidth. Sent by nobody today; read and dropped.
struct SessionInfo {
  std::uint64_t bitrate_bps = 0;  ///< 0 = unknown.

  static constexpr std::string_view kName = "SESSION_INFO";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<SessionInfo, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const SessionInfo&) const = default;
};

}  // namespace moq::net::lite
