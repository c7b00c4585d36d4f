#include "moq/net/moqt/internal/pushed_track.h"

#include <utility>
#include <variant>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/connection.h"

namespace moq::net::moqt {

PushedTrack::PushedTrack(Connection& connection, IncomingRequest request)
    : draft_(connection.draft()), request_(std::move(request)), priority_(kDefaultPriority) {
  RequestOk ok;
  if (decides_in_publish_ok(draft_)) {
    ok.parameters.forward = false;
    ok.parameters.priority = priority_;
    ok.parameters.filter = filter();
  } else {
    forward_ = offer().parameters.forward.value_or(true);
  }
  request_.reply(std::move(ok));
  if (forward_) update();
}

LocationFilter PushedTrack::filter() const { return LocationFilter::next_object(); }

void PushedTrack::update() {
  if (ended()) return;
  forward_ = followed_;
  Parameters change;
  change.forward = followed_;
  change.priority = priority_;
  if (has_inline_subscribe_fields(draft_)) {
    // There an update names the range, too, and may not widen it.
    const auto& largest = offer().parameters.largest;
    change.filter =
        LocationFilter::from(largest ? Location{largest->group, largest->object + 1} : Location{});
  }
  request_.update(change);
}

void PushedTrack::begin(std::uint8_t priority) {
  followed_ = true;
  greeted_ = false;
  priority_ = priority;
  update();
  on_change_.wake();
}

void PushedTrack::set_priority(std::uint8_t priority) {
  if (std::exchange(priority_, priority) != priority) update();
}

void PushedTrack::end() {
  if (!std::exchange(followed_, false)) return;
  if (forward_) update();
  on_change_.wake();
}

Poll<PushedTrack::Reply> PushedTrack::poll_reply(const Waiter& waiter) {
  if (!std::exchange(greeted_, true)) {
    SubscribeOk ok;
    ok.track_alias = offer().track_alias;
    ok.parameters.largest = offer().parameters.largest;
    ok.track = offer().track;
    return Reply(std::move(ok));
  }
  if (done_) return Reply(*done_);
  if (left_) return Reply(std::unexpected(*left_));
  on_change_.add(waiter);
  return kio::kPending;
}

Poll<kio::Unit> PushedTrack::poll_over(const Waiter& waiter) {
  while (!ended()) {
    auto message = request_.poll_message(waiter);
    if (message.pending()) return kio::kPending;
    if (!*message) {
      left_ = message->error();
    } else if (!**message) {
      left_ = Error(Code::protocol_violation, "a PUBLISH ended without PUBLISH_DONE");
    } else if (auto* done = std::get_if<PublishDone>(&***message)) {
      done_ = std::move(*done);
    } else if (const auto* change = std::get_if<RequestUpdate>(&***message)) {
      request_.accept_update(*change);
      continue;
    }
    if (ended()) {
      request_.finish();
      on_change_.wake();
    }
  }
  // The end of the track must come before that of its broadcast.
  if (!followed_) return kio::Unit{};
  on_change_.add(waiter);
  return kio::kPending;
}

}  // namespace moq::net::moqt
