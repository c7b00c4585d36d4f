#include "moq/net/moqt/location.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

namespace moq::net::moqt {
namespace {

/// The types of the `tagged` form.
enum class Tag : std::uint8_t {
  next_group = 1,
  largest_object = 2,
  absolute_start = 3,
  absolute_range = 4,
};

/// The types of the `typed` form; but for the last one also the counts of fields of `counted`.
enum class Type : std::uint8_t {
  unfiltered = 0,
  relative = 1,
  absolute_start = 2,
  to_group = 3,
  to_object = 4,
  next_object = 5,
};

std::uint64_t add(Reader& in, std::uint64_t value, std::uint64_t delta) {
  if (delta > std::numeric_limits<std::uint64_t>::max() - value) {
    in.fail(DecodeError::out_of_range);
    return value;
  }
  return value + delta;
}

/// How far the end group lies above the start; an end before the start is our own mistake.
std::uint64_t end_delta(const LocationFilter& filter) {
  return std::max(filter.end->group, filter.start.group) - filter.start.group;
}

LocationFilter read_tagged(Reader& in, Draft draft) {
  const std::uint64_t tag = in.varint();
  if (tag == std::to_underlying(Tag::next_group)) return LocationFilter::relative(0);
  if (tag == std::to_underlying(Tag::largest_object)) return LocationFilter::next_object();
  LocationFilter filter;
  if (tag == std::to_underlying(Tag::absolute_start)) {
    filter = LocationFilter::from(Location::read(in));
  } else if (tag == std::to_underlying(Tag::absolute_range)) {
    filter = LocationFilter::from(Location::read(in));
    const std::uint64_t group = in.varint();
    filter.end =
        RangeEnd{.group = has_delta_end_group(draft) ? add(in, filter.start.group, group) : group};
  } else {
    in.fail(DecodeError::unknown);
  }
  return filter;
}

void write_tagged(Writer& out, const LocationFilter& filter, Draft draft) {
  if (filter.kind == LocationFilter::Kind::relative && filter.groups_back == 0) {
    out.varint(std::to_underlying(Tag::next_group));
  } else if (filter.kind != LocationFilter::Kind::absolute) {
    out.varint(std::to_underlying(Tag::largest_object));
  } else if (!filter.end) {
    out.varint(std::to_underlying(Tag::absolute_start));
    filter.start.write(out);
  } else {
    out.varint(std::to_underlying(Tag::absolute_range));
    filter.start.write(out);
    out.varint(has_delta_end_group(draft) ? end_delta(filter) : filter.end->group);
  }
}

/// Reads the fields of an absolute filter after its start.
LocationFilter read_absolute(Reader& in, Type type) {
  LocationFilter filter = LocationFilter::from(Location::read(in));
  if (type == Type::absolute_start) return filter;
  filter.end = RangeEnd{.group = add(in, filter.start.group, in.varint())};
  if (type == Type::to_object) filter.end->object = in.varint();
  return filter;
}

Type type_of(const LocationFilter& filter) {
  switch (filter.kind) {
    case LocationFilter::Kind::unfiltered:
      return Type::unfiltered;
    case LocationFilter::Kind::next_object:
      return Type::next_object;
    case LocationFilter::Kind::relative:
      return Type::relative;
    case LocationFilter::Kind::absolute:
      break;
  }
  if (!filter.end) return Type::absolute_start;
  return filter.end->object ? Type::to_object : Type::to_group;
}

void write_fields(Writer& out, const LocationFilter& filter) {
  if (filter.kind == LocationFilter::Kind::relative) out.varint(filter.groups_back);
  if (filter.kind != LocationFilter::Kind::absolute) return;
  filter.start.write(out);
  if (!filter.end) return;
  out.varint(end_delta(filter));
  if (filter.end->object) out.varint(*filter.end->object);
}

LocationFilter read_typed(Reader& in) {
  const std::uint64_t type = in.varint();
  if (type > std::to_underlying(Type::next_object)) in.fail(DecodeError::unknown);
  switch (static_cast<Type>(type)) {
    case Type::unfiltered:
      return {};
    case Type::relative:
      return LocationFilter::relative(in.varint());
    case Type::next_object:
      return LocationFilter::next_object();
    default:
      return read_absolute(in, static_cast<Type>(type));
  }
}

LocationFilter read_counted(Reader& in) {
  // The count comes from the length: numbers are read until it is used up.
  Reader fields(in.prefixed(), in.varint_kind());
  std::array<std::uint64_t, 4> values{};
  std::size_t count = 0;
  for (; fields.remaining() > 0; ++count) {
    const std::uint64_t value = fields.varint();
    if (count == values.size()) fields.fail(DecodeError::too_many);
    if (fields.ok()) values.at(count) = value;
  }
  if (!fields.ok()) in.fail(fields.error());
  if (!in.ok()) return {};
  const auto [group, object, delta, last] = values;
  if (count == 0) return {};
  if (count == 1) return LocationFilter::relative(group);
  if (count == 2 && group == 0 && object == 0) return LocationFilter::next_object();
  LocationFilter filter = LocationFilter::from({.group = group, .object = object});
  if (count >= 3) filter.end = RangeEnd{.group = add(in, group, delta)};
  if (count == 4) filter.end->object = last;
  return filter;
}

void write_counted(Writer& out, const LocationFilter& filter) {
  Writer fields(out.varint_kind());
  if (filter.kind == LocationFilter::Kind::next_object) {
    fields.varint(0).varint(0);
  } else if (filter != LocationFilter::from({})) {
    write_fields(fields, filter);
  }
  out.prefixed(fields.span());
}

}  // namespace

Location Location::read(Reader& in) {
  // Braces read the fields in order.
  return {.group = in.varint(), .object = in.varint()};
}

void Location::write(Writer& out) const { out.varint(group).varint(object); }

bool LocationFilter::is_reversed() const {
  if (kind != Kind::absolute || !end) return false;
  if (end->group != start.group) return end->group < start.group;
  return end->object && *end->object < start.object;
}

LocationFilter LocationFilter::read(Reader& in, Draft draft) {
  switch (filter_form(draft)) {
    case FilterForm::tagged:
      return read_tagged(in, draft);
    case FilterForm::counted:
      return read_counted(in);
    case FilterForm::typed:
      break;
  }
  return read_typed(in);
}

void LocationFilter::write(Writer& out, Draft draft) const {
  switch (filter_form(draft)) {
    case FilterForm::tagged:
      write_tagged(out, *this, draft);
      return;
    case FilterForm::counted:
      write_counted(out, *this);
      return;
    case FilterForm::typed:
      out.varint(std::to_underlying(type_of(*this)));
      write_fields(out, *this);
  }
}

RangeEnd read_fetch_end(Reader& in, Draft draft) {
  const Location written = Location::read(in);
  RangeEnd end{.group = written.group};
  if (has_inclusive_fetch_end(draft)) {
    if (written.object < kMaxVarint) end.object = written.object;
  } else if (written.object > 0) {
    end.object = written.object - 1;
  }
  return end;
}

void write_fetch_end(Writer& out, const RangeEnd& end, Draft draft) {
  out.varint(end.group);
  if (has_inclusive_fetch_end(draft)) {
    // Rust peers read no larger number.
    out.varint(end.object.value_or(kMaxVarint));
  } else {
    out.optional_varint(end.object);
  }
}

}  // namespace moq::net::moqt
