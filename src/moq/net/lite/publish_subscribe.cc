#include <algorithm>

#include "moq/base/log.h"
#include "moq/net/internal/group_writer.h"
#include "moq/net/lite/internal/publisher.h"

namespace moq::net::lite {
namespace {

constexpr std::string_view kLog = "net";

track::Subscription to_subscription(const SubscribeRange& range) {
  track::Subscription subscription;
  subscription.priority = range.priority;
  subscription.max_age = range.max_age;
  subscription.start = range.group_start;
  subscription.end = range.group_end;
  return subscription;
}

}  // namespace

/// One SUBSCRIBE: follows the track, opens a stream for each group, and tells start and end.
class SubscriptionServer {
 public:
  SubscriptionServer(Publisher& publisher, Subscribe request, track::Consumer track)
      : publisher_(publisher),
        connection_(publisher.connection_),
        request_(std::move(request)),
        track_(std::move(track)),
        groups_(connection_.runtime().executor) {}

  /// Serves until the track or the peer ends it.
  kio::Task<void> run(Bidi stream) {
    const Version version = connection_.version();
    auto info =
        co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<track::Info>> {
          if (auto left = poll_left(waiter, stream.reader))
            return std::unexpected(*std::move(left));
          return track_.poll_info(waiter);
        });
    if (!info) {
      end(stream, info.error());
      co_return;
    }
    if (has_subscribe_ok(version)) {
      SubscribeOk ok;
      ok.priority = request_.range.priority;
      stream.send->write(encode_answer(ok, version));
    }
    if (!has_raw_group_start(version) && !request_.range.group_start) start_at_latest();
    if (has_datagrams(version)) groups_.spawn(send_datagrams());

