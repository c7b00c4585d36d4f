#include <algorithm>
#include <utility>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/subscriber.h"
#include "moq/net/moqt/internal/track_follower.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";

/// The fill that was asked for begins within this time, or there is none.
constexpr Duration kFillPatience = 5s;
/// The peer's last word on a fetch that has all comes within this time, or goes unheard.
constexpr Duration kLastWord = 1s;
/// Within this time of the first object of an offered track the streams show whether the group's
/// head comes, too.
constexpr Duration kHeadPatience = kHolePatience / 2;

Error gone() { return {Code::evicted, "the publisher let go of it"}; }

/// `value` units of `from` per second in units of `to`; at most `kMaxVarint`.
std::uint64_t rescale(std::uint64_t value, std::uint64_t from, std::uint64_t to) {
  if (from != to && from > 0) {
    const __uint128_t scaled = static_cast<__uint128_t>(value) * to / from;
    value = scaled > kMaxVarint ? kMaxVarint : static_cast<std::uint64_t>(scaled);
  }
  return std::min(value, kMaxVarint);
}

}  // namespace

// --- Streams ------------------------------------------------------------------------------------

std::shared_ptr<GroupAssembly> TrackFollower::assembly_of(std::uint64_t group) {
  auto& slot = open_[group];
  if (!slot) slot = std::make_shared<GroupAssembly>(group);
  return slot;
}

void TrackFollower::accept_subgroup(const SubgroupHeader& header, StreamReader reader) {
  ++subscribed_->streams;
  on_change_.wake();
  groups_.spawn(receive_subgroup(header, std::move(reader)));
}

void TrackFollower::receive_datagram(const Datagram& datagram) {
  if (!track_) return;
  if (datagram.status == ObjectStatus::end_of_track) {
    const bool empty = datagram.object == 0;
    (void)end_track_at(empty ? datagram.group : datagram.group + 1);
    return;
  }
  // The model has datagrams beside the groups: each stands for a group of one frame.
  if (datagram.status != ObjectStatus::normal || datagram.object != 0) return;
  track::Datagram received;
  received.sequence = datagram.group;
  received.timestamp = timestamp_of(datagram.properties, std::nullopt);
  received.payload = datagram.payload;
  track_->forward_datagram(std::move(received));
}

kio::Task<void> TrackFollower::receive_subgroup(SubgroupHeader header, StreamReader reader) {
  if (!track_ || header.group > kMaxVarint || header.group == headless_) {
    reader.stop(to_reset_code(Error(Code::cancelled), connection_.draft()));
    co_return;
  }
  const std::shared_ptr<GroupAssembly> group = assembly_of(header.group);
  if (newest_.value_or(0) < header.group || !newest_) newest_ = header.group;
  close_before(header.group);
  if (subscribed_ && subscribed_->pushed && !begun_) {
    begun_ = header.group;
    begin_from(header.group);
    if (track_->lacks(header.group)) groups_.spawn(look_for_head(group));
  }
  Result<void> taken;
  {
    const GroupAssembly::Source source(group);
    taken = co_await take_objects(group, reader, header);
  }
  if (session_over()) co_return;  // The group is left for the next session.
  if (!taken) {
    reader.stop(to_reset_code(taken.error(), connection_.draft()));
    if (!group->over()) fail_group(*group, taken.error());
    co_return;
  }
  settle(group);
}

kio::Task<void> TrackFollower::take_head(std::shared_ptr<GroupAssembly> group,
                                         std::shared_ptr<FetchSlot> fill, Fetch ask) {
  std::unique_ptr<FetchRequest> fetch;
  if (!fill) fetch = std::make_unique<FetchRequest>(subscriber_, std::move(ask));
  Result<void> read;
  {
    const GroupAssembly::Source source(group);
    read = co_await read_head(group, std::move(fill), fetch.get());
  }
  if (session_over()) co_return;
  if (read && fetch) fetches_.spawn(part_from(std::move(fetch)));
  if (group->over()) co_return;
  const bool whole_elsewhere = group->writing() || group->next() > 0;
  if (!read && !group->head_begun && whole_elsewhere) read = {};
  if (read && !whole_elsewhere) read = fail(Code::not_found, "the head of the group is not told");
  group->head_came();
  if (read) {
    settle(group);
    co_return;
  }
  // What is on its way of it is of no use. Readers begin with the next one.
  MOQ_LOG(debug, kLog, "{}: {}/{}: no head of group {}: {}", describe(connection_), path_.text(),
          name_, group->sequence(), read.error().describe());
  headless_ = group->sequence();
  fail_group(*group, read.error());
  if (track_) track_->drop_groups({group->sequence(), group->sequence(), asked_age_}, gone());
}

