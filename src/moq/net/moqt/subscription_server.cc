#include "moq/net/moqt/internal/subscription_server.h"

#include <algorithm>

#include "moq/base/log.h"
#include "moq/net/internal/group_writer.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";

/// What precedes the objects of a subgroup, for a `GroupWriter`.
class SubgroupHeaders {
 public:
  SubgroupHeaders(const SubgroupHeader& header, const track::Info& track, Draft draft)
      : writer_(header, draft), group_(header.group), track_(track), draft_(draft) {}
  Result<Bytes> encode(const group::Chunk& first) {
    Object object;
    object.group = group_;
    object.object = first.frame_index;
    object.properties = object_properties(*first.begins, track_, draft_);
    object.payload_bytes = first.begins->size_bytes;
    return writer_.write(object);
  }

 private:
  SubgroupObjectWriter writer_;
  std::uint64_t group_;
  track::Info track_;
  Draft draft_;
};

/// `back` groups before the one after `edge`.
std::uint64_t groups_back(const track::Edge& edge, std::uint64_t back) {
  return edge.group + 1 - std::min(back, edge.group + 1);
}

}  // namespace

SubscriptionServer::SubscriptionServer(Publisher& publisher,
                                       std::variant<IncomingRequest, OutgoingRequest> request,
                                       std::shared_ptr<Joinable> joinable)
    : publisher_(publisher),
      connection_(publisher.connection_),
      draft_(connection_.draft()),
      request_(std::move(request)),
      joinable_(std::move(joinable)),
      priority_(flip_priority(kDefaultPriority)),
      fills_(connection_.runtime().executor),
      datagrams_(connection_.runtime().executor),
      groups_(connection_.runtime().executor) {}

SubscriptionServer::SubscriptionServer(Publisher& publisher, IncomingRequest request,
                                       broadcast::Consumer broadcast)
    : SubscriptionServer(publisher, std::move(request), std::make_shared<Joinable>()) {
  const auto& subscribe = std::get<IncomingRequest>(request_).as<Subscribe>();
  want(subscribe.parameters);
  joinable_->broadcast = std::move(broadcast);
  joinable_->track = subscribe.track.name;
  enlist();
}

SubscriptionServer::SubscriptionServer(Publisher& publisher, PushOffer offer)
    : SubscriptionServer(publisher, OutgoingRequest(publisher.connection_, offer.message()),
                         offer.joinable) {
  want(offer.wish->parameters);
  info_ = joinable_->info;
  known_ = true;
  wish_ = std::move(offer.wish);
  watch_ = std::move(offer.watch);
}

SubscriptionServer::~SubscriptionServer() {
  if (wish_) publisher_.pushes_.remove(joinable_);
  if (enlisted_) publisher_.subscriptions_.erase(id());
  joinable_->over = true;
  joinable_->on_change.wake();
}

void SubscriptionServer::want(const Parameters& wanted) {
  if (wanted.filter) filter_ = *wanted.filter;
  if (wanted.priority) priority_ = flip_priority(*wanted.priority);
  if (wanted.delivery_timeout) delivery_timeout_ = wanted.delivery_timeout;
  if (wanted.group_order) ascending_ = *wanted.group_order == GroupOrder::ascending;
  if (wanted.forward) forward_ = *wanted.forward;
  joinable_->from_next_object = filter_.kind == LocationFilter::Kind::next_object;
}

void SubscriptionServer::enlist() {
  enlisted_ = publisher_.subscriptions_.emplace(id(), joinable_).second;
  publisher_.on_subscription_.wake();
}

kio::Task<void> SubscriptionServer::run() {
  if (forward_) subscribe();
  const track::InfoRequest asked = joinable_->broadcast->info(joinable_->track);
  auto info = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<track::Info>> {
    if (auto left = poll_left(waiter)) return std::unexpected(*std::move(left));
    return asked.poll(waiter);
  });
  if (!info) {
    MOQ_LOG(debug, kLog, "{}: subscription {} refused: {}", describe(connection_), id(),
            info.error().describe());
    std::get<IncomingRequest>(request_).reject(info.error());
    co_return;
  }
  watch_.emplace(asked.watch());
  begin(*info, asked.edge());
  co_await serve();
}

