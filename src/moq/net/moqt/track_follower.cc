#include "moq/net/moqt/internal/track_follower.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/subscriber.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";

/// Priorities count down on the wire; what nobody asked for has the middle.
std::uint8_t to_wire_priority(const std::optional<track::Subscription>& demand) {
  return demand ? static_cast<std::uint8_t>(255 - demand->priority) : kDefaultPriority;
}

}  // namespace

TrackFollower::TrackFollower(Subscriber& subscriber, Path path,
                             std::shared_ptr<Announcing> announcing)
    : subscriber_(subscriber),
      connection_(subscriber.connection()),
      namespace_(from_path(path)),
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

// --- The beginning ------------------------------------------------------------------------------

kio::Task<void> TrackFollower::run(broadcast::TrackRequest request) {
  const bool begun = co_await begin(std::move(request));
  if (!begun) co_return;
  fetches_.spawn(serve_fetches(track_->clone()));
  for (;;) {
    const Event event =
        co_await kio::wait([this](const Waiter& waiter) { return poll_event(waiter); });
    if (!handle(event)) co_return;
  }
}

kio::Task<bool> TrackFollower::begin(broadcast::TrackRequest request) {
  PendingRequest pending(std::move(request));
  name_ = pending.request->name();
  if (auto former = pending.request->former_info()) {
    // What it is has been known, and where to go on tells the track.
    resumed_ = true;
    if (connection_.draining()) co_return false;
    auto accepted = pending.take().accept(*former);
    if (!accepted) co_return false;
    track_ = *std::move(accepted);
    co_return true;
  }
  for (;;) {
    if (connection_.draining()) co_return false;
    subscribe(pending.request->demand());
    auto reply = co_await kio::wait([&](const Waiter& waiter) -> Poll<std::optional<Reply>> {
      if (pending.request->poll_unwanted(waiter)) return std::optional<Reply>();
      auto answer = poll_reply(waiter);
      if (answer.pending()) return kio::kPending;
      return std::optional<Reply>(*std::move(answer));
    });
    if (!reply) co_return false;
    Refusal refusal = to_refusal(*reply);
    if (!refusal.error) {
      const auto& ok = std::get<SubscribeOk>(***reply);
      if (auto unusable = unusable_because(ok)) {
        pending.take().reject(*unusable);
        co_return false;
      }
      auto accepted = pending.take().accept(to_info(ok));
      if (!accepted) co_return false;
      track_ = *std::move(accepted);
      co_return on_accepted(ok);
    }
    unsubscribe();
    MOQ_LOG(debug, kLog, "{}: track {}/{} not served: {}", describe(connection_), path_.text(),
            name_, refusal.error->describe());
    if (session_over() || !announcing_->live) co_return false;
    if (retry_.gives_up(*refusal.error, false, false) || refusal.final) {
      pending.take().reject(*refusal.error);
      co_return false;
    }
    timer_.set_after(std::max(retry_.delay(), refusal.retry_after));
    co_await kio::wait([&](const Waiter& waiter) -> Poll<kio::Unit> {
      if (announced_ != announcing_->times) return kio::Unit{};
      if (timer_.poll(waiter) || pending.request->poll_unwanted(waiter)) return kio::Unit{};
      announcing_->on_change.add(waiter);
      return kio::kPending;
    });
    if (!announcing_->live) co_return false;
  }
}

TrackFollower::Refusal TrackFollower::to_refusal(const Reply& reply) const {
  Refusal refusal;
  if (!reply) {
    refusal.error = reply.error();
  } else if (!*reply) {
    refusal.error = Error(Code::protocol_violation, "the subscription ended without PUBLISH_DONE");
  } else if (const auto* error = std::get_if<RequestError>(&**reply)) {
    refusal.error = from_request_code(error->code, error->reason);
    refusal.retry_after = error->retry_after.value_or(Duration::zero());
    refusal.final = has_retry_interval(connection_.draft()) && !error->retry_after;
  }
  return refusal;
}

std::optional<Error> TrackFollower::unusable_because(const SubscribeOk& ok) const {
  const auto unknown = ok.track.unknown_mandatory(connection_.draft());
  if (!unknown) return std::nullopt;
  return Error(Code::unsupported, "the track needs property " + std::to_string(*unknown));
}

track::Info TrackFollower::to_info(const SubscribeOk& ok) {
  track::Info info;
  info.priority = static_cast<std::uint8_t>(255 - ok.track.priority.value_or(kDefaultPriority));
  if (ok.track.timescale)
    info.timescale = std::clamp<std::uint64_t>(*ok.track.timescale, 1, kMaxVarint);
  return info;
}

// --- Its life -----------------------------------------------------------------------------------

bool TrackFollower::session_over() const {
  return connection_.transport().poll_closed(Waiter::none()).ready();
}

