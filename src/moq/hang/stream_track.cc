#include "moq/hang/stream_track.h"

#include "moq/hang/canonical_json.h"
#include "moq/hang/internal/json.h"

namespace moq::hang::stream {

Result<void> Producer::append(std::uint64_t timestamp, std::string_view json_text) {
  MOQ_CHECK(json::parse(json_text));
  return payloads_.write(timestamp, Bytes::copy(json_text));
}

kio::Poll<Result<std::optional<std::string>>> Consumer::poll_next(const kio::Waiter& waiter) {
  using Record = Result<std::optional<std::string>>;
  if (failed_) return Record(std::unexpected(*failed_));
  auto payload = payloads_.poll_next(waiter);
  if (payload.pending()) return kio::kPending;
  if (!*payload) return Record(std::unexpected((*std::move(payload)).error()));
  if (!**payload) return Record(std::nullopt);
  Result<std::string> text = canonical_json((**payload)->text());
  if (text) return Record(*std::move(text));
  failed_ = text.error();
  return Record(std::unexpected(std::move(text).error()));
}

}  // namespace moq::hang::stream
