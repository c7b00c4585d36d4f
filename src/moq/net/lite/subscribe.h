#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/base/wire.h"
#include "moq/net/limits.h"
#include "moq/net/lite/limits.h"
#include "moq/net/path.h"
#include "moq/net/version.h"

/// The messages of a subscribe stream. draft-lcurley-moq-lite, subscribe stream.
namespace moq::net::lite {

/// What a subscriber wants of a track, and how urgently.
struct SubscribeRange {
  std::uint8_t priority = 0;  ///< Higher is sooner.
  /// How much older than the newest a group may be; 0 = the newest only. 01 and 02 have no limit.
  Duration max_age = kUnlimitedAge;
  /// The first group. None is the latest one; from 06 on the wire has no such thing, and says 0:
  /// the oldest that is young enough.
  std::optional<std::uint64_t> group_start;
  std::optional<std::uint64_t> group_end;  ///< The last group, inclusive; none = open.
  std::uint64_t frame_start = 0;           ///< 06: the first frame of `group_start`.
  std::optional<std::uint64_t> frame_end;  ///< 06: the last frame of `group_end`, inclusive.
  bool operator==(const SubscribeRange&) const = default;
};

/// SUBSCRIBE: send me groups of a track. Opens the stream.
struct Subscribe {
  std::uint64_t id = 0;  ///< Counts up from 0, never used again in a session.
  Path broadcast;        ///< From the session's root.
  std::string track;
  SubscribeRange range;  ///< 01 and 02: only the priority.

  static constexpr std::string_view kName = "SUBSCRIBE";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  /// Fails for a last frame without a last group.
  static Result<Subscribe, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const Subscribe&) const = default;
};

/// SUBSCRIBE_UPDATE: from now on, this. From 03, any number, without an answer.
struct SubscribeUpdate {
  SubscribeRange range;

  static constexpr std::string_view kName = "SUBSCRIBE_UPDATE";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<SubscribeUpdate, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const SubscribeUpdate&) const = default;
};

/// SUBSCRIBE_OK: accepted. 01 to 04, first; type 0 from 03.
struct SubscribeOk {
  std::uint8_t priority = 0;                 ///< The request's. Not on 02.
  Duration max_age{};                        ///< 03, 04: 0 in practice.
  std::optional<std::uint64_t> group_start;  ///< 03, 04: none in practice.
  std::optional<std::uint64_t> group_end;

  static constexpr std::string_view kName = "SUBSCRIBE_OK";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<SubscribeOk, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const SubscribeOk&) const = default;
};

/// SUBSCRIBE_START: the first group that will come. From 05, type 0.
struct SubscribeStart {
  std::uint64_t group = 0;

  static constexpr std::string_view kName = "SUBSCRIBE_START";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<SubscribeStart, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const SubscribeStart&) const = default;
};

/// SUBSCRIBE_END: the track is over. From 05, type 1.
struct SubscribeEnd {
  std::uint64_t group = 0;    ///< Exclusive: no group from here on will come; 0 = there was none.
  std::uint64_t streams = 0;  ///< 07: how many group streams were opened.

  static constexpr std::string_view kName = "SUBSCRIBE_END";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<SubscribeEnd, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const SubscribeEnd&) const = default;
};

/// SUBSCRIBE_DROP: groups that will not come. 03 and 04 as type 1, 05 and 06 as type 2.
struct SubscribeDrop {
  std::uint64_t group_start = 0;  ///< First sequence dropped.
  std::uint64_t group_end = 0;    ///< Last sequence dropped, inclusive.
  std::uint64_t error_code = 0;   ///< Application code; 0 = simply unavailable.

  static constexpr std::string_view kName = "SUBSCRIBE_DROP";
  static constexpr std::uint64_t kMaxBytes = kMaxControlBytes;
  static Result<SubscribeDrop, DecodeError> decode(Reader& in, Version version);
  void encode(Writer& out, Version version) const;
  bool operator==(const SubscribeDrop&) const = default;
};

/// Whatever a publisher may say on a subscribe stream.
using SubscribeAnswer = std::variant<SubscribeOk, SubscribeStart, SubscribeEnd, SubscribeDrop>;

/// Decodes an answer's body. `type` is ignored before 03, which has none. Fails with
/// `Code::decode`, also for a type that `version` does not have.
Result<SubscribeAnswer> decode_answer(std::uint64_t type, ByteSpan body, Version version);
/// The answer with its type, if `version` has them, and length. It must be one that `version` has.
Bytes encode_answer(const SubscribeAnswer& answer, Version version);

}  // namespace moq::net::lite
