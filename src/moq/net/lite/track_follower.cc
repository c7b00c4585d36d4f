#include "moq/net/lite/internal/track_follower.h"

#include <algorithm>

#include "moq/base/log.h"
#include "moq/net/lite/internal/subscriber.h"
#include "moq/net/lite/track.h"

namespace moq::net::lite {
namespace {

constexpr std::string_view kLog = "net";

/// Why groups named in SUBSCRIBE_DROP do not come; 0 = just not available.
Error drop_error(std::uint64_t code) {
  constexpr std::string_view kText = "the publisher dropped it";
  if (code == 0) return {Code::evicted, std::string(kText)};
  return from_code(code, Scope::stream, std::string(kText));
}

}  // namespace

TrackFollower::TrackFollower(Subscriber& subscriber, Path path,
                             std::shared_ptr<Announcing> announcing)
    : subscriber_(subscriber),
      connection_(subscriber.connection()),
      path_(std::move(path)),
      announcing_(std::move(announcing)),
      timer_(connection_.clock()),
      fetches_(connection_.runtime().executor),
      groups_(connection_.runtime().executor) {}

TrackFollower::~TrackFollower() {
  unsubscribe();
  fetches_.clear();
  if (track_) std::move(*track_).give_back();
}

kio::Task<Result<track::Info>> TrackFollower::ask_info(const broadcast::TrackRequest& request) {
  if (!has_track_info(connection_.version())) co_return track::Info{};
  std::optional<Bidi> stream;
  auto answer =
      co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<track::Info>> {
        using Out = Result<track::Info>;
        if (request.poll_unwanted(waiter)) return Out(fail(Code::cancelled, "unwanted"));
        if (!stream) {
          auto opened = connection_.transport().poll_open_bidi(waiter);
          if (opened.pending()) return kio::kPending;
          if (!*opened) return Out(std::unexpected(opened->error()));
          stream.emplace(std::move((*opened)->send),
                         StreamReader(std::move((*opened)->recv), connection_.version()));
          stream->send->set_priority(transport::kControlPriority);
          Track message;
          message.broadcast = path_;
          message.track = name_;
          stream->send->write(encode_opening(BidiType::track, message, connection_.version()));
        }
        auto info = stream->reader.poll_message<TrackInfo>(waiter);
        if (info.pending()) return kio::kPending;
        if (!*info) return Out(std::unexpected(info->error()));
        if (!**info) return Out(fail(Code::protocol_violation, "TRACK without an answer"));
        const TrackInfo& told = ***info;
        return Out(track::Info{told.priority, told.max_age, told.timescale});
      });
  if (answer && stream) stream->send->finish();
  co_return answer;
}

kio::Task<void> TrackFollower::run(broadcast::TrackRequest taken) {
  PendingRequest pending(std::move(taken));
  name_ = pending.request->name();
  resumed_ = pending.request->former_info().has_value();
  for (;;) {
    if (connection_.draining()) co_return;
    announced_ = announcing_->times;
    auto info = co_await ask_info(*pending.request);
    if (info) {
      auto accepted = pending.take().accept(*info);
      if (!accepted) co_return;
      track_ = *std::move(accepted);
      break;
    }
    const Error& error = info.error();
    MOQ_LOG(debug, kLog, "{}: track {}/{} not served: {}", describe(connection_), path_.text(),
            name_, error.describe());
    if (error.code == Code::cancelled || session_over() || !announcing_->live) co_return;
    if (retry_.gives_up(error, resumed_, known_)) {
      pending.take().reject(error);
      co_return;
    }
    co_await wait_to_retry(*pending.request);
  }
  retry_.reset();
  known_ = has_track_info(connection_.version());
  fetches_.spawn(serve_fetches(track_->clone()));
  for (;;) {
    const Event event =
        co_await kio::wait([this](const kio::Waiter& waiter) { return poll_event(waiter); });
    if (!handle(event)) co_return;
  }
}

kio::Task<void> TrackFollower::wait_to_retry(const broadcast::TrackRequest& request) {
  timer_.set_after(retry_.delay());
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (announced_ != announcing_->times) return kio::Unit{};
    if (timer_.poll(waiter) || request.poll_unwanted(waiter)) return kio::Unit{};
    announcing_->on_change.add(waiter);
    return kio::kPending;
  });
}

bool TrackFollower::session_over() const {
  return connection_.transport().poll_closed(kio::Waiter::none()).ready();
}

