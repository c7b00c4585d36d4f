#include "moq/base/log.h"
#include "moq/net/lite/internal/track_follower.h"
#include "moq/net/lite/track.h"

namespace moq::net::lite {
namespace {

constexpr std::string_view kLog = "net";

Error gone() { return {Code::evicted, "the publisher let go of it"}; }

}  // namespace

std::uint64_t TrackFollower::arrival_timestamp() const {
  return static_cast<std::uint64_t>(to_ms(connection_.clock().now().time_since_epoch()));
}

void TrackFollower::accept_group(const GroupHeader& header, StreamReader reader) {
  groups_.spawn(receive_group(header, std::move(reader)));
}

void TrackFollower::receive_datagram(Datagram datagram) {
  if (!track_) return;
  track::Datagram received;
  received.sequence = datagram.sequence;
  received.timestamp = datagram.timestamp;
  received.payload = std::move(datagram.payload);
  track_->forward_datagram(std::move(received));
}

kio::Task<void> TrackFollower::receive_group(GroupHeader header, StreamReader reader) {
  const auto taken = co_await take_group(header, reader, std::nullopt);
  static_cast<void>(taken);
}

kio::Task<Result<void>> TrackFollower::take_group(GroupHeader header, StreamReader& reader,
                                                  std::optional<FrameHeader> first_frame) {
  if (!track_) co_return fail(Code::cancelled);
  auto created = track_->create_group(header.sequence);
  if (!created) {
    const Error error = created.error();
    MOQ_LOG(debug, kLog, "{}: {}/{}: group {} not taken: {}", describe(connection_), path_.text(),
            name_, header.sequence, error.describe());
    const bool past_end = error.code == Code::protocol_violation;
    reader.stop(
        static_cast<std::uint32_t>(past_end ? StreamCode::session_closed : StreamCode::internal));
    if (past_end && connection_.version() >= Version::lite_06) abort_track(error);
    co_return std::unexpected(error);
  }
  if (first_group_ == FirstGroup::awaited) {
    first_group_ = FirstGroup::came;
    first_sequence_ = header.sequence;
    on_change_.wake();
  }
  SuspendedGroup group(*std::move(created));
  auto read = group.producer->start_at(header.frame_start);
  if (read) read = co_await read_frames(reader, *group.producer, first_frame);
  if (read) {
    group.take().finish();
    co_return Result<void>();
  }
  // A lost session suspends the group; anything else ends it.
  if (session_over()) co_return read;
  MOQ_LOG(debug, kLog, "{}: {}/{}: group {} failed: {}", describe(connection_), path_.text(), name_,
          header.sequence, read.error().describe());
  reader.stop(to_code(read.error(), Scope::stream));
  group.take().abort(read.error());
  co_return read;
}

void TrackFollower::begin_from(std::uint64_t group) {
  const std::optional<std::uint64_t> asked = asked_.group_start;
  // For who came since, with more patience, it is asked again for all at once.
  const bool as_asked = !demand_ || demand_->max_age <= asked_.max_age;
  if (has_fetch(connection_.version()) && asked && *asked < group && as_asked) {
    groups_.spawn(fetch_left_out(*asked, group));
  } else {
    track_->begin_from(group, gone());
  }
}

kio::Poll<kio::Unit> TrackFollower::poll_unwanted(const kio::Waiter& waiter,
                                                  std::uint64_t group) const {
  if (!track_) return kio::Unit{};  // Aborted by another task.
  return track_->poll_stale(waiter, group, sent_.max_age);
}

kio::Task<void> TrackFollower::fetch_left_out(std::uint64_t first, std::uint64_t limit) {
  // Mostly they are too old, which shows as soon as newer ones have come.
  kio::Timer timer(connection_.clock());
  timer.set_after(kLookAtLeftOut);
  co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
    if (timer.poll(waiter)) return kio::Unit{};
    return poll_unwanted(waiter, limit - 1);
  });
  std::uint64_t group = limit;
  for (std::size_t fetched = 0; group > first && fetched < kMaxLeftOut; ++fetched) {
    --group;
    if (poll_unwanted(kio::Waiter::none(), group)) break;
    if (!track_->lacks(group)) continue;
    if (connection_.draining()) co_return;  // The next route is asked for the rest.
    const auto taken = co_await fetch_into_track(group);
    if (!taken) break;  // Who does not hold this one holds no older one.
  }
  if (track_) track_->begin_from(limit, gone());
}

kio::Task<Result<void>> TrackFollower::fetch_into_track(std::uint64_t group) {
  auto asked = co_await open_fetch(group, sent_.priority);
  if (!asked) co_return std::unexpected(asked.error());
  // A refusal comes instead of the first frame; or nothing, until nobody wants it any more.
  const auto first = co_await kio::wait([&](const kio::Waiter& waiter) {
    using Out = Result<std::optional<FrameHeader>>;
    if (poll_unwanted(waiter, group)) return kio::Poll<Out>(fail(Code::old));
    return asked->reader.poll_frame(waiter);
  });
  if (!first) co_return std::unexpected(first.error());
  GroupHeader header;
  header.sequence = group;
  auto taken = co_await take_group(header, asked->reader, *first);
  if (taken) asked->send->finish();
  co_return taken;
}