kio::Task<void> SubscriptionServer::run_push() {
  auto accepted =
      co_await kio::wait([this](const Waiter& waiter) { return poll_accepted(waiter); });
  if (!accepted) {
    end(accepted.error());
    co_return;
  }
  MOQ_LOG(debug, kLog, "{}: '{}' is taken as {}", describe(connection_), joinable_->track, id());
  enlist();
  mark_started(joinable_->edge);
  if (forward_) {
    subscribe();
    place(joinable_->edge);
  }
  co_await serve();
}

Poll<Result<void>> SubscriptionServer::poll_accepted(const Waiter& waiter) {
  using Out = Result<void>;
  auto& request = std::get<OutgoingRequest>(request_);
  if (auto superseded = poll_superseded(waiter)) return Out(std::unexpected(*superseded));
  if (!request.sent()) {
    if (wish_->over) return Out(fail(Code::cancelled, "nothing is wanted any more"));
    wish_->on_over.add(waiter);
  }
  // What is finished can still be had.
  const auto fate = watch_->poll_over(waiter);
  if (fate && *fate != track::Watch::Fate::finished) {
    return Out(fail(Code::closed, "the track is gone"));
  }
  auto reply = request.poll_reply(waiter);
  if (reply.pending()) return kio::kPending;
  if (!*reply) return Out(std::unexpected(reply->error()));
  if (!**reply) return Out(fail(Code::cancelled, "the peer left"));
  if (const auto* refused = std::get_if<RequestError>(&***reply)) {
    request.finish();  // So there is nothing to be ended.
    return Out(std::unexpected(from_request_code(refused->code, refused->reason)));
  }
  if (decides_in_publish_ok(draft_)) want(std::get<RequestOk>(***reply).parameters);
  if (filter_.is_reversed()) {
    return Out(fail(Code::invalid_argument, "the end is before the start"));
  }
  return Out();
}

Poll<Error> SubscriptionServer::poll_superseded(const Waiter& waiter) {
  if (!wish_) return kio::kPending;
  if (joinable_->superseded) return Error(Code::closed, "the peer asks for the track itself");
  joinable_->on_change.add(waiter);
  return kio::kPending;
}

kio::Task<void> SubscriptionServer::serve() {
  for (;;) {
    auto group = co_await kio::wait([this](const Waiter& waiter) { return poll_group(waiter); });
    if (!group) {
      end(group.error());
      co_return;
    }
    if (!*group) break;  // The track, or what was wanted of it, is over.
    if (awaits_first_) start_at({(*group)->sequence(), 0});
    groups_.spawn(send_group(*std::move(*group)));
  }
  co_await finish();
}

Poll<Error> SubscriptionServer::poll_left(const Waiter& waiter) {
  for (;;) {
    auto update = with_request([&waiter](auto& request) { return request.poll_update(waiter); });
    if (update.pending()) break;
    if (!*update) return update->error();
    if (auto refused = apply(**update)) return *std::move(refused);
  }
  return poll_superseded(waiter);
}

Poll<SubscriptionServer::NextGroup> SubscriptionServer::poll_group(const Waiter& waiter) {
  for (;;) {
    if (auto left = poll_left(waiter)) return std::unexpected(*std::move(left));
    if (!track_) return poll_ended(waiter);
    auto next = track_->poll_next_group(waiter);
    if (next.ready()) return next;
    if (is_complete()) return NextGroup(std::nullopt);
    return kio::kPending;
  }
}

Poll<SubscriptionServer::NextGroup> SubscriptionServer::poll_ended(const Waiter& waiter) {
  if (!watch_) return kio::kPending;
  const auto fate = watch_->poll_over(waiter);
  if (fate.pending()) return kio::kPending;
  track_over_ = *fate == track::Watch::Fate::finished;
  if (track_over_) return NextGroup(std::nullopt);
  return NextGroup(fail(Code::closed, "nobody serves the track any more"));
}

bool SubscriptionServer::is_complete() const {
  return end_ && !awaits_first_ && end_->group >= start_.group &&
         !track_->may_come(start_.group, end_->group);
}