bool TrackFollower::should_subscribe() const {
  return demand_ && !stream_ && !connection_.draining() && waiting_ == Wait::nothing;
}

kio::Poll<TrackFollower::Event> TrackFollower::poll_event(const kio::Waiter& waiter) {
  if (!track_) return Event::over;
  if (track_->poll_revoked(waiter)) return Event::over;
  if (auto demand = track_->poll_demand(waiter)) {
    if (!*demand) return Event::over;
    demand_ = **demand;
    return Event::demand;
  }
  if (should_subscribe()) {
    auto opened = connection_.transport().poll_open_bidi(waiter);
    if (opened && !*opened) return Event::over;
    if (opened) {
      opened_.emplace(std::move((*opened)->send),
                      StreamReader(std::move((*opened)->recv), connection_.version()));
      return Event::opened;
    }
  }
  const bool answered = waiting_ == Wait::late_groups || waiting_ == Wait::missing_groups;
  if (stream_ && !answered) {
    auto answer = stream_->reader.poll_answer(waiter);
    if (answer) {
      answer_ = *std::move(answer);
      return Event::answer;
    }
  }
  if (first_group_ == FirstGroup::came) return Event::first_group;
  if (waiting_ == Wait::late_groups && groups_.poll_empty(waiter)) return Event::settled;
  on_change_.add(waiter);
  if (waiting_ == Wait::retry) {
    if (announced_ != announcing_->times) return Event::announced;
    announcing_->on_change.add(waiter);
  }
  if (waiting_ != Wait::nothing && timer_.poll(waiter)) return Event::timer;
  return kio::kPending;
}

bool TrackFollower::handle(Event event) {
  switch (event) {
    case Event::opened:
      subscribe();
      return true;
    case Event::demand:
      return on_demand();
    case Event::answer:
      return on_answer();
    case Event::first_group:
      return on_first_group();
    case Event::settled: {
      // All that had begun has come; is anything missing below the end?
      if (!end_ || !track_->owes_below(*end_)) return finish_track();
      waiting_ = Wait::missing_groups;  // Only the timer, from here on.
      return true;
    }
    case Event::announced:
      // Taken back, and the next route may have it; or told of anew, and to be had again.
      waiting_ = Wait::nothing;
      return announcing_->live;
    case Event::timer:
      return on_timer();
    case Event::over:
      return false;
  }
  std::unreachable();
}

void TrackFollower::arm(Wait what, Duration delay) {
  waiting_ = what;
  timer_.set_after(delay);
}

bool TrackFollower::on_demand() {
  if (!demand_) {
    unsubscribe();
    // Nothing has come that would be worth keeping.
    if (!known_ && track_->poll_unused(kio::Waiter::none())) return false;
    arm(Wait::unused, kUnusedLinger);
    return true;
  }
  if (waiting_ == Wait::unused) waiting_ = Wait::nothing;
  if (waiting_ == Wait::nothing && ask_for_missed()) return true;
  if (stream_ && has_group_range(connection_.version())) {
    SubscribeUpdate update;
    update.range = wanted();
    update.range.group_start = sent_.group_start;  // What has come stays out of it.
    if (update.range != sent_) {
      sent_ = update.range;
      stream_->send->write(encode_message(update, connection_.version()));
    }
  }
  return true;
}

bool TrackFollower::ask_for_missed() {
  if (!has_group_range(connection_.version())) return false;
  if (!stream_ || connection_.draining() || !track_->missed_point()) return false;
  unsubscribe();
  return true;
}

SubscribeRange TrackFollower::wanted() const {
  SubscribeRange range;
  range.priority = demand_->priority;
  range.max_age = demand_->max_age;
  range.group_end = demand_->end;
  range.group_start = demand_->start;
  if (const auto resume = track_->resume_point()) {
    range.group_start = std::max(*resume, demand_->start.value_or(0));
    if (const auto missed = track_->missed_point()) {
      range.group_start = std::min(*range.group_start, *missed);
    }
  }
  return range;
}