kio::Task<Result<Bidi>> TrackFollower::open_fetch(std::uint64_t group, std::uint8_t priority) {
  auto opened = co_await connection_.transport().open_bidi();
  if (!opened) co_return std::unexpected(opened.error());
  Bidi asked(std::move(opened->send), StreamReader(std::move(opened->recv), connection_.version()));
  asked.send->set_priority(transport::kControlPriority);
  Fetch message;
  message.broadcast = path_;
  message.track = name_;
  message.priority = priority;
  message.group = group;
  asked.send->write(encode_opening(BidiType::fetch, message, connection_.version()));
  co_return std::move(asked);
}

kio::Task<Result<void>> TrackFollower::read_frames(StreamReader& reader, group::Producer& group,
                                                   std::optional<FrameHeader> first_frame) {
  for (;;) {
    // A group that ages out here need not come any further.
    auto header = co_await kio::wait([&](const kio::Waiter& waiter) {
      using Out = Result<std::optional<FrameHeader>>;
      if (auto aborted = group.poll_aborted(waiter)) {
        return kio::Poll<Out>(Out(std::unexpected(*std::move(aborted))));
      }
      if (first_frame) return kio::Poll<Out>(Out(std::exchange(first_frame, std::nullopt)));
      return reader.poll_frame(waiter);
    });
    if (!header) co_return std::unexpected(header.error());
    if (!*header) co_return Result<void>();
    frame::Info info;
    info.size_bytes = (*header)->size_bytes;
    if ((*header)->timestamp) {
      info.timestamp = *(*header)->timestamp;
    } else {
      // Without one on the wire, the time of the first arrival counts.
      const auto known = group.resumed_frame();
      info.timestamp = known ? known->timestamp : arrival_timestamp();
    }
    auto created = group.create_frame(info);
    if (!created) co_return std::unexpected(created.error());
    SuspendedFrame frame(*std::move(created));
    while (reader.payload_remaining() > 0) {
      auto part = co_await reader.payload();
      if (!part) co_return std::unexpected(part.error());
      if (part->empty()) break;
      auto written = frame.producer->write(*std::move(part));
      if (!written) co_return std::unexpected(written.error());
    }
    auto finished = frame.take().finish();
    if (!finished) co_return std::unexpected(finished.error());
  }
}

kio::Task<void> TrackFollower::serve_fetches(track::Producer track) {
  for (;;) {
    auto request = co_await kio::wait(
        [&track](const kio::Waiter& waiter) { return track.poll_requested_group(waiter); });
    if (!request) co_return;
    if (connection_.draining()) {
      // For the next route. Until there is one, this handle tells that fetches are answered.
      std::move(*request).give_back();
      co_await kio::wait(
          [&track](const kio::Waiter& waiter) { return track.poll_revoked(waiter); });
      co_return;
    }
    fetches_.spawn(answer_fetch(*std::move(request)));
  }
}

kio::Task<void> TrackFollower::answer_fetch(track::GroupRequest request) {
  if (!has_fetch(connection_.version())) {
    std::move(request).reject(Error(Code::unsupported, "the peer's version has no FETCH"));
    co_return;
  }
  auto asked = co_await open_fetch(request.sequence(), request.priority());
  if (!asked) co_return;
  StreamReader& reader = asked->reader;
  // A refusal comes instead of the first frame.
  std::optional<group::Producer> group;
  for (;;) {
    auto header = co_await kio::wait([&](const kio::Waiter& waiter) {
      using Out = Result<std::optional<FrameHeader>>;
      // Once nobody waits or reads, the stream is dropped, which stops it.
      if (group ? group->poll_unused(waiter) : request.poll_unwanted(waiter)) {
        return kio::Poll<Out>(Out(std::unexpected(Error(Code::cancelled))));
      }
      return reader.poll_frame(waiter);
    });
    if (!header) {
      if (group) {
        std::move(*group).abort(header.error());
      } else if (!session_over()) {
        std::move(request).reject(header.error());
      }
      co_return;  // A session that is over leaves the fetch to the next one.
    }
    if (!group) group = std::move(request).accept();
    if (!*header) break;
    frame::Info info;
    info.size_bytes = (*header)->size_bytes;
    info.timestamp = (*header)->timestamp.value_or(0);
    auto frame = group->create_frame(info);
    if (!frame) co_return;
    while (reader.payload_remaining() > 0) {
      auto part = co_await kio::wait([&](const kio::Waiter& waiter) {
        if (group->poll_unused(waiter)) {
          return kio::Poll<Result<Bytes>>(std::unexpected(Error(Code::cancelled)));
        }
        return reader.poll_payload(waiter);
      });
      if (!part || part->empty()) co_return;
      if (!frame->write(*std::move(part))) co_return;
    }
    if (!std::move(*frame).finish()) co_return;
  }
  asked->send->finish();
  std::move(*group).finish();
}

}  // namespace moq::net::lite