bool TrackFollower::should_subscribe() const {
  return demand_ && !subscribed_ && !connection_.draining() && waiting_ == Wait::nothing;
}

void TrackFollower::Subscribed::set_priority(std::uint8_t wire_priority, Draft draft) {
  if (priority == wire_priority) return;
  priority = wire_priority;
  if (pushed) return pushed->set_priority(priority);
  Parameters change;
  change.priority = priority;
  if (has_inline_subscribe_fields(draft)) {
    // There an update says all, and may not widen the range.
    change.forward = true;
    change.filter = LocationFilter::from(start);
  }
  request->update(change);
}

Poll<TrackFollower::Reply> TrackFollower::poll_reply(const Waiter& waiter) {
  if (subscribed_->pushed) return subscribed_->pushed->poll_reply(waiter);
  auto reply = subscribed_->request->poll_reply(waiter);
  // The fill comes under the id that the request has only now, and maybe before the answer.
  if (subscribed_->fill && !subscribed_->fill_id && subscribed_->request->sent()) {
    subscribed_->fill_id = subscribed_->request->id();
    subscriber_.expect_fetch(*subscribed_->fill_id, subscribed_->fill);
  }
  return reply;
}

bool TrackFollower::all_streams_came() const {
  const auto& count = subscribed_->done->stream_count;
  return !count || subscribed_->streams >= *count;
}

Poll<TrackFollower::Event> TrackFollower::poll_event(const Waiter& waiter) {
  if (!track_) return Event::over;
  if (track_->poll_revoked(waiter)) return Event::over;
  if (auto demand = track_->poll_demand(waiter)) {
    if (!*demand) return Event::over;
    demand_ = **demand;
    return Event::demand;
  }
  if (should_subscribe()) return Event::subscribe;
  if (subscribed_ && !subscribed_->done) {
    if (auto reply = poll_reply(waiter)) {
      reply_ = *std::move(reply);
      return Event::answer;
    }
  }
  if (waiting_ == Wait::late_groups && all_streams_came() && groups_.poll_empty(waiter)) {
    return Event::settled;
  }
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
    case Event::subscribe:
      subscribe(demand_);
      return true;
    case Event::demand:
      return on_demand();
    case Event::answer:
      return on_answer(*std::exchange(reply_, std::nullopt));
    case Event::announced:
      // Taken back, and the next route may have it; or told of anew, and to be had again.
      waiting_ = Wait::nothing;
      return announcing_->live;
    case Event::settled:
      return finish_track();
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
    arm(Wait::unused, kUnusedLinger);
    return true;
  }
  if (waiting_ == Wait::unused) waiting_ = Wait::nothing;
  if (!subscribed_ || !subscribed_->alias) return true;
  ask_for_missed();
  subscribed_->set_priority(to_wire_priority(demand_), connection_.draft());
  return true;
}

void TrackFollower::subscribe(const std::optional<track::Subscription>& demand) {
  announced_ = announcing_->times;
  begun_.reset();
  headless_.reset();
  asked_from_.reset();
  asked_age_ = demand ? demand->max_age : Duration::zero();
  if (demand) asked_from_ = demand->start;
  if (track_) {
    if (const auto resume = track_->resume_point()) {
      asked_from_ = std::max(*resume, demand->start.value_or(0));
      if (const auto missed = track_->missed_point()) {
        asked_from_ = std::min(*asked_from_, *missed);
      }
    }
    track_->ask_from(asked_from_, asked_age_);
  }
  MOQ_LOG(debug, kLog, "{}: subscribe to {}/{} from {}", describe(connection_), path_.text(), name_,
          asked_from_ ? std::to_string(*asked_from_) : std::string("the latest"));
  if (auto offered = subscriber_.pushed(path_, name_)) {
    subscribed_.emplace(offered);
    subscribed_->priority = to_wire_priority(demand);
    offered->begin(subscribed_->priority);
    return;
  }
  Subscribe message;
  message.track = {namespace_, name_};
  message.parameters.forward = true;
  message.parameters.priority = to_wire_priority(demand);
  message.parameters.filter = LocationFilter::next_object();
  message.parameters.group_order = GroupOrder::descending;
  std::shared_ptr<FetchSlot> fill;
  if (has_fill(connection_.draft())) {
    Fill head;
    head.filter = LocationFilter::relative(1);
    message.parameters.fill = head;
    fill = std::make_shared<FetchSlot>();
  }
  const std::uint8_t priority = *message.parameters.priority;
  subscribed_.emplace(OutgoingRequest(connection_, std::move(message)));
  subscribed_->fill = std::move(fill);
  subscribed_->priority = priority;
}

void TrackFollower::unsubscribe() {
  groups_.clear();
  fetching_left_out_ = false;
  open_.clear();
  if (!subscribed_) return;
  if (subscribed_->alias) subscriber_.remove_alias(*subscribed_->alias);
  if (subscribed_->fill_id) subscriber_.forget_fetch(*subscribed_->fill_id);
  subscribed_.reset();
}