void TrackFollower::subscribe() {
  stream_ = *std::exchange(opened_, std::nullopt);
  stream_->send->set_priority(transport::kControlPriority);
  id_ = subscriber_.add_subscription(*this);
  announced_ = announcing_->times;
  first_group_ = has_subscribe_end(connection_.version()) ? FirstGroup::known : FirstGroup::awaited;
  asked_ = sent_ = wanted();
  // Without ranges it tells neither, and gets what there is, however old.
  track_->ask_from(sent_.group_start,
                   has_group_range(connection_.version()) ? sent_.max_age : kUnlimitedAge);
  Subscribe message;
  message.id = id_;
  message.broadcast = path_;
  message.track = name_;
  message.range = sent_;
  stream_->send->write(encode_opening(BidiType::subscribe, message, connection_.version()));
  MOQ_LOG(debug, kLog, "{}: subscribe {} to {}/{} from {}", describe(connection_), id_,
          path_.text(), name_,
          sent_.group_start ? std::to_string(*sent_.group_start) : std::string("the latest"));
}

void TrackFollower::unsubscribe(std::uint32_t code) {
  groups_.clear();
  if (!stream_) return;
  subscriber_.remove_subscription(id_);
  stream_->send->finish();
  stream_->reader.stop(code);
  stream_.reset();
}

bool TrackFollower::on_answer() {
  auto answer = *std::exchange(answer_, std::nullopt);
  if (!answer) return on_subscription_over(answer.error());
  if (!*answer) {
    // FIN. Groups may still be on their way, or lost.
    if (has_subscribe_end(connection_.version()) && !end_) {
      return on_subscription_over(Error(Code::protocol_violation, "FIN before SUBSCRIBE_END"));
    }
    arm(Wait::late_groups, std::max(kLateGroups, std::min<Duration>(sent_.max_age, kUnusedLinger)));
    return true;
  }
  retry_.reset();
  known_ = true;
  if (const auto* start = std::get_if<SubscribeStart>(&**answer)) {
    MOQ_LOG(debug, kLog, "{}: subscription {} to {}/{} starts with {}", describe(connection_), id_,
            path_.text(), name_, start->group);
    begin_from(start->group);
    ask_for_missed();  // Someone more patient may have come since.
  } else if (const auto* end = std::get_if<SubscribeEnd>(&**answer)) {
    end_ = end->group;
    const auto fits = track_->finish_at(end->group);
    if (!fits) {
      MOQ_LOG(warn, kLog, "{}: {}/{}: {}", describe(connection_), path_.text(), name_,
              fits.error().describe());
      // Old JavaScript peers sent an inclusive end on 05.
      if (connection_.version() >= Version::lite_06) {
        abort_track(fits.error());
        return false;
      }
    }
  } else if (const auto* drop = std::get_if<SubscribeDrop>(&**answer)) {
    MOQ_LOG(debug, kLog, "{}: {}/{}: groups {} to {} are dropped, code {}", describe(connection_),
            path_.text(), name_, drop->group_start, drop->group_end, drop->error_code);
    track_->drop_groups({drop->group_start, drop->group_end, sent_.max_age},
                        drop_error(drop->error_code));
  }
  return true;
}

bool TrackFollower::on_first_group() {
  first_group_ = FirstGroup::known;
  // Who cannot be asked for more begins with its newest group.
  if (!has_group_range(connection_.version())) begin_from(first_sequence_);
  if (waiting_ == Wait::nothing) ask_for_missed();  // Someone more patient may have come since.
  return true;
}

bool TrackFollower::on_subscription_over(const Error& error) {
  MOQ_LOG(debug, kLog, "{}: subscription {} to {}/{} failed: {}", describe(connection_), id_,
          path_.text(), name_, error.describe());
  unsubscribe(to_code(error, Scope::stream));
  if (session_over() || !announcing_->live) return false;
  if (retry_.gives_up(error, resumed_, known_)) {
    abort_track(error);
    return false;
  }
  arm(Wait::retry, retry_.delay());
  return true;
}

bool TrackFollower::on_timer() {
  switch (std::exchange(waiting_, Wait::nothing)) {
    case Wait::unused:
      return false;
    case Wait::late_groups:
    case Wait::missing_groups:
      return finish_track();
    case Wait::retry:
    case Wait::nothing:
      return true;
  }
  std::unreachable();
}

bool TrackFollower::finish_track() {
  unsubscribe();
  std::move(*std::exchange(track_, std::nullopt)).finish();
  return false;
}

void TrackFollower::abort_track(const Error& error) {
  if (track_) std::move(*std::exchange(track_, std::nullopt)).abort(error);
  on_change_.wake();
}

}  // namespace moq::net::lite