kio::Task<void> TrackFollower::look_for_head(std::shared_ptr<GroupAssembly> group) {
  co_await kio::sleep(connection_.clock(), kHeadPatience);
  const auto lowest = group->lowest_waiting();
  if (group->over() || group->next() > 0 || !lowest || *lowest == 0) co_return;
  group->expect_head();
  Fetch ask = fetch_of(group->sequence(), demand_ ? demand_->priority : 0);
  ask.range.end->object = *lowest - 1;
  groups_.spawn(take_head(std::move(group), nullptr, std::move(ask)));
}

kio::Task<Result<void>> TrackFollower::read_head(std::shared_ptr<GroupAssembly> group,
                                                 std::shared_ptr<FetchSlot> fill,
                                                 FetchRequest* fetch) {
  if (fill) {
    kio::Timer timer(connection_.clock());
    timer.set_after(kFillPatience);
    const bool came = co_await kio::wait([&](const Waiter& waiter) -> Poll<bool> {
      if (fill->reader) return true;
      if (group->poll_over(waiter) || timer.poll(waiter)) return false;
      fill->on_reader.add(waiter);
      return kio::kPending;
    });
    if (!came) co_return fail(Code::not_found, "no fill");
    if (subscribed_) ++subscribed_->streams;
    on_change_.wake();
    co_return co_await take_objects(group, *fill->reader, std::nullopt);
  }
  auto begun = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<void>> {
    if (group->poll_over(waiter)) return Result<void>(fail(Code::cancelled));
    return fetch->poll_begun(waiter);
  });
  if (!begun) co_return begun;
  co_return co_await take_objects(group, fetch->reader(), std::nullopt);
}

// --- Objects ------------------------------------------------------------------------------------

kio::Task<Result<void>> TrackFollower::take_objects(std::shared_ptr<GroupAssembly> group,
                                                    StreamReader& reader,
                                                    std::optional<SubgroupHeader> header,
                                                    std::optional<Object> first) {
  std::optional<std::uint64_t> last;
  for (;;) {
    auto object =
        co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<std::optional<Object>>> {
          using Out = Result<std::optional<Object>>;
          if (group->poll_over(waiter)) return Out(fail(Code::cancelled));
          if (group->group) {
            // A group that ages out here need not come any further.
            if (auto aborted = group->group->producer->poll_aborted(waiter)) {
              return Out(std::unexpected(*std::move(aborted)));
            }
          }
          if (first) return Out(std::exchange(first, std::nullopt));
          return reader.poll_object(waiter);
        });
    if (!object) co_return std::unexpected(object.error());
    if (!*object) break;
    const Object& next = **object;
    if (next.group != group->sequence()) {
      co_return fail(Code::malformed_track, "an object of another group");
    }
    if (!header) group->head_begun = true;
    last = next.object;
    auto taken = co_await take_object(*group, reader, next);
    if (!taken) co_return taken;
  }
  if (header && header->end_of_group) {
    if (last) {
      group->end_at(*last + 1);
    } else {
      group->end_with_sources();
    }
  }
  co_return Result<void>();
}

