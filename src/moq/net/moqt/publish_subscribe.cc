#include <algorithm>

#include "moq/base/log.h"
#include "moq/net/internal/group_writer.h"
#include "moq/net/moqt/internal/publisher.h"
#include "moq/net/moqt/limits.h"

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

/// One SUBSCRIBE: follows the track, opens a stream for each group, and tells how it ends.
class SubscriptionServer {
 public:
  SubscriptionServer(Publisher& publisher, IncomingRequest request, broadcast::Consumer broadcast)
      : publisher_(publisher),
        connection_(publisher.connection_),
        draft_(connection_.draft()),
        request_(std::move(request)),
        joinable_(std::make_shared<Joinable>()),
        fills_(connection_.runtime().executor),
        datagrams_(connection_.runtime().executor),
        groups_(connection_.runtime().executor) {
    const auto& subscribe = request_.as<Subscribe>();
    const Parameters& wanted = subscribe.parameters;
    filter_ = wanted.filter.value_or(LocationFilter{});

    priority_ = flip_priority(wanted.priority.value_or(kDefaultPriority));
    delivery_timeout_ = wanted.delivery_timeout;
    ascending_ = wanted.group_order == GroupOrder::ascending;
    forward_ = wanted.forward.value_or(true);
    joinable_->broadcast = std::move(broadcast);
    joinable_->track = subscribe.track.name;
    joinable_->from_next_object = filter_.kind == LocationFilter::Kind::next_object;
    publisher_.subscriptions_.emplace(request_.id(), joinable_);
    publisher_.on_subscription_.wake();
  }
  ~SubscriptionServer() {
    publisher_.subscriptions_.erase(request_.id());
    joinable_->over = true;
    joinable_->on_change.wake();
  }
  SubscriptionServer(const SubscriptionServer&) = delete;
  SubscriptionServer& operator=(const SubscriptionServer&) = delete;

  /// Serves until the track or the peer ends it.
  kio::Task<void> run() {
    if (forward_) subscribe();
    const track::InfoRequest asked = joinable_->broadcast->info(joinable_->track);
    auto info = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<track::Info>> {
      if (auto left = poll_left(waiter)) return std::unexpected(*std::move(left));
      return asked.poll(waiter);
    });
    if (!info) {
      MOQ_LOG(debug, kLog, "{}: subscription {} refused: {}", describe(connection_), request_.id(),
              info.error().describe());
      request_.reject(info.error());
      co_return;
    }
    begin(*info, asked.edge());
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

 private:
  using NextGroup = Result<std::optional<group::Consumer>>;

  /// Applies the updates that come, which they may at any time. Ready, with the cause, once the
  /// peer has left or an update ends the subscription.
  Poll<Error> poll_left(const Waiter& waiter) {
    while (auto update = request_.poll_update(waiter)) {
      if (!*update) return update->error();
      if (auto refused = apply(**update)) return *std::move(refused);
    }
    return kio::kPending;
  }

  Poll<NextGroup> poll_group(const Waiter& waiter) {
    for (;;) {
      if (auto left = poll_left(waiter)) return std::unexpected(*std::move(left));
      if (!track_) return kio::kPending;
      auto next = track_->poll_next_group(waiter);
      if (next.ready()) return next;
      if (is_complete()) return NextGroup(std::nullopt);
      return kio::kPending;
    }
  }

  /// All groups up to the end of what is wanted have come.
  [[nodiscard]] bool is_complete() const {
    return end_ && !awaits_first_ && end_->group >= start_.group &&
           !track_->may_come(start_.group, end_->group);
  }

  void begin(const track::Info& info, const std::optional<track::Edge>& edge) {
    info_ = info;
    known_ = true;
    SubscribeOk ok;
    ok.track_alias = request_.id();
    ok.parameters.largest = largest_of(edge);
    ok.track = track_properties(info);
    MOQ_LOG(debug, kLog, "{}: subscription {} accepted, now at {}", describe(connection_),
            request_.id(), edge ? std::to_string(edge->group) : std::string("nothing"));
    request_.reply(std::move(ok));
    place(edge);
    joinable_->info = info;
    joinable_->edge = edge;
    joinable_->started = true;
    joinable_->on_change.wake();
    const auto& fill = request_.as<Subscribe>().parameters.fill;
    if (fill && forward_) fills_.spawn(send_fill(request_.id(), *fill, edge));
  }

