#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/properties.h"

/// What carries objects: subgroup streams, fetch streams (which are also fill streams), datagrams.
/// draft-ietf-moq-transport-21, Data Streams and Datagrams.
namespace moq::net::moqt {

/// What a peer's unidirectional stream is, by the varint that it begins with.
enum class StreamKind : std::uint8_t {
  control,   ///< 0x2F00, from 17: SETUP, whose length and body follow.
  subgroup,  ///< The type is part of the header.
  fetch,
  padding,  ///< From 18: ignored.
  unknown,  ///< Closes the session.
};
StreamKind stream_kind(std::uint64_t type, Draft draft);

/// The stream whose type is that of the SETUP message that it begins with.
inline constexpr std::uint64_t kSetupStreamType = 0x2f00;
inline constexpr std::uint64_t kFetchHeaderType = 0x05;
inline constexpr std::uint64_t kPaddingStreamType = 0x132b3e28;
inline constexpr std::uint64_t kPaddingDatagramType = 0x132b3e29;

/// SUBGROUP_HEADER: opens a stream of one subgroup's objects.
struct SubgroupHeader {
  std::uint64_t track_alias = 0;
  std::uint64_t group = 0;
  /// None: it is the id of the first object on the stream.
  std::optional<std::uint64_t> subgroup = 0;
  std::optional<std::uint8_t> priority;  ///< None = the track's, from 15; in 14 the default's.
  bool has_properties = false;           ///< Each object has properties, maybe none.
  bool end_of_group = false;             ///< With FIN, the last object is the last of its group.
  /// The first object here is the subgroup's first. From 18; before, nobody tells.
  bool first_object = false;

  /// Decodes what follows `type`; fails with `unknown` where that is not a subgroup's.
  static SubgroupHeader read(Reader& in, std::uint64_t type, Draft draft);
  /// The header with its type.
  void write(Writer& out, Draft draft) const;
  bool operator==(const SubgroupHeader&) const = default;
};

/// FETCH_HEADER: opens a stream of a fetch's, or a fill's, objects.
struct FetchHeader {
  std::uint64_t request_id = 0;

  /// Decodes what follows the type.
  static FetchHeader read(Reader& in);
  /// The header with its type.
  void write(Writer& out) const;
  bool operator==(const FetchHeader&) const = default;
};

/// What an object is, beside an object with a payload.
enum class ObjectStatus : std::uint8_t {
  normal,
  does_not_exist,  ///< 14 and 15.
  end_of_group,    ///< No object of the group is here or later.
  end_of_track,    ///< No object of the track is here or later.
  // Of a fetch alone: everything after what came before, up to this place, this one included.
  missing_range,    ///< Does not exist. From 16.
  unknown_range,    ///< The publisher does not know. From 16.
  timed_out_range,  ///< Is too late. From 20.
};

/// An object up to its payload.
struct Object {
  std::uint64_t group = 0;
  std::uint64_t object = 0;
  /// None: it was a datagram. In a range of a fetch it means nothing.
  std::optional<std::uint64_t> subgroup = 0;
  std::optional<std::uint8_t> priority;  ///< None = the track's. In a fetch always set.
  ObjectStatus status = ObjectStatus::normal;
  ObjectProperties properties;
  std::uint64_t payload_bytes = 0;  ///< 0 unless `normal`.
  bool operator==(const Object&) const = default;
};

/// Reads the objects of one subgroup stream, up to their payloads.
class SubgroupObjectReader {
 public:
  SubgroupObjectReader(const SubgroupHeader& header, Draft draft)
      : header_(header), draft_(draft) {}
  /// The next object. Where `in` fails nothing has changed: with `truncated`, ask again with more
  /// bytes. Fails for good with `out_of_range`, `unknown` status, `too_long` properties.
  Object read(Reader& in);

 private:
  SubgroupHeader header_;
  Draft draft_;
  std::optional<std::uint64_t> previous_;
  std::optional<std::uint64_t> first_;  ///< The subgroup's id, which may be its first object's.
};

/// Writes the objects of one subgroup stream, up to their payloads.
class SubgroupObjectWriter {
 public:
  SubgroupObjectWriter(const SubgroupHeader& header, Draft draft)
      : header_(header), draft_(draft) {}
  /// What to send before the payload. Group, subgroup and priority are the header's. Fails with
  /// `invalid_argument` for an object not after the one before, for properties where the header
  /// says there are none or the status allows none, and for a status that a subgroup does not have.
  Result<Bytes> write(const Object& object);

 private:
  SubgroupHeader header_;
  Draft draft_;
  std::optional<std::uint64_t> previous_;
};

/// Reads the objects of one fetch stream, up to their payloads. In a group they ascend; the order
/// of groups is the publisher's.
class FetchObjectReader {
 public:
  FetchObjectReader(GroupOrder order, Draft draft) : order_(order), draft_(draft) {}
  /// As `SubgroupObjectReader::read`.
  Object read(Reader& in);

 private:
  GroupOrder order_;
  Draft draft_;
  std::optional<Object> previous_;
  bool has_object_ =
      false;  ///< One that is not a range's end, to be like in subgroup and priority.
};

/// Writes the objects of one fetch stream, up to their payloads.
class FetchObjectWriter {
 public:
  FetchObjectWriter(GroupOrder order, Draft draft) : order_(order), draft_(draft) {}
  /// What to send before the payload. A priority that is not set is `kDefaultPriority`. Fails with
  /// `invalid_argument` for an object against the order, and for a status that the draft lacks.
  Result<Bytes> write(const Object& object);

 private:
  GroupOrder order_;
  Draft draft_;
  std::optional<Object> previous_;
  bool has_object_ = false;
};

/// An object in a datagram.
struct Datagram {
  std::uint64_t track_alias = 0;
  std::uint64_t group = 0;
  std::uint64_t object = 0;
  std::optional<std::uint8_t> priority;  ///< None = the track's, from 15; in 14 the default's.
  bool end_of_group = false;             ///< This is the last object of its group.
  ObjectStatus status = ObjectStatus::normal;
  ObjectProperties properties;
  Bytes payload;

  static constexpr std::string_view kName = "datagram";
  /// The payload is a slice of `datagram`. None for padding, from 18.
  static Result<std::optional<Datagram>, DecodeError> decode(const Bytes& datagram, Draft draft);
  /// Fails with `invalid_argument` for a status with `end_of_group`, a payload or properties, and
  /// for a number that does not fit.
  [[nodiscard]] Result<Bytes> encode(Draft draft) const;
  bool operator==(const Datagram&) const = default;
};

}  // namespace moq::net::moqt