bool TrackFollower::on_answer(Reply reply) {
  const Refusal refusal = to_refusal(reply);
  if (refusal.error) return on_subscription_over(refusal);
  Message& message = **reply;
  if (const auto* ok = std::get_if<SubscribeOk>(&message)) {
    if (auto unusable = unusable_because(*ok)) {
      abort_track(*unusable);
      return false;
    }
    return on_accepted(*ok);
  }
  if (auto* done = std::get_if<PublishDone>(&message)) return on_done(std::move(*done));
  // PUBLISH_STATE_NOTIFY tells what the streams tell, too.
  return true;
}

bool TrackFollower::on_accepted(const SubscribeOk& ok) {
  retry_.reset();
  known_ = true;
  timescale_ = ok.track.timescale;
  track_->ask_from(asked_from_, asked_age_);
  const auto& largest = ok.parameters.largest;
  MOQ_LOG(debug, kLog, "{}: {}/{} comes as {}, now at {}", describe(connection_), path_.text(),
          name_, ok.track_alias, largest ? std::to_string(largest->group) : std::string("nothing"));
  // An offer may be old: its first stream shows where it goes on.
  const bool current = subscribed_->pushed == nullptr;
  if (largest && largest->object < UINT64_MAX) {
    track_->tell_edge(track::Edge{largest->group, largest->object + 1});
    subscribed_->start = {largest->group, largest->object + 1};
  }
  if (largest && current) {
    begun_ = largest->group;
    begin_from(largest->group);
    if (track_->lacks(largest->group)) {
      auto group = assembly_of(largest->group);
      group->expect_head();
      groups_.spawn(take_head(std::move(group), subscribed_->fill, joining_fetch()));
    }
  }
  if (!subscriber_.add_alias(ok.track_alias, *this, !current)) {
    connection_.violated(
        close_error(CloseCode::duplicate_track_alias, "the alias is that of another track"));
    return false;
  }
  subscribed_->alias = ok.track_alias;
  if (demand_) ask_for_missed();  // Someone more patient may have come since.
  return true;
}

void TrackFollower::ask_for_missed() {
  if (connection_.draining() || !begun_) return;
  const auto missed = track_->missed_point();
  if (!missed && demand_->max_age <= asked_age_) return;
  asked_age_ = std::max(asked_age_, demand_->max_age);
  if (missed) asked_from_ = std::min(asked_from_.value_or(*missed), *missed);
  if (fetching_left_out_) return;  // It goes on as far as is asked for now.
  track_->ask_from(asked_from_, asked_age_);
  begin_from(*begun_);
}

bool TrackFollower::on_done(PublishDone done) {
  const auto error = from_done_code(done.code, done.reason);
  if (error || done.code != DoneCode::track_ended) {
    Refusal refusal;
    refusal.error = error.value_or(Error(Code::closed, "the publisher ended the subscription"));
    return on_subscription_over(refusal);
  }
  subscribed_->done = std::move(done);
  arm(Wait::late_groups, std::max(kLateGroups, std::min<Duration>(asked_age_, kUnusedLinger)));
  return true;
}

bool TrackFollower::on_subscription_over(const Refusal& refusal) {
  MOQ_LOG(debug, kLog, "{}: subscription to {}/{} over: {}", describe(connection_), path_.text(),
          name_, refusal.error->describe());
  unsubscribe();
  if (session_over() || !announcing_->live) return false;
  const bool had_it = resumed_ || known_;
  if (retry_.gives_up(*refusal.error, resumed_, known_) || (refusal.final && !had_it)) {
    abort_track(*refusal.error);
    return false;
  }
  arm(Wait::retry, std::max(retry_.delay(), refusal.retry_after));
  return true;
}

bool TrackFollower::on_timer() {
  switch (std::exchange(waiting_, Wait::nothing)) {
    case Wait::unused:
      return false;
    case Wait::late_groups:
      return finish_track();
    case Wait::retry:
    case Wait::nothing:
      return true;
  }
  std::unreachable();
}

bool TrackFollower::finish_track() {
  // What has its streams through is whole.
  std::vector<std::shared_ptr<GroupAssembly>> left;
  for (const auto& [sequence, group] : open_) left.push_back(group);
  for (const auto& group : left) {
    if (group->idle()) {
      finish_group(*group);
    } else {
      fail_group(*group, Error(Code::timeout, "the track has ended"));
    }
  }
  unsubscribe();
  std::move(*std::exchange(track_, std::nullopt)).finish();
  return false;
}

void TrackFollower::abort_track(const Error& error) {
  if (track_) std::move(*std::exchange(track_, std::nullopt)).abort(error);
  on_change_.wake();
}

}  // namespace moq::net::moqt