    for (;;) {
      auto group = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<NextGroup> {
        if (auto left = poll_left(waiter, stream.reader)) return std::unexpected(*std::move(left));
        return track_.poll_next_group(waiter);
      });
      if (!group) {
        end(stream, group.error());
        co_return;
      }
      if (!*group) break;  // The track is over.
      if (!started_) tell_start(stream, track_.lowest_to_come((*group)->sequence()));
      ++streams_;
      groups_.spawn(send_group(*std::move(*group)));
    }
    co_await finish(stream);
  }

 private:
  using NextGroup = Result<std::optional<group::Consumer>>;

  /// Applies the SUBSCRIBE_UPDATEs that come, which they may at any time. Ready, with the cause,
  /// once the peer has left or broken the stream.
  kio::Poll<Error> poll_left(const kio::Waiter& waiter, StreamReader& reader) {
    while (auto update = reader.poll_message<SubscribeUpdate>(waiter)) {
      if (!*update) return update->error();
      if (!**update) return Error(Code::cancelled, "unsubscribed");
      apply((**update)->range);
    }
    return kio::kPending;
  }

  void apply(const SubscribeRange& range) {
    track::Subscription subscription = to_subscription(range);
    if (latest_start_ && !range.group_start) subscription.start = latest_start_;
    track_.update(subscription);
    publisher_.order_.set_priority(request_.id, range.priority);
    request_.range = range;
  }

  /// Up to 05, no start means the newest group: the one of the beginning, also after updates.
  void start_at_latest() {
    latest_start_ = track_.latest();
    track::Subscription subscription = track_.subscription();
    subscription.start = latest_start_;
    track_.update(subscription);
  }

  void tell_start(Bidi& stream, std::uint64_t sequence) {
    started_ = true;
    if (!has_subscribe_end(connection_.version())) return;
    SubscribeStart start;
    start.group = sequence;
    stream.send->write(encode_answer(start, connection_.version()));
  }

  /// A clean end of the track: the end, then, once all groups are out, FIN.
  kio::Task<void> finish(Bidi& stream) {
    const Version version = connection_.version();
    if (has_subscribe_end(version)) {
      auto track_end = track_.poll_end(kio::Waiter::none());
      SubscribeEnd message;
      message.group = track_end && *track_end ? **track_end : 0;
      message.streams = streams_;
      stream.send->write(encode_answer(message, version));
    }
    co_await kio::wait([this, &stream](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (groups_.poll_empty(waiter) || poll_left(waiter, stream.reader)) return kio::Unit{};
      return kio::kPending;
    });
    groups_.clear();
    stream.send->finish();
    (void)co_await stream.send->finished();
  }

  void end(Bidi& stream, const Error& error) {
    groups_.clear();
    MOQ_LOG(debug, kLog, "{}: subscription {} to {}/{} over: {}", describe(connection_),
            request_.id, request_.broadcast.text(), request_.track, error.describe());
    if (error.code == Code::cancelled) {
      stream.send->finish();
    } else {
      stream.send->reset(to_code(error, Scope::stream));
    }
  }

  kio::Task<void> send_group(group::Consumer group) {
    const std::uint64_t sequence = group.sequence();
    auto opened = co_await kio::wait([&](const kio::Waiter& waiter) {
      using Out = Result<std::unique_ptr<transport::SendStream>>;
      // A group that nobody wants any more is not worth a stream.
      if (track_.poll_stale(waiter, sequence)) {
        return kio::Poll<Out>(Out(std::unexpected(Error(Code::old))));
      }
      // Nor is one that has left the cache.
      if (auto gone = group.poll_aborted(waiter)) {
        return kio::Poll<Out>(Out(std::unexpected(*std::move(gone))));
      }
      return connection_.transport().poll_open_uni(waiter);
    });
    if (!opened) co_return;
    transport::SendStream& stream = **opened;
    const SendOrder::Key key{request_.range.priority, request_.id, sequence};
    const SendOrder::Place place = publisher_.order_.insert(key, stream);
    GroupHeader header;
    header.subscribe_id = request_.id;
    header.sequence = sequence;
    const SubscribeRange& range = request_.range;  // Names frames from 06 on alone.
    if (sequence == range.group_start) header.frame_start = range.frame_start;
    const auto last_frame = sequence == range.group_end ? range.frame_end : std::nullopt;
    stream.write(encode_opening(UniType::group, header, connection_.version()));
    group.start_at(static_cast<std::size_t>(header.frame_start));

    GroupWriter writer(stream, std::move(group), FrameHeaders(connection_.version()), last_frame);
    auto sent = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<void>> {
      return writer.poll_send(
          waiter, [&](const kio::Waiter& stale) { return track_.poll_stale(stale, sequence); });
    });
    if (!sent) {
      MOQ_LOG(debug, kLog, "{}: group {} of {} not sent: {}", describe(connection_), sequence,
              request_.track, sent.error().describe());
      stream.reset(to_code(sent.error(), Scope::stream));
    }
  }

  kio::Task<void> send_datagrams() {
    for (;;) {
      auto next = co_await track_.datagram();
      if (!next || !*next) co_return;
      Datagram datagram;
      datagram.subscribe_id = request_.id;
      datagram.sequence = (*next)->sequence;
      datagram.timestamp = (*next)->timestamp;
      datagram.payload = (*next)->payload;
      connection_.transport().send_datagram(datagram.encode(connection_.version()));
    }
  }

  Publisher& publisher_;
  Connection& connection_;
  Subscribe request_;
  track::Consumer track_;
  std::optional<std::uint64_t> latest_start_;  ///< The group that "the latest" stood for.
  bool started_ = false;
  std::uint64_t streams_ = 0;
  kio::TaskGroup groups_;  // Last: its tasks use all of the above.
};

kio::Task<void> Publisher::serve_subscribe(Bidi stream) {
  auto message = co_await stream.reader.message<Subscribe>();
  if (!message || !*message) {
    refuse(stream, message ? Error(Code::cancelled) : message.error(), "SUBSCRIBE");
    co_return;
  }
  co_await connection_.peer_ready();
  Subscribe request = **std::move(message);
  const auto broadcast = find(request.broadcast);
  if (!broadcast) {
    refuse(stream, broadcast.error(), "SUBSCRIBE");
    co_return;
  }
  track::Consumer track = broadcast->subscribe(request.track, to_subscription(request.range));
  MOQ_LOG(debug, kLog, "{}: subscription {} to {}/{}", describe(connection_), request.id,
          request.broadcast.text(), request.track);
  SubscriptionServer server(*this, std::move(request), std::move(track));
  co_await server.run(std::move(stream));
}

}  // namespace moq::net::lite
