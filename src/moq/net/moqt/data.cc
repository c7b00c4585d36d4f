#include "moq/net/moqt/data.h"

#include <utility>

#include "moq/net/moqt/fields.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

/// The bits of a subgroup's type.
constexpr std::uint64_t kProperties = 0x01;
constexpr std::uint64_t kSubgroupMode = 0x06;
constexpr std::uint64_t kSubgroupIsFirstObject = 0x02;
constexpr std::uint64_t kSubgroupField = 0x04;
constexpr std::uint64_t kEndOfGroup = 0x08;
constexpr std::uint64_t kSubgroup = 0x10;
constexpr std::uint64_t kDefaultPriorityBit = 0x20;
constexpr std::uint64_t kFirstObject = 0x40;

bool is_subgroup(std::uint64_t type, Draft draft) {
  std::uint64_t allowed = kProperties | kSubgroupMode | kEndOfGroup | kSubgroup;
  if (has_default_priority(draft)) allowed |= kDefaultPriorityBit;
  if (has_first_object(draft)) allowed |= kFirstObject;
  if ((type & ~allowed) != 0 || (type & kSubgroup) == 0) return false;
  return (type & kSubgroupMode) != kSubgroupMode;
}

/// The number of each status of an object.
constexpr std::uint64_t kMissingStatus = 1;
constexpr std::uint64_t kEndOfGroupStatus = 3;
constexpr std::uint64_t kEndOfTrackStatus = 4;

std::optional<std::uint64_t> status_to_wire(ObjectStatus status, Draft draft) {
  switch (status) {
    case ObjectStatus::normal:
      return 0;
    case ObjectStatus::does_not_exist:
      if (has_missing_objects(draft)) return kMissingStatus;
      return std::nullopt;
    case ObjectStatus::end_of_group:
      return kEndOfGroupStatus;
    case ObjectStatus::end_of_track:
      return kEndOfTrackStatus;
    default:
      return std::nullopt;
  }
}

ObjectStatus read_status(Reader& in, Draft draft) {
  const std::uint64_t status = in.varint();
  if (status == kMissingStatus && has_missing_objects(draft)) return ObjectStatus::does_not_exist;
  if (status == kEndOfGroupStatus) return ObjectStatus::end_of_group;
  if (status == kEndOfTrackStatus) return ObjectStatus::end_of_track;
  if (status != 0) in.fail(DecodeError::unknown);
  return ObjectStatus::normal;
}

bool is_range(ObjectStatus status) {
  return status == ObjectStatus::missing_range || status == ObjectStatus::unknown_range ||
         status == ObjectStatus::timed_out_range;
}

/// Decodes properties that `in` has just given.
ObjectProperties decode_properties(Reader& in, ByteSpan bytes, Draft draft) {
  if (!in.ok()) return {};
  const auto properties = ObjectProperties::decode(bytes, draft);
  if (properties) return *properties;
  // More bytes of the stream will not mend a list that is cut off inside its length.
  const bool cut = properties.error() == DecodeError::truncated;
  in.fail(cut ? DecodeError::out_of_range : properties.error());
  return {};
}

ObjectProperties read_properties(Reader& in, Draft draft) {
  return decode_properties(in, in.prefixed(kMaxPropertyBytes), draft);
}

void write_properties(Writer& out, const ObjectProperties& properties, Draft draft) {
  Writer list = writer_of(draft);
  properties.write(list, draft);
  out.prefixed(list.span());
}

/// The length of a payload and, where that is 0 and `has_status`, the status.
void read_size(Reader& in, Object& object, bool has_status, Draft draft) {
  object.payload_bytes = in.varint();
  if (object.payload_bytes > 0 || !has_status) return;
  object.status = read_status(in, draft);
  if (object.status != ObjectStatus::normal && !object.properties.empty()) {
    in.fail(DecodeError::out_of_range);
  }
}

void write_size(Writer& out, const Object& object, bool has_status, Draft draft) {
  out.varint(object.payload_bytes);
  if (object.payload_bytes == 0 && has_status) {
    out.varint(status_to_wire(object.status, draft).value_or(0));
  }
}

/// `value + delta`, or `value - delta`; fails where 64 bits do not hold it.
std::uint64_t step(Reader& in, std::uint64_t value, std::uint64_t delta, bool down = false) {
  const std::uint64_t room = down ? value : UINT64_MAX - value;
  if (delta > room) {
    in.fail(DecodeError::out_of_range);
    return value;
  }
  return down ? value - delta : value + delta;
}