void SubscriptionServer::begin(const track::Info& info, const std::optional<track::Edge>& edge) {
  info_ = info;
  known_ = true;
  SubscribeOk ok;
  ok.track_alias = id();
  ok.parameters.largest = largest_of(edge);
  ok.track = track_properties(info);
  MOQ_LOG(debug, kLog, "{}: subscription {} accepted, now at {}", describe(connection_), id(),
          edge ? std::to_string(edge->group) : std::string("nothing"));
  auto& request = std::get<IncomingRequest>(request_);
  request.reply(std::move(ok));
  place(edge);
  mark_started(edge);
  const auto& fill = request.as<Subscribe>().parameters.fill;
  if (fill && forward_) fills_.spawn(send_fill(id(), *fill, edge));
}

void SubscriptionServer::mark_started(const std::optional<track::Edge>& edge) {
  joinable_->info = info_;
  joinable_->edge = edge;
  joinable_->started = true;
  joinable_->on_change.wake();
}

track::Subscription SubscriptionServer::subscription() const {
  track::Subscription wanted;
  wanted.priority = priority_;
  if (awaits_first_) return wanted;  // The newest group, whichever that is.
  wanted.max_age = delivery_timeout_.value_or(known_ ? info_.max_age : kUnlimitedAge);
  wanted.start = start_.group;
  if (end_) wanted.end = end_->group;
  return wanted;
}

void SubscriptionServer::subscribe() {
  awaits_first_ = true;
  if (filter_.kind == LocationFilter::Kind::absolute) place(std::nullopt);
  if (filter_.kind == LocationFilter::Kind::unfiltered) place(std::nullopt);
  track_.emplace(joinable_->broadcast->subscribe(joinable_->track, subscription()));
  datagrams_.spawn(send_datagrams());
}

void SubscriptionServer::place(const std::optional<track::Edge>& edge) {
  switch (filter_.kind) {
    case LocationFilter::Kind::unfiltered:
      start_at({});
      break;
    case LocationFilter::Kind::next_object:
      if (edge) start_at({edge->group, edge->frames});
      break;
    case LocationFilter::Kind::relative:
      if (edge) start_at({groups_back(*edge, filter_.groups_back), 0});
      break;
    case LocationFilter::Kind::absolute:
      end_ = filter_.end;
      start_at(filter_.start);
      break;
  }
}

void SubscriptionServer::start_at(Location start) {
  start_ = start;
  awaits_first_ = false;
  if (track_) track_->update(subscription());
}

std::optional<Error> SubscriptionServer::apply(const RequestUpdate& update) {
  const Parameters& wanted = update.parameters;
  const bool reversed = wanted.filter && wanted.filter->is_reversed();
  if (!wanted.ranges.empty() || reversed) {
    const RequestCode code = reversed ? RequestCode::invalid_range : RequestCode::not_supported;
    with_request(
        [&](auto& request) { request.reject_update(update, code, "cannot be changed so"); });
    update_failed_ = true;
    return Error(Code::unsupported, "an update failed");
  }
  if (wanted.priority) {
    priority_ = flip_priority(*wanted.priority);
    publisher_.order_.set_priority(id(), priority_);
  }
  if (wanted.delivery_timeout) delivery_timeout_ = wanted.delivery_timeout;
  if (wanted.filter) filter_ = *wanted.filter;
  if (wanted.forward) set_forward(*wanted.forward);
  const auto edge = track_ ? track_->edge() : std::nullopt;
  if (wanted.filter && track_) place(edge);
  if (track_) track_->update(subscription());
  with_request([&](auto& request) { request.accept_update(update); });
  if (wanted.fill && track_ && known_) {
    fills_.spawn(send_fill(update.request_id, *wanted.fill, edge));
  }
  return std::nullopt;
}

void SubscriptionServer::set_forward(bool forward) {
  if (std::exchange(forward_, forward) == forward) return;
  if (forward) {
    // Nothing is said of what came meanwhile: it goes on with what comes next.
    if (filter_.kind != LocationFilter::Kind::absolute) {
      filter_ = LocationFilter::next_object();
    }
    subscribe();
    if (known_) place(track_->edge());
    return;
  }
  groups_.clear();
  fills_.clear();
  datagrams_.clear();
  if (track_) watch_.emplace(track_->watch());
  track_.reset();
}

