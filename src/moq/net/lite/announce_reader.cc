#include "moq/net/lite/announce_reader.h"

#include <utility>

namespace moq::net::lite {

AnnounceReader::AnnounceReader(StreamReader reader)
    : reader_(std::move(reader)), decoder_(reader_.version()) {}

Poll<Result<bool>> AnnounceReader::poll_accepted(const Waiter& waiter) {
  if (failed_) return std::unexpected(*failed_);
  if (accepted_) return true;
  if (has_announce_init(reader_.version())) {
    auto init = reader_.poll_message<AnnounceInit>(waiter);
    if (init.pending()) return kio::kPending;
    if (!*init) return std::unexpected(std::move(*init).error());
    if (!**init) return false;
    auto events = decoder_.init(***init);
    if (!events) {
      failed_ = std::move(events).error();
      return std::unexpected(*failed_);
    }
    queue_.assign(std::make_move_iterator(events->begin()), std::make_move_iterator(events->end()));
    initial_left_ = queue_.size();
  } else if (has_announce_ok(reader_.version())) {
    auto answer = reader_.poll_message<AnnounceOk>(waiter);
    if (answer.pending()) return kio::kPending;
    if (!*answer) return std::unexpected(std::move(*answer).error());
    if (!**answer) return false;
    hop_ = (**answer)->hop;
    initial_left_ = (**answer)->active;
  }
  accepted_ = true;
  return true;
}

Poll<Result<std::optional<TypedMessage>>> AnnounceReader::poll_announcement(const Waiter& waiter) {
  if (has_announce_ids(reader_.version())) {
    return reader_.poll_typed(waiter,
                              {.max_bytes = kMaxControlBytes, .known_types = kAnnounceTypes});
  }
  auto body = reader_.poll_body(waiter, kMaxControlBytes);
  if (body.pending()) return kio::kPending;
  if (!*body) return std::unexpected(std::move(*body).error());
  if (!**body) return std::optional<TypedMessage>();
  return std::optional(TypedMessage{.type = 0, .body = **std::move(*body)});
}

Poll<Result<std::optional<AnnounceEvent>>> AnnounceReader::poll_next(const Waiter& waiter) {
  auto accepted = poll_accepted(waiter);
  if (accepted.pending()) return kio::kPending;
  if (!*accepted) return std::unexpected(std::move(*accepted).error());
  if (!**accepted) return std::optional<AnnounceEvent>();
  for (;;) {
    if (!queue_.empty()) {
      std::optional<AnnounceEvent> event(std::move(queue_.front()));
      queue_.pop_front();
      initial_left_ -= 1;
      return event;
    }
    auto message = poll_announcement(waiter);
    if (message.pending()) return kio::kPending;
    if (!*message) return std::unexpected(std::move(*message).error());
    if (!**message) return std::optional<AnnounceEvent>();
    auto event = decoder_.decode((**message)->type, (**message)->body.span());
    if (!event) {
      failed_ = std::move(event).error();
      return std::unexpected(*failed_);
    }
    if (initial_left_ > 0) initial_left_ -= 1;
    if (*event) return *std::move(event);
  }
}

}  // namespace moq::net::lite