std::uint64_t next(Reader& in, std::uint64_t value, std::uint64_t gap, bool down = false) {
  return step(in, step(in, value, gap, down), 1, down);
}

/// What is wrong with an object whoever carries it; null if nothing.
const char* mistake_in(const Object& object) {
  if (object.status == ObjectStatus::normal) return nullptr;
  if (object.payload_bytes > 0) return "a status instead of a payload has no payload";
  if (!object.properties.empty()) return "an object with a status has no properties";
  return nullptr;
}

Result<Bytes> written(Writer& out) {
  if (out.ok()) return out.take();
  return fail(Code::invalid_argument, "a number of an object is too large");
}

}  // namespace

StreamKind stream_kind(std::uint64_t type, Draft draft) {
  if (type == kFetchHeaderType) return StreamKind::fetch;
  if (is_subgroup(type, draft)) return StreamKind::subgroup;
  if (type == kSetupStreamType && has_request_streams(draft)) return StreamKind::control;
  if (type == kPaddingStreamType && has_padding(draft)) return StreamKind::padding;
  return StreamKind::unknown;
}

// --- Subgroups ----------------------------------------------------------------------------------

SubgroupHeader SubgroupHeader::read(Reader& in, std::uint64_t type, Draft draft) {
  if (!is_subgroup(type, draft)) in.fail(DecodeError::unknown);
  SubgroupHeader header{.track_alias = in.varint(),
                        .group = in.varint(),
                        .has_properties = (type & kProperties) != 0,
                        .end_of_group = (type & kEndOfGroup) != 0,
                        .first_object = (type & kFirstObject) != 0};
  if ((type & kSubgroupMode) == kSubgroupIsFirstObject) header.subgroup.reset();
  if ((type & kSubgroupMode) == kSubgroupField) header.subgroup = in.varint();
  if ((type & kDefaultPriorityBit) == 0) header.priority = in.u8();
  return header;
}

void SubgroupHeader::write(Writer& out, Draft draft) const {
  const bool default_priority = !priority && has_default_priority(draft);
  std::uint64_t type = kSubgroup;
  if (has_properties) type |= kProperties;
  if (!subgroup) type |= kSubgroupIsFirstObject;
  if (subgroup && *subgroup > 0) type |= kSubgroupField;
  if (end_of_group) type |= kEndOfGroup;
  if (default_priority) type |= kDefaultPriorityBit;
  if (first_object && has_first_object(draft)) type |= kFirstObject;
  out.varint(type).varint(track_alias).varint(group);
  if (subgroup && *subgroup > 0) out.varint(*subgroup);
  if (!default_priority) out.u8(priority.value_or(kDefaultPriority));
}

Object SubgroupObjectReader::read(Reader& in) {
  const std::uint64_t gap = in.varint();
  Object object{.group = header_.group,
                .object = previous_ ? next(in, *previous_, gap) : gap,
                .priority = header_.priority};
  object.subgroup = header_.subgroup ? header_.subgroup : first_ ? first_ : object.object;
  if (header_.has_properties) object.properties = read_properties(in, draft_);
  read_size(in, object, true, draft_);
  if (!in.ok()) return {};
  previous_ = object.object;
  first_ = object.subgroup;
  return object;
}

Result<Bytes> SubgroupObjectWriter::write(const Object& object) {
  if (const char* mistake = mistake_in(object)) return fail(Code::invalid_argument, mistake);
  if (!status_to_wire(object.status, draft_)) {
    return fail(Code::invalid_argument, "a status that objects of a subgroup do not have");
  }
  if (!header_.has_properties && !object.properties.empty()) {
    return fail(Code::invalid_argument, "properties where the header says there are none");
  }
  if (previous_ && object.object <= *previous_) {
    return fail(Code::invalid_argument, "an object that does not follow the one before");
  }
  Writer out = writer_of(draft_);
  out.varint(previous_ ? object.object - *previous_ - 1 : object.object);
  if (header_.has_properties) write_properties(out, object.properties, draft_);
  write_size(out, object, true, draft_);
  if (out.ok()) previous_ = object.object;
  return written(out);
}

// --- Fetches ------------------------------------------------------------------------------------