kio::Task<void> SubscriptionServer::finish() {
  Poll<Result<std::uint64_t>> track_end = kio::kPending;
  if (track_) track_end = track_->poll_end(Waiter::none());
  const bool sends_end = track_end && *track_end && (!end_ || end_->group >= **track_end);
  const bool ended = sends_end || track_over_;
  co_await kio::wait([this](const Waiter& waiter) -> Poll<kio::Unit> { return poll_sent(waiter); });
  if (sends_end && !left_) {
    groups_.spawn(send_end(**track_end));
    co_await kio::wait(
        [this](const Waiter& waiter) -> Poll<kio::Unit> { return poll_sent(waiter); });
  }
  if (left_) {
    end(*left_);
    co_return;
  }
  done(ended ? DoneCode::track_ended : DoneCode::subscription_ended, "");
  (void)co_await kio::wait([this](const Waiter& waiter) {
    return with_request([&waiter](auto& request) { return request.poll_finished(waiter); });
  });
}

Poll<kio::Unit> SubscriptionServer::poll_sent(const Waiter& waiter) {
  if (left_) return kio::Unit{};
  if (auto left = poll_left(waiter)) {
    left_ = *std::move(left);
    return kio::Unit{};
  }
  const bool groups = groups_.poll_empty(waiter).ready();
  const bool fills = fills_.poll_empty(waiter).ready();
  if (groups && fills) return kio::Unit{};
  return kio::kPending;
}

void SubscriptionServer::done(DoneCode code, std::string reason) {
  PublishDone message;
  message.code = code;
  message.stream_count = streams_;
  message.reason = std::move(reason);
  with_request([&message](auto& request) {
    request.reply(std::move(message));
    request.finish();
  });
}

void SubscriptionServer::end(const Error& error) {
  groups_.clear();
  fills_.clear();
  datagrams_.clear();
  MOQ_LOG(debug, kLog, "{}: subscription {} over: {}", describe(connection_), id(),
          error.describe());
  if (with_request([](auto& request) { return request.left(); })) return;
  done(update_failed_ ? DoneCode::update_failed : to_done_code(error), error.text);
}

kio::Task<void> SubscriptionServer::send_group(group::Consumer group) {
  const std::uint64_t sequence = group.sequence();
  auto opened = co_await kio::wait([&](const Waiter& waiter) {
    using Out = Result<std::unique_ptr<transport::SendStream>>;
    // A group that nobody wants any more is not worth a stream.
    if (track_->poll_stale(waiter, sequence)) {
      return Poll<Out>(Out(std::unexpected(Error(Code::old))));
    }
    // Nor is one that has left the cache.
    if (auto gone = group.poll_aborted(waiter)) {
      return Poll<Out>(Out(std::unexpected(*std::move(gone))));
    }
    return connection_.transport().poll_open_uni(waiter);
  });
  if (!opened) co_return;
  transport::SendStream& stream = **opened;
  ++streams_;
  const SendOrder::Place place = publisher_.order_.insert(key_of(sequence), stream);
  const std::uint64_t first = sequence == start_.group ? start_.object : 0;
  const auto last = end_ && sequence == end_->group ? end_->object : std::nullopt;
  SubgroupHeader header = header_of(sequence);
  header.has_properties = true;
  header.end_of_group = !last;
  header.first_object = first == 0;
  write_header(header, stream);
  group.start_at(static_cast<std::size_t>(std::min<std::uint64_t>(first, SIZE_MAX)));

  GroupWriter writer(stream, std::move(group), SubgroupHeaders(header, info_, draft_), last);
  auto sent = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<void>> {
    return writer.poll_send(
        waiter, [&](const Waiter& stale) { return track_->poll_stale(stale, sequence); });
  });
  if (!sent) {
    MOQ_LOG(debug, kLog, "{}: group {} of subscription {} not sent: {}", describe(connection_),
            sequence, id(), sent.error().describe());
    // A group that comes too late is a delivery timeout here.
    const bool late = sent.error().code == Code::old && delivery_timeout_;
    stream.reset(to_reset_code(late ? Error(Code::timeout) : sent.error(), draft_));
  }
}