kio::Task<Result<void>> TrackFollower::take_object(GroupAssembly& group, StreamReader& reader,
                                                   Object object) {
  switch (object.status) {
    case ObjectStatus::end_of_group:
      group.end_at(object.object);
      co_return Result<void>();
    case ObjectStatus::end_of_track:
      group.end_at(object.object);
      if (object.object == 0) group.close();  // There is no such group.
      co_return end_track_at(object.object == 0 ? object.group : object.group + 1);
    case ObjectStatus::unknown_range:
    case ObjectStatus::timed_out_range:
      co_return std::unexpected(gone());
    default:
      break;
  }
  const std::uint64_t gap = object.status == ObjectStatus::missing_range
                                ? object.object
                                : object.properties.prior_object_gap.value_or(0);
  GroupAssembly::Turn turn = GroupAssembly::Turn::over;
  {
    GroupAssembly::Waiting waiting(group, connection_.clock(), object.object, gap);
    turn = co_await kio::wait([&](const Waiter& waiter) { return waiting.poll(waiter); });
  }
  if (turn == GroupAssembly::Turn::over) co_return fail(Code::cancelled);
  if (object.status != ObjectStatus::normal) {
    group.advance_past(object.object);
    co_return Result<void>();
  }
  if (turn == GroupAssembly::Turn::write) co_return co_await write_object(group, reader, object);
  while (reader.payload_remaining() > 0) {
    auto part = co_await reader.payload();
    if (!part) co_return std::unexpected(part.error());
    if (part->empty()) break;
  }
  co_return Result<void>();
}

kio::Task<Result<void>> TrackFollower::write_object(GroupAssembly& group, StreamReader& reader,
                                                    Object object) {
  const GroupAssembly::Writing writing(group, object.object);
  if (!group.group) {
    if (!track_) co_return fail(Code::cancelled);
    auto created = track_->create_group(group.sequence());
    if (!created) {
      MOQ_LOG(debug, kLog, "{}: {}/{}: group {} not taken: {}", describe(connection_), path_.text(),
              name_, group.sequence(), created.error().describe());
      co_return std::unexpected(created.error());
    }
    group.group.emplace(*std::move(created));
  }
  group::Producer& producer = *group.group->producer;
  frame::Info info;
  info.size_bytes = object.payload_bytes;
  info.timestamp = timestamp_of(object.properties, producer.resumed_frame());
  auto created = producer.create_frame(info);
  if (!created) co_return std::unexpected(created.error());
  SuspendedFrame frame(*std::move(created));
  while (reader.payload_remaining() > 0) {
    auto part = co_await reader.payload();
    if (!part) co_return std::unexpected(part.error());
    if (part->empty()) break;
    auto written = frame.producer->write(*std::move(part));
    if (!written) co_return written;
  }
  co_return frame.take().finish();
}

std::uint64_t TrackFollower::timestamp_of(const ObjectProperties& properties,
                                          const std::optional<frame::Info>& known) {
  const auto scale = properties.timescale ? properties.timescale : timescale_;
  if (properties.timestamp && scale) {
    last_timestamp_ = rescale(*properties.timestamp, *scale, track_->info().timescale);
    return last_timestamp_;
  }
  // Without one on the wire, the time of the first arrival counts; among others that have one, the
  // last of them.
  if (known) return known->timestamp;
  if (timescale_) return last_timestamp_;
  return static_cast<std::uint64_t>(to_ms(connection_.clock().now().time_since_epoch()));
}

Result<void> TrackFollower::end_track_at(std::uint64_t group) {
  if (!track_) return fail(Code::cancelled);
  auto fits = track_->finish_at(group);
  if (fits) return fits;
  MOQ_LOG(warn, kLog, "{}: {}/{}: {}", describe(connection_), path_.text(), name_,
          fits.error().describe());
  abort_track(fits.error());
  return fits;
}

// --- The ends of groups -------------------------------------------------------------------------

void TrackFollower::settle(const std::shared_ptr<GroupAssembly>& group) {
  if (group->over()) {
    open_.erase(group->sequence());
    return;
  }
  if (group->complete()) {
    finish_group(*group);
  } else if (group->idle() && newest_ && *newest_ > group->sequence()) {
    close_before(group->sequence() + 1);
  }
}