namespace {

/// The bits of a fetched object's flags.
constexpr std::uint64_t kFetchSubgroup = 0x03;
constexpr std::uint64_t kFetchObject = 0x04;
constexpr std::uint64_t kFetchGroup = 0x08;
constexpr std::uint64_t kFetchPriority = 0x10;
constexpr std::uint64_t kFetchProperties = 0x20;
constexpr std::uint64_t kFetchDatagram = 0x40;
/// The flags that are the end of a range.
constexpr std::uint64_t kMissingRange = 0x8c;
constexpr std::uint64_t kUnknownRange = 0x10c;
constexpr std::uint64_t kTimedOutRange = 0x20c;

enum class SubgroupCode : std::uint8_t { zero = 0, same = 1, next = 2, field = 3 };

/// The flags that stand for the end of a range, if `draft` has it.
std::optional<std::uint64_t> range_to_wire(ObjectStatus status, Draft draft) {
  if (!has_fetch_range_marks(draft)) return std::nullopt;
  if (status == ObjectStatus::missing_range) return kMissingRange;
  if (status == ObjectStatus::unknown_range) return kUnknownRange;
  if (status == ObjectStatus::timed_out_range && has_timed_out_ranges(draft)) {
    return kTimedOutRange;
  }
  return std::nullopt;
}

std::optional<ObjectStatus> range_from_wire(std::uint64_t flags, Draft draft) {
  for (const ObjectStatus status :
       {ObjectStatus::missing_range, ObjectStatus::unknown_range, ObjectStatus::timed_out_range}) {
    if (range_to_wire(status, draft) == flags) return status;
  }
  return std::nullopt;
}

/// Draft 14: all fields, always.
Object read_plain_object(Reader& in, Draft draft) {
  Object object{.group = in.varint()};
  object.subgroup = in.varint();
  object.object = in.varint();
  object.priority = in.u8();
  object.properties = read_properties(in, draft);
  read_size(in, object, has_fetch_status(draft), draft);
  return object;
}

void write_plain_object(Writer& out, const Object& object, Draft draft) {
  out.varint(object.group).varint(object.subgroup.value_or(0)).varint(object.object);
  out.u8(object.priority.value_or(kDefaultPriority));
  write_properties(out, object.properties, draft);
  write_size(out, object, has_fetch_status(draft), draft);
}

/// Later drafts: flags tell which fields there are, and the object before what they count from.
struct FetchContext {
  GroupOrder order;
  Draft draft;
  const std::optional<Object>& previous;
  bool has_object;