kio::Task<void> SubscriptionServer::send_end(std::uint64_t track_end) {
  auto opened = co_await connection_.transport().open_uni();
  if (!opened) co_return;
  transport::SendStream& stream = **opened;
  ++streams_;
  SubgroupHeader header = header_of(track_end);
  header.end_of_group = true;
  header.first_object = true;
  write_header(header, stream);
  Object object;
  object.group = track_end;
  object.status = ObjectStatus::end_of_track;
  if (auto bytes = SubgroupObjectWriter(header, draft_).write(object)) {
    stream.write(*std::move(bytes));
  }
  stream.finish();
  (void)co_await stream.finished();
}

SendOrder::Key SubscriptionServer::key_of(std::uint64_t sequence) const {
  return {priority_, id(), ascending_ ? UINT64_MAX - sequence : sequence};
}
SubgroupHeader SubscriptionServer::header_of(std::uint64_t sequence) const {
  SubgroupHeader header;
  header.track_alias = id();
  header.group = sequence;
  header.priority = flip_priority(info_.priority);
  return header;
}
void SubscriptionServer::write_header(const SubgroupHeader& header,
                                      transport::SendStream& stream) const {
  Writer out = writer_of(draft_);
  header.write(out, draft_);
  stream.write(out.take());
}

kio::Task<void> SubscriptionServer::send_fill(std::uint64_t request_id, Fill fill,
                                              std::optional<track::Edge> edge) {
  if (!edge) co_return;
  const LocationFilter filter = fill.filter.value_or(filter_);
  const Location largest = *largest_of(edge);
  RangeJob job{.broadcast = joinable_->broadcast->clone(),
               .track = joinable_->track,
               .request_id = request_id,
               .start = {},
               .end = {largest.group, largest.object},
               .order = fill.group_order.value_or(GroupOrder::ascending),
               .priority = fill.priority ? flip_priority(*fill.priority) : priority_,
               .info = info_};
  switch (filter.kind) {
    case LocationFilter::Kind::unfiltered:
      break;
    case LocationFilter::Kind::next_object:
      co_return;
    case LocationFilter::Kind::relative:
      job.start.group = groups_back(*edge, filter.groups_back);
      break;
    case LocationFilter::Kind::absolute:
      job.start = filter.start;
      if (filter.end && filter.end->group < largest.group) job.end = *filter.end;
      if (filter.end && filter.end->group == largest.group && filter.end->object) {
        job.end.object = std::min(*filter.end->object, largest.object);
      }
      break;
  }
  if (job.start > largest || filter.is_reversed()) co_return;
  auto opened = co_await connection_.transport().open_uni();
  if (!opened) co_return;
  ++streams_;
  transport::SendStream& stream = **opened;
  auto sent = co_await publisher_.send_range(job, stream, std::nullopt);
  if (sent) co_return;
  MOQ_LOG(debug, kLog, "{}: fill of {} not sent: {}", describe(connection_), request_id,
          sent.error().describe());
  stream.reset(to_reset_code(sent.error(), draft_));
}

kio::Task<void> SubscriptionServer::send_datagrams() {
  co_await kio::wait([this](const Waiter& waiter) -> Poll<kio::Unit> {
    if (known_) return kio::Unit{};
    joinable_->on_change.add(waiter);
    return kio::kPending;
  });
  for (;;) {
    auto next = co_await track_->datagram();
    if (!next || !*next) co_return;
    frame::Info frame;
    frame.timestamp = (*next)->timestamp;
    Datagram datagram;
    datagram.track_alias = id();
    datagram.group = (*next)->sequence;
    datagram.priority = flip_priority(info_.priority);
    datagram.end_of_group = true;
    datagram.properties = object_properties(frame, info_, draft_);
    datagram.payload = (*next)->payload;
    if (auto bytes = datagram.encode(draft_)) {
      connection_.transport().send_datagram(*std::move(bytes));
    }
  }
}

}  // namespace moq::net::moqt