void TrackFollower::close_before(std::uint64_t group) {
  for (const auto& [sequence, open] : open_) {
    if (sequence >= group) break;
    if (!open->idle() || open->closing) continue;
    open->closing = true;
    groups_.spawn(close_if_idle(open));
  }
}

kio::Task<void> TrackFollower::close_if_idle(std::shared_ptr<GroupAssembly> group) {
  co_await kio::sleep(connection_.clock(), kHolePatience);
  group->closing = false;
  if (!group->over() && group->idle()) finish_group(*group);
}

void TrackFollower::finish_group(GroupAssembly& group) {
  if (!group.group && track_) {
    // One without objects.
    if (auto created = track_->create_group(group.sequence())) {
      group.group.emplace(*std::move(created));
    }
  }
  if (group.group) group.group->take().finish();
  group.group.reset();
  group.close();
  open_.erase(group.sequence());
}

void TrackFollower::fail_group(GroupAssembly& group, const Error& error) {
  MOQ_LOG(debug, kLog, "{}: {}/{}: group {} failed: {}", describe(connection_), path_.text(), name_,
          group.sequence(), error.describe());
  if (group.group) group.group->take().abort(error);
  group.group.reset();
  group.close();
  open_.erase(group.sequence());
}

// --- Fetches ------------------------------------------------------------------------------------

Fetch TrackFollower::fetch_of(std::uint64_t group, std::uint8_t priority) const {
  Fetch message;
  message.track = {namespace_, name_};
  message.range = LocationFilter::from({group, 0}, RangeEnd{.group = group, .object = {}});
  message.parameters.priority = static_cast<std::uint8_t>(255 - priority);
  message.parameters.group_order = GroupOrder::ascending;
  return message;
}

Fetch TrackFollower::joining_fetch() const {
  Fetch message;
  if (!subscribed_->request) return message;
  message.joining =
      JoiningFetch{.subscription = subscribed_->request->id(), .relative = true, .start = 0};
  message.parameters.priority = subscribed_->priority;
  message.parameters.group_order = GroupOrder::ascending;
  return message;
}

void TrackFollower::begin_from(std::uint64_t group) {
  if (asked_from_ && *asked_from_ < group) {
    fetching_left_out_ = true;
    groups_.spawn(fetch_left_out(group));
  } else {
    track_->begin_from(group, gone());
  }
}

Poll<kio::Unit> TrackFollower::poll_unwanted(const Waiter& waiter, std::uint64_t group) const {
  if (!track_) return kio::Unit{};  // Aborted by another task.
  return track_->poll_stale(waiter, group, asked_age_);
}

kio::Task<void> TrackFollower::fetch_left_out(std::uint64_t limit) {
  // Mostly they are too old, which shows as soon as newer ones have come.
  kio::Timer timer(connection_.clock());
  timer.set_after(kLookAtLeftOut);
  co_await kio::wait([&](const Waiter& waiter) -> Poll<kio::Unit> {
    if (timer.poll(waiter)) return kio::Unit{};
    return poll_unwanted(waiter, limit - 1);
  });
  std::uint64_t group = limit;
  for (std::size_t fetched = 0; group > *asked_from_ && fetched < kMaxLeftOut; ++fetched) {
    --group;
    if (poll_unwanted(Waiter::none(), group)) break;
    if (!track_->lacks(group)) continue;
    if (connection_.draining()) co_return;  // The next route is asked for the rest.
    const auto taken = co_await fetch_into_track(group);
    if (!taken) break;  // Who does not hold this one holds no older one.
  }
  fetching_left_out_ = false;
  if (!track_) co_return;
  track_->ask_from(asked_from_, asked_age_);  // Maybe more than at first.
  track_->begin_from(limit, gone());
}

