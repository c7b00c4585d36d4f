// Input: version, kind of stream, its bytes. What is read must not depend on how the bytes are cut.
#include <optional>
#include <string>
#include <vector>

#include "moq/net/limits.h"
#include "moq/net/lite/fuzz_support.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/limits.h"

namespace moq::net::lite {
namespace {

/// All that a stream gave, as text, and how it ended.
struct Outcome {
  std::string seen;
  std::optional<Error> error;
  bool operator==(const Outcome&) const = default;
};

/// Nothing ever waits here.
template <typename T>
Result<T> now(Poll<Result<T>> poll) {
  MOQ_ASSERT(poll.ready());
  return *std::move(poll);
}

Result<void> read_frames(StreamReader& reader, std::string& seen) {
  std::uint64_t total = 0;
  for (;;) {
    MOQ_TRY(const auto header, now(reader.poll_frame(Waiter::none())));
    if (!header) return {};
    total += header->size_bytes;
    MOQ_ASSERT(total <= kMaxGroupBytes);
    MOQ_ASSERT(header->timestamp.has_value() == has_frame_timestamps(reader.version()));
    seen += "frame " + std::to_string(header->timestamp.value_or(0)) + " ";
    std::uint64_t size = 0;
    for (;;) {
      MOQ_TRY(const Bytes part, now(reader.poll_payload(Waiter::none())));
      if (part.empty()) break;
      size += part.size();
      seen += part.text();
    }
    MOQ_ASSERT(size == header->size_bytes);
  }
}

Result<void> read_group(StreamReader& reader, std::string& seen) {
  MOQ_TRY(const auto type, now(reader.poll_varint(Waiter::none())));
  if (!type) return {};
  MOQ_TRY(const auto header, now(reader.poll_message<GroupHeader>(Waiter::none())));
  if (!header) return {};
  seen += std::to_string(*type) + " group " + std::to_string(header->sequence) + " ";
  return read_frames(reader, seen);
}

Result<void> read_answers(StreamReader& reader, std::string& seen) {
  for (;;) {
    MOQ_TRY(const auto answer, now(reader.poll_answer(Waiter::none())));
    if (!answer) return {};
    seen += "answer ";
    seen += encode_answer(*answer, reader.version()).text();
  }
}

Result<void> read_legacy(StreamReader& reader, std::string& seen) {
  for (;;) {
    MOQ_TRY(const auto message, now(reader.poll_legacy(Waiter::none())));
    if (!message) return {};
    seen += std::to_string(message->type) + " ";
    seen += message->body.text();
  }
}

Outcome read(ByteSpan input, std::uint8_t kind, std::size_t chunk, Version version) {
  StreamReader reader = fuzz_reader(input, chunk, version);
  Outcome outcome;
  Result<void> end;
  switch (kind % 4) {
    case 0:
      end = read_group(reader, outcome.seen);
      break;
    case 1:
      end = read_frames(reader, outcome.seen);
      break;
    case 2:
      end = read_answers(reader, outcome.seen);
      break;
    default:
      end = read_legacy(reader, outcome.seen);
  }
  if (!end) outcome.error = end.error();
  return outcome;
}

}  // namespace
}  // namespace moq::net::lite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::net::lite;
  moq::ByteSpan input(data, size);
  const moq::net::Version version = take_version(input);
  const std::uint8_t kind = take_byte(input);
  Outcome whole = read(input, kind, SIZE_MAX, version);
  Outcome cut = read(input, kind, 1, version);
  // A payload that is cut short shows as much as arrived, in either way.
  MOQ_ASSERT(cut == whole);
  return 0;
}