  [[nodiscard]] bool down() const { return order == GroupOrder::descending; }
};

std::uint64_t read_group(Reader& in, std::uint64_t flags, const FetchContext& context) {
  if ((flags & kFetchGroup) == 0) return context.previous->group;
  const std::uint64_t written = in.varint();
  if (!context.previous || !has_fetch_distances(context.draft)) return written;
  return next(in, context.previous->group, written, context.down());
}

std::optional<std::uint64_t> read_subgroup(Reader& in, std::uint64_t flags,
                                           const FetchContext& context) {
  if ((flags & kFetchDatagram) != 0) return std::nullopt;
  const auto code = static_cast<SubgroupCode>(flags & kFetchSubgroup);
  if (code == SubgroupCode::zero) return 0;
  if (code == SubgroupCode::field) return in.varint();
  if (!context.has_object || !context.previous->subgroup) {
    in.fail(DecodeError::out_of_range);
    return 0;
  }
  const std::uint64_t before = *context.previous->subgroup;
  return code == SubgroupCode::same ? before : step(in, before, 1);
}

std::uint64_t read_id(Reader& in, std::uint64_t flags, const FetchContext& context) {
  if ((flags & kFetchObject) == 0) return step(in, context.previous->object, 1);
  const std::uint64_t written = in.varint();
  const bool absolute = (flags & kFetchGroup) != 0 || !has_fetch_distances(context.draft);
  return absolute ? written : step(in, context.previous->object, written);
}

Object read_flagged_object(Reader& in, const FetchContext& context) {
  const Draft draft = context.draft;
  const std::uint64_t flags = has_varint_fetch_flags(draft) ? in.varint() : in.u8();
  Object object;
  if (const auto range = range_from_wire(flags, draft)) {
    object.status = *range;
    object.group = in.varint();
    object.object = in.varint();
    if (context.previous) {
      object.subgroup = context.previous->subgroup;
      object.priority = context.previous->priority;
    }
    return object;
  }
  std::uint64_t known =
      kFetchSubgroup | kFetchObject | kFetchGroup | kFetchPriority | kFetchProperties;
  if (has_fetch_range_marks(draft)) known |= kFetchDatagram;
  if ((flags & ~known) != 0) in.fail(DecodeError::unknown);
  std::uint64_t needed = 0;
  if (!context.previous) needed |= kFetchGroup | kFetchObject;
  if (!context.has_object) needed |= kFetchPriority;
  if ((flags & needed) != needed) in.fail(DecodeError::out_of_range);
  if (!in.ok()) return {};
  object.group = read_group(in, flags, context);
  object.subgroup = read_subgroup(in, flags, context);
  object.object = read_id(in, flags, context);
  object.priority = (flags & kFetchPriority) != 0 ? in.u8() : context.previous->priority;
  if ((flags & kFetchProperties) != 0) object.properties = read_properties(in, draft);
  read_size(in, object, has_fetch_status(draft), draft);
  return object;
}

SubgroupCode subgroup_code(const Object& object, const FetchContext& context) {
  const std::uint64_t subgroup = object.subgroup.value_or(0);
  if (subgroup == 0) return SubgroupCode::zero;
  if (!context.has_object || !context.previous->subgroup) return SubgroupCode::field;
  const std::uint64_t before = *context.previous->subgroup;
  if (subgroup == before) return SubgroupCode::same;
  return subgroup - 1 == before ? SubgroupCode::next : SubgroupCode::field;
}

void write_flagged_object(Writer& out, const Object& object, const FetchContext& context) {
  const Draft draft = context.draft;
  const std::uint8_t priority = object.priority.value_or(kDefaultPriority);
  const SubgroupCode code = subgroup_code(object, context);
  const bool is_datagram = !object.subgroup && has_fetch_range_marks(draft);
  const bool has_group = !context.previous || context.previous->group != object.group;
  const bool has_id = has_group || object.object - 1 != context.previous->object;
  const bool has_priority = !context.has_object || context.previous->priority != priority;

  std::uint64_t flags = is_datagram ? kFetchDatagram : std::to_underlying(code);
  if (has_group) flags |= kFetchGroup;
  if (has_id) flags |= kFetchObject;
  if (has_priority) flags |= kFetchPriority;
  if (!object.properties.empty()) flags |= kFetchProperties;
  out.varint(flags);
  if (has_group) {
    if (!context.previous || !has_fetch_distances(draft)) {
      out.varint(object.group);
    } else if (context.down()) {
      out.varint(context.previous->group - object.group - 1);
    } else {
      out.varint(object.group - context.previous->group - 1);
    }
  }
  if (!is_datagram && code == SubgroupCode::field) out.varint(*object.subgroup);
  if (has_id) {
    const bool absolute = has_group || !has_fetch_distances(draft);
    out.varint(absolute ? object.object : object.object - context.previous->object);
  }
  if (has_priority) out.u8(priority);
  if (!object.properties.empty()) write_properties(out, object.properties, draft);
  write_size(out, object, has_fetch_status(draft), draft);
}

/// What to remember of `object`: a range leaves subgroup and priority as they were.
void follow(std::optional<Object>& previous, const Object& object) {
  if (!is_range(object.status) || !previous) {
    previous = object;
    return;
  }
  previous->group = object.group;
  previous->object = object.object;
}

bool follows(const Object& object, const std::optional<Object>& previous, GroupOrder order) {
  if (!previous) return true;
  if (object.group == previous->group) return object.object > previous->object;
  return (object.group > previous->group) == (order == GroupOrder::ascending);
}

}  // namespace

Object FetchObjectReader::read(Reader& in) {
  const FetchContext context{
      .order = order_, .draft = draft_, .previous = previous_, .has_object = has_object_};
  Object object =
      has_fetch_flags(draft_) ? read_flagged_object(in, context) : read_plain_object(in, draft_);
  if (previous_ && object.group == previous_->group && object.object <= previous_->object) {
    in.fail(DecodeError::out_of_range);
  }
  if (!in.ok()) return {};
  follow(previous_, object);
  has_object_ = has_object_ || !is_range(object.status);
  return object;
}

Result<Bytes> FetchObjectWriter::write(const Object& object) {
  if (const char* mistake = mistake_in(object)) return fail(Code::invalid_argument, mistake);
  if (!follows(object, previous_, order_)) {
    return fail(Code::invalid_argument, "an object that does not follow the one before");
  }
  const FetchContext context{
      .order = order_, .draft = draft_, .previous = previous_, .has_object = has_object_};
  const auto range = range_to_wire(object.status, draft_);
  const bool has_status = has_fetch_status(draft_) && status_to_wire(object.status, draft_);
  if (!range && !has_status && object.status != ObjectStatus::normal) {
    return fail(Code::invalid_argument, "a status that fetched objects do not have");
  }
  Writer out = writer_of(draft_);
  if (range) {
    out.varint(*range).varint(object.group).varint(object.object);
  } else if (has_fetch_flags(draft_)) {
    write_flagged_object(out, object, context);
  } else {
    write_plain_object(out, object, draft_);
  }
  if (!out.ok()) return written(out);
  Object kept = object;
  kept.priority = object.priority.value_or(kDefaultPriority);
  follow(previous_, kept);
  has_object_ = has_object_ || !range;
  return written(out);
}

