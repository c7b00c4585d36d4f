#include "moq/net/moqt/key_value.h"

#include <algorithm>
#include <utility>

#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

KeyValue read_pair(Reader& in, TypeReader& types) {
  const std::uint64_t type = types.read(in);
  return read_value(in, type);
}

}  // namespace

std::uint64_t TypeReader::read(Reader& in) {
  const std::uint64_t written = in.varint();
  if (!has_delta_types(draft_)) return written;
  if (written > UINT64_MAX - previous_) in.fail(DecodeError::out_of_range);
  previous_ += written;
  return previous_;
}

void TypeWriter::write(Writer& out, std::uint64_t type) {
  if (!has_delta_types(draft_)) {
    out.varint(type);
    return;
  }
  MOQ_ASSERT(type >= previous_);
  out.varint(type - previous_);
  previous_ = type;
}

KeyValue read_value(Reader& in, std::uint64_t type) {
  KeyValue pair{.type = type};
  if (pair.is_number()) {
    pair.number = in.varint();
  } else {
    pair.bytes = as_text(in.prefixed(kMaxValueBytes));
  }
  return pair;
}

void write_value(Writer& out, const KeyValue& pair) {
  if (pair.is_number()) {
    out.varint(pair.number);
  } else {
    out.text(pair.bytes);
  }
}

std::vector<KeyValue> read_pairs(Reader& in, Draft draft, std::size_t limit) {
  std::vector<KeyValue> pairs;
  TypeReader types(draft);
  while (in.remaining() > 0) {
    if (pairs.size() == limit) in.fail(DecodeError::too_many);
    pairs.push_back(read_pair(in, types));
  }
  if (!in.ok()) return {};
  return pairs;
}

std::vector<KeyValue> read_counted_pairs(Reader& in, Draft draft, std::size_t limit) {
  std::vector<KeyValue> pairs;
  TypeReader types(draft);
  for (std::uint64_t count = in.count(limit); count > 0 && in.ok(); --count) {
    pairs.push_back(read_pair(in, types));
  }
  if (!in.ok()) return {};
  return pairs;
}

void write_pairs(Writer& out, std::vector<KeyValue> pairs, Draft draft) {
  std::vector<KeyValue> sorted;
  for (KeyValue& pair : pairs) {
    const auto at = std::ranges::upper_bound(sorted, pair.type, {}, &KeyValue::type);
    sorted.insert(at, std::move(pair));
  }
  TypeWriter types(draft);
  for (const KeyValue& pair : sorted) {
    types.write(out, pair.type);
    write_value(out, pair);
  }
}

void write_counted_pairs(Writer& out, std::vector<KeyValue> pairs, Draft draft) {
  out.varint(pairs.size());
  write_pairs(out, std::move(pairs), draft);
}

}  // namespace moq::net::moqt