kio::Task<Result<void>> TrackFollower::fetch_into_track(std::uint64_t sequence) {
  auto fetch = std::make_unique<FetchRequest>(subscriber_,
                                              fetch_of(sequence, demand_ ? demand_->priority : 0));
  // A refusal comes instead of the first object; or nothing, until nobody wants it any more.
  auto first = co_await kio::wait([&](const Waiter& waiter) {
    using Out = Result<std::optional<Object>>;
    if (poll_unwanted(waiter, sequence)) return Poll<Out>(Out(fail(Code::old)));
    return fetch->poll_object(waiter);
  });
  if (!first) co_return std::unexpected(first.error());
  if (!*first) co_return std::unexpected(gone());
  const std::shared_ptr<GroupAssembly> group = assembly_of(sequence);
  Result<void> taken;
  {
    const GroupAssembly::Source source(group);
    taken = co_await take_objects(group, fetch->reader(), std::nullopt, *first);
  }
  if (session_over()) co_return taken;
  if (!taken) {
    if (!group->over()) fail_group(*group, taken.error());
    co_return taken;
  }
  if (!group->over()) {
    group->end_at(group->next());
    settle(group);
  }
  fetches_.spawn(part_from(std::move(fetch)));
  co_return taken;
}

kio::Task<void> TrackFollower::part_from(std::unique_ptr<FetchRequest> fetch) {
  kio::Timer timer(connection_.clock());
  timer.set_after(kLastWord);
  co_await kio::wait([&](const Waiter& waiter) -> Poll<kio::Unit> {
    if (timer.poll(waiter)) return kio::Unit{};
    return fetch->poll_answered(waiter);
  });
}

kio::Task<void> TrackFollower::serve_fetches(track::Producer track) {
  for (;;) {
    auto request = co_await kio::wait(
        [&track](const Waiter& waiter) { return track.poll_requested_group(waiter); });
    if (!request) co_return;
    if (connection_.draining()) {
      // For the next route. Until there is one, this handle tells that fetches are answered.
      std::move(*request).give_back();
      co_await kio::wait([&track](const Waiter& waiter) { return track.poll_revoked(waiter); });
      co_return;
    }
    fetches_.spawn(answer_fetch(*std::move(request)));
  }
}

kio::Task<void> TrackFollower::answer_fetch(track::GroupRequest request) {
  auto fetch =
      std::make_unique<FetchRequest>(subscriber_, fetch_of(request.sequence(), request.priority()));
  std::optional<group::Producer> group;
  for (;;) {
    auto object = co_await kio::wait([&](const Waiter& waiter) {
      using Out = Result<std::optional<Object>>;
      // Once nobody waits or reads, the fetch is dropped, which cancels it.
      if (group ? group->poll_unused(waiter) : request.poll_unwanted(waiter)) {
        return Poll<Out>(Out(fail(Code::cancelled)));
      }
      return fetch->poll_object(waiter);
    });
    if (!object || (!*object && !group)) {
      const Error error = object ? Error(Code::not_found, "no such group") : object.error();
      if (group) {
        std::move(*group).abort(error);
      } else if (!session_over()) {
        std::move(request).reject(error);
      }
      co_return;  // A session that is over leaves the fetch to the next one.
    }
    if (!*object) break;
    const Object& next = **object;
    const bool missing =
        next.status == ObjectStatus::missing_range || next.status == ObjectStatus::does_not_exist;
    if (missing || next.status == ObjectStatus::end_of_group) continue;
    if (!group) group = std::move(request).accept();
    if (next.status != ObjectStatus::normal) {
      std::move(*group).abort(gone());
      co_return;
    }
    frame::Info info;
    info.size_bytes = next.payload_bytes;
    info.timestamp = timestamp_of(next.properties, frame::Info{});
    auto frame = group->create_frame(info);
    if (!frame) co_return;
    while (fetch->reader().payload_remaining() > 0) {
      auto part = co_await kio::wait([&](const Waiter& waiter) {
        if (group->poll_unused(waiter)) {
          return Poll<Result<Bytes>>(Result<Bytes>(fail(Code::cancelled)));
        }
        return fetch->reader().poll_payload(waiter);
      });
      if (!part || part->empty()) co_return;
      if (!frame->write(*std::move(part))) co_return;
    }
    if (!std::move(*frame).finish()) co_return;
  }
  std::move(*group).finish();
  co_await part_from(std::move(fetch));
}

}  // namespace moq::net::moqt