  [[nodiscard]] track::Subscription subscription() const {
    track::Subscription wanted;
    wanted.priority = priority_;
    if (awaits_first_) return wanted;  // The newest group, whichever that is.
    wanted.max_age = delivery_timeout_.value_or(known_ ? info_.max_age : kUnlimitedAge);
    wanted.start = start_.group;
    if (end_) wanted.end = end_->group;
    return wanted;
  }

  void subscribe() {
    awaits_first_ = true;
    if (filter_.kind == LocationFilter::Kind::absolute) place(std::nullopt);
    if (filter_.kind == LocationFilter::Kind::unfiltered) place(std::nullopt);
    track_.emplace(joinable_->broadcast->subscribe(joinable_->track, subscription()));
    datagrams_.spawn(send_datagrams());
  }

  /// Finds where the filter starts, given how far the track has come.
  void place(const std::optional<track::Edge>& edge) {
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

  void start_at(Location start) {
    start_ = start;
    awaits_first_ = false;
    if (track_) track_->update(subscription());
  }

  /// Takes in an update; fails with what ends the subscription if it cannot.
  std::optional<Error> apply(const RequestUpdate& update) {
    const Parameters& wanted = update.parameters;
    const bool reversed = wanted.filter && wanted.filter->is_reversed();
    if (!wanted.ranges.empty() || reversed) {
      const RequestCode code = reversed ? RequestCode::invalid_range : RequestCode::not_supported;
      request_.reject_update(update, code, "cannot be changed so");
      update_failed_ = true;
      return Error(Code::unsupported, "an update failed");
    }
    if (wanted.priority) {
      priority_ = flip_priority(*wanted.priority);
      publisher_.order_.set_priority(request_.id(), priority_);
    }
    if (wanted.delivery_timeout) delivery_timeout_ = wanted.delivery_timeout;
    if (wanted.filter) filter_ = *wanted.filter;
    if (wanted.forward) set_forward(*wanted.forward);
    const auto edge = track_ ? track_->edge() : std::nullopt;
    if (wanted.filter && track_) place(edge);
    if (track_) track_->update(subscription());
    request_.accept_update(update);
    if (wanted.fill && track_ && known_) {
      fills_.spawn(send_fill(update.request_id, *wanted.fill, edge));
    }
    return std::nullopt;
  }

  void set_forward(bool forward) {
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
    track_.reset();
  }

  /// What was wanted is over: once all of it is out, PUBLISH_DONE.
  kio::Task<void> finish() {
    const auto track_end = track_->poll_end(Waiter::none());
    const bool ended = track_end && *track_end && (!end_ || end_->group >= **track_end);
    co_await kio::wait(
        [this](const Waiter& waiter) -> Poll<kio::Unit> { return poll_sent(waiter); });
    if (ended && !left_) {
      groups_.spawn(send_end(**track_end));
      co_await kio::wait(
          [this](const Waiter& waiter) -> Poll<kio::Unit> { return poll_sent(waiter); });
    }
    if (left_) {
      end(*left_);
      co_return;
    }
    done(ended ? DoneCode::track_ended : DoneCode::subscription_ended, "");
    (void)co_await kio::wait(
        [this](const Waiter& waiter) { return request_.poll_finished(waiter); });
  }

  /// Ready once all streams have arrived, or the peer has left.
  Poll<kio::Unit> poll_sent(const Waiter& waiter) {
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

  void done(DoneCode code, std::string reason) {
    PublishDone message;
    message.code = code;
    message.stream_count = streams_;
    message.reason = std::move(reason);
    request_.reply(std::move(message));
    request_.finish();
  }

  void end(const Error& error) {
    groups_.clear();
    fills_.clear();
    datagrams_.clear();
    MOQ_LOG(debug, kLog, "{}: subscription {} over: {}", describe(connection_), request_.id(),
            error.describe());
    if (request_.left()) return;
    done(update_failed_ ? DoneCode::update_failed : to_done_code(error), error.text);
  }

  kio::Task<void> send_group(group::Consumer group) {
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
    bool written = false;
    auto sent = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<void>> {
      if (!written) {
        auto done = writer.poll_write(waiter);
        if (done && !*done) return *std::move(done);
        if (done) {
          written = true;
          stream.finish();
        } else if (!writer.blocked()) {
          return kio::kPending;
        }
      }
      if (written) {
        if (auto finished = stream.poll_finished(waiter)) return *std::move(finished);
      }
      // What waits for the network may grow too old to be worth its bandwidth.
      if (track_->poll_stale(waiter, sequence)) return fail(Code::old, "the group grew too old");
      return kio::kPending;
    });
    if (!sent) {
      MOQ_LOG(debug, kLog, "{}: group {} of subscription {} not sent: {}", describe(connection_),
              sequence, request_.id(), sent.error().describe());
      // A group that comes too late is a delivery timeout here.
      const bool late = sent.error().code == Code::old && delivery_timeout_;
      stream.reset(to_reset_code(late ? Error(Code::timeout) : sent.error(), draft_));
    }
  }

  /// END_OF_TRACK, on a stream of its own.
  kio::Task<void> send_end(std::uint64_t track_end) {
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

  [[nodiscard]] SendOrder::Key key_of(std::uint64_t sequence) const {
    return {priority_, request_.id(), ascending_ ? UINT64_MAX - sequence : sequence};
  }
  [[nodiscard]] SubgroupHeader header_of(std::uint64_t sequence) const {
    SubgroupHeader header;
    header.track_alias = request_.id();
    header.group = sequence;
    header.priority = flip_priority(info_.priority);
    return header;
  }
  void write_header(const SubgroupHeader& header, transport::SendStream& stream) const {
    Writer out = writer_of(draft_);
    header.write(out, draft_);
    stream.write(out.take());
  }

  /// What FILL_PARAMETERS asked for, with `edge` where the track stood when it came.
  kio::Task<void> send_fill(std::uint64_t request_id, Fill fill, std::optional<track::Edge> edge) {
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

  kio::Task<void> send_datagrams() {
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
      datagram.track_alias = request_.id();
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

  Publisher& publisher_;
  Connection& connection_;
  const Draft draft_;
  IncomingRequest request_;
  const std::shared_ptr<Joinable> joinable_;
  LocationFilter filter_;
  std::uint8_t priority_ = 0;  ///< As in the model.
  std::optional<Duration> delivery_timeout_;
  bool ascending_ = false;
  bool forward_ = true;
  bool known_ = false;  ///< `info_` is.
  track::Info info_;
  Location start_;
  std::optional<RangeEnd> end_;
  bool awaits_first_ = true;  ///< The first group that comes will be the start.
  bool update_failed_ = false;
  std::optional<Error> left_;
  std::uint64_t streams_ = 0;
  std::optional<track::Consumer> track_;  ///< None while paused.
  kio::TaskGroup fills_;
  kio::TaskGroup datagrams_;
  kio::TaskGroup groups_;  // Last: its tasks use all of the above.
};

kio::Task<void> Publisher::serve_subscribe(IncomingRequest request) {
  const auto& subscribe = request.as<Subscribe>();
  if (!subscribe.parameters.ranges.empty()) {
    request.reject(RequestCode::not_supported, "range filters");
    co_return;
  }
  if (subscribe.parameters.filter && subscribe.parameters.filter->is_reversed()) {
    request.reject(RequestCode::invalid_range, "the end is before the start");
    co_return;
  }
  auto broadcast = find(subscribe.track.track_namespace);
  if (!broadcast) {
    request.reject(broadcast.error());
    co_return;
  }
  MOQ_LOG(debug, kLog, "{}: subscription {} to {}", describe(connection_), request.id(),
          describe(subscribe.track));
  SubscriptionServer server(*this, std::move(request), *std::move(broadcast));
  co_await server.run();
}

}  // namespace moq::net::moqt
