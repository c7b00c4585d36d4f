#include "moq/net/moqt/internal/fetch_request.h"

#include <utility>
#include <variant>

#include "moq/net/moqt/internal/subscriber.h"

namespace moq::net::moqt {

FetchRequest::FetchRequest(Subscriber& subscriber, Fetch fetch)
    : subscriber_(subscriber), request_(subscriber.connection(), std::move(fetch)) {}

FetchRequest::~FetchRequest() {
  if (expected_) subscriber_.forget_fetch(request_.id());
}

Poll<Result<void>> FetchRequest::poll_begun(const Waiter& waiter) {
  if (!expected_) {
    auto sent = request_.poll_sent(waiter);
    if (sent.pending()) return kio::kPending;
    if (!*sent) return sent;
    subscriber_.expect_fetch(request_.id(), slot_);
    expected_ = true;
  }
  while (!slot_->reader && !over_) {
    auto reply = request_.poll_reply(waiter);
    if (reply.pending()) break;
    if (!*reply) return Result<void>(std::unexpected(std::move(*reply).error()));
    if (!**reply) {
      over_ = true;
      if (!answered_) return Result<void>(fail(Code::protocol_violation, "FETCH not answered"));
    } else if (auto* error = std::get_if<RequestError>(&***reply)) {
      return Result<void>(
          std::unexpected(from_request_code(error->code, std::move(error->reason))));
    } else {
      answered_ = true;
    }
  }
  if (slot_->reader) return Result<void>();
  slot_->on_reader.add(waiter);
  return kio::kPending;
}

Poll<Result<std::optional<Object>>> FetchRequest::poll_object(const Waiter& waiter) {
  auto begun = poll_begun(waiter);
  if (begun.pending()) return kio::kPending;
  if (!*begun) return std::unexpected(std::move(*begun).error());
  return slot_->reader->poll_object(waiter);
}

Poll<kio::Unit> FetchRequest::poll_answered(const Waiter& waiter) {
  // Up to 16 nothing follows the answer.
  const bool one_word = !has_request_streams(subscriber_.connection().draft());
  while (!over_ && !(one_word && answered_)) {
    auto reply = request_.poll_reply(waiter);
    if (reply.pending()) return kio::kPending;
    answered_ = true;
    over_ = !*reply || !**reply;
  }
  return kio::Unit{};
}

}  // namespace moq::net::moqt
