// Input: draft, kind of stream, its bytes. What is read must not depend on how the bytes are cut,
// and objects that are read can be written.
#include <optional>
#include <string>
#include <vector>

#include "moq/net/limits.h"
#include "moq/net/moqt/data.h"
#include "moq/net/moqt/fuzz_support.h"

namespace moq::net::moqt {
namespace {

/// All that a stream gave, and how it ended.
struct Outcome {
  std::string seen;
  std::optional<SubgroupHeader> subgroup;
  std::vector<Object> objects;
  std::optional<Error> error;
  bool operator==(const Outcome&) const = default;
};

/// Nothing ever waits here.
template <typename T>
Result<T> now(Poll<Result<T>> poll) {
  MOQ_ASSERT(poll.ready());
  return *std::move(poll);
}

Result<void> read_objects(StreamReader& reader, Outcome& outcome) {
  for (;;) {
    MOQ_TRY(const auto object, now(reader.poll_object(Waiter::none())));
    if (!object) return {};
    MOQ_ASSERT(object->payload_bytes <= kMaxFrameBytes);
    MOQ_ASSERT(object->status == ObjectStatus::normal || object->payload_bytes == 0);
    outcome.objects.push_back(*object);
    std::uint64_t size = 0;
    for (;;) {
      MOQ_TRY(const Bytes part, now(reader.poll_payload(Waiter::none())));
      if (part.empty()) break;
      size += part.size();
      outcome.seen += part.text();
    }
    MOQ_ASSERT(size == object->payload_bytes);
  }
}

Result<void> read_data(StreamReader& reader, GroupOrder order, Outcome& outcome) {
  MOQ_TRY(const auto type, now(reader.poll_varint(Waiter::none())));
  if (!type) return {};
  switch (stream_kind(*type, reader.draft())) {
    case StreamKind::subgroup: {
      MOQ_TRY(const auto header, now(reader.poll_subgroup_header(Waiter::none(), *type)));
      outcome.subgroup = header;
      break;
    }
    case StreamKind::fetch: {
      MOQ_TRY(const auto header, now(reader.poll_fetch_header(Waiter::none())));
      outcome.seen += std::to_string(header.request_id) + " ";
      reader.begin_fetch(order);
      break;
    }
    case StreamKind::control: {
      MOQ_TRY(const Bytes body, now(reader.poll_body(Waiter::none())));
      outcome.seen += body.text();
      return {};
    }
    case StreamKind::padding:
      return now(reader.poll_discard(Waiter::none()));
    case StreamKind::unknown:
      return {};
  }
  return read_objects(reader, outcome);
}

Result<void> read_messages(StreamReader& reader, Outcome& outcome) {
  for (;;) {
    MOQ_TRY(const auto message, now(reader.poll_message(Waiter::none())));
    if (!message) return {};
    outcome.seen += name_of(*message);
  }
}

/// Kinds: 0 = objects, 1 = the same where groups descend, 2 = control messages.
Outcome read(ByteSpan input, std::uint8_t kind, std::size_t chunk, Draft draft) {
  StreamReader reader = fuzz_reader(input, chunk, draft);
  Outcome outcome;
  const GroupOrder order = kind == 1 ? GroupOrder::descending : GroupOrder::ascending;
  const Result<void> end =
      kind == 2 ? read_messages(reader, outcome) : read_data(reader, order, outcome);
  if (!end) outcome.error = end.error();
  return outcome;
}

/// Writes the objects of a subgroup, and reads them again.
void rewrite(const SubgroupHeader& header, const std::vector<Object>& objects, Draft draft) {
  SubgroupObjectWriter writer(header, draft);
  SubgroupObjectReader reader(header, draft);
  for (const Object& object : objects) {
    const auto bytes = writer.write(object);
    MOQ_ASSERT(bytes.has_value());
    Reader in = reader_of(bytes->span(), draft);
    MOQ_ASSERT(in.finish(reader.read(in)) == object);
  }
}

/// The same of a fetch, as long as its groups keep the order, which nobody checks on receipt.
void rewrite(GroupOrder order, const std::vector<Object>& objects, Draft draft) {
  FetchObjectWriter writer(order, draft);
  FetchObjectReader reader(order, draft);
  for (const Object& object : objects) {
    const auto bytes = writer.write(object);
    if (!bytes) return;
    Reader in = reader_of(bytes->span(), draft);
    MOQ_ASSERT(in.finish(reader.read(in)) == object);
  }
}

void check_stream(ByteSpan input, std::uint8_t kind, Draft draft) {
  const Outcome whole = read(input, kind, SIZE_MAX, draft);
  // A payload that is cut short shows as much as arrived, in either way.
  MOQ_ASSERT(read(input, kind, 1, draft) == whole);
  if (whole.subgroup) {
    rewrite(*whole.subgroup, whole.objects, draft);
  } else {
    rewrite(kind == 1 ? GroupOrder::descending : GroupOrder::ascending, whole.objects, draft);
  }
}

void check_datagram(ByteSpan input, Draft draft) {
  const auto datagram = Datagram::decode(Bytes::copy(input), draft);
  if (!datagram || !*datagram) return;
  const auto written = (*datagram)->encode(draft);
  MOQ_ASSERT(written.has_value());
  MOQ_ASSERT(Datagram::decode(*written, draft) == datagram);
}

}  // namespace
}  // namespace moq::net::moqt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::net::moqt;
  moq::ByteSpan input(data, size);
  const Draft draft = take_draft(input);
  const std::uint8_t kind = take_byte(input) % 4;
  if (kind == 3) {
    check_datagram(input, draft);
  } else {
    check_stream(input, kind, draft);
  }
  return 0;
}