FetchHeader FetchHeader::read(Reader& in) { return {.request_id = in.varint()}; }

void FetchHeader::write(Writer& out) const { out.varint(kFetchHeaderType).varint(request_id); }

// --- Datagrams ----------------------------------------------------------------------------------

namespace {

/// The bits of a datagram's type.
constexpr std::uint64_t kDatagramProperties = 0x01;
constexpr std::uint64_t kDatagramEndOfGroup = 0x02;
constexpr std::uint64_t kDatagramObjectZero = 0x04;
constexpr std::uint64_t kDatagramDefaultPriority = 0x08;
constexpr std::uint64_t kDatagramStatus = 0x20;

bool is_datagram(std::uint64_t type, Draft draft) {
  std::uint64_t allowed = kDatagramProperties | kDatagramEndOfGroup | kDatagramObjectZero;
  if (has_default_priority(draft)) allowed |= kDatagramDefaultPriority;
  if ((type & kDatagramStatus) == 0) return (type & ~allowed) == 0;
  allowed &= ~kDatagramEndOfGroup;
  // Where the priority is always there, so is the object id of a status.
  if (!has_default_priority(draft)) allowed &= ~kDatagramObjectZero;
  return (type & ~(allowed | kDatagramStatus)) == 0;
}

}  // namespace

Result<std::optional<Datagram>, DecodeError> Datagram::decode(const Bytes& datagram, Draft draft) {
  Reader in = reader_of(datagram, draft);
  const std::uint64_t type = in.varint();
  if (type == kPaddingDatagramType && has_padding(draft) && in.ok()) {
    return std::optional<Datagram>();
  }
  if (!is_datagram(type, draft)) in.fail(DecodeError::unknown);
  Datagram object{.track_alias = in.varint(),
                  .group = in.varint(),
                  .end_of_group = (type & kDatagramEndOfGroup) != 0};
  if ((type & kDatagramObjectZero) == 0) object.object = in.varint();
  if ((type & kDatagramDefaultPriority) == 0) object.priority = in.u8();
  if ((type & kDatagramProperties) != 0) {
    const ByteSpan bytes = in.prefixed(kMaxPropertyBytes);
    if (bytes.empty()) in.fail(DecodeError::out_of_range);
    object.properties = decode_properties(in, bytes, draft);
  }
  if ((type & kDatagramStatus) != 0) {
    object.status = read_status(in, draft);
    const bool is_object = object.status == ObjectStatus::normal;
    if (!is_object && (type & kDatagramProperties) != 0) in.fail(DecodeError::out_of_range);
  } else {
    const std::size_t size = in.remaining();
    object.payload = datagram.slice(in.position(), size);
    in.skip(size);
  }
  auto finished = in.finish(std::move(object));
  if (!finished) return std::unexpected(finished.error());
  return std::optional(*std::move(finished));
}

Result<Bytes> Datagram::encode(Draft draft) const {
  const Object same{.status = status, .properties = properties, .payload_bytes = payload.size()};
  if (const char* mistake = mistake_in(same)) return fail(Code::invalid_argument, mistake);
  const bool has_status = status != ObjectStatus::normal;
  const auto wire_status = status_to_wire(status, draft);
  if (!wire_status || (has_status && end_of_group)) {
    return fail(Code::invalid_argument, "a status that datagrams do not have");
  }
  const bool default_priority = !priority && has_default_priority(draft);
  const bool is_zero = object == 0 && !has_status;
  std::uint64_t type = 0;
  if (!properties.empty()) type |= kDatagramProperties;
  if (end_of_group) type |= kDatagramEndOfGroup;
  if (is_zero) type |= kDatagramObjectZero;
  if (default_priority) type |= kDatagramDefaultPriority;
  if (has_status) type |= kDatagramStatus;
  Writer out = writer_of(draft);
  out.varint(type).varint(track_alias).varint(group);
  if (!is_zero) out.varint(object);
  if (!default_priority) out.u8(priority.value_or(kDefaultPriority));
  if (!properties.empty()) write_properties(out, properties, draft);
  if (has_status) out.varint(*wire_status);
  out.bytes(payload);
  return written(out);
}

}  // namespace moq::net::moqt
