#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "moq/net/moqt/internal/publisher.h"

namespace moq::net::moqt {

/// A subscription as its publisher serves it: follows the track, opens a stream for each group, and
/// tells how it ends. The peer has begun it by SUBSCRIBE, or we have by PUBLISH.
class SubscriptionServer {
 public:
  /// For a SUBSCRIBE.
  SubscriptionServer(Publisher& publisher, IncomingRequest request, broadcast::Consumer broadcast);
  /// For a PUBLISH of `offer`, which `publisher` knows of.
  SubscriptionServer(Publisher& publisher, PushOffer offer);
  ~SubscriptionServer();
  SubscriptionServer(const SubscriptionServer&) = delete;
  SubscriptionServer& operator=(const SubscriptionServer&) = delete;

  /// Serves a SUBSCRIBE until the track or the peer ends it.
  kio::Task<void> run();
  /// Says PUBLISH, and serves what the peer makes of it.
  kio::Task<void> run_push();

 private:
  using NextGroup = Result<std::optional<group::Consumer>>;

  SubscriptionServer(Publisher& publisher, std::variant<IncomingRequest, OutgoingRequest> request,
                     std::shared_ptr<Joinable> joinable);

  /// Takes in what the subscriber wants, from its request or from the answer to ours.
  void want(const Parameters& wanted);
  /// Lets a FETCH join.
  void enlist();
  /// The answer to our PUBLISH; fails unless it is accepted.
  Poll<Result<void>> poll_accepted(const Waiter& waiter);
  /// Ready once the peer asks by SUBSCRIBE for what is pushed.
  Poll<Error> poll_superseded(const Waiter& waiter);
  /// From the answer on.
  kio::Task<void> serve();

  /// Applies the updates that come, which they may at any time. Ready, with the cause, once the
  /// peer has left or an update ends the subscription.
  Poll<Error> poll_left(const Waiter& waiter);
  Poll<NextGroup> poll_group(const Waiter& waiter);
  /// While paused: how the track ended, if it did.
  Poll<NextGroup> poll_ended(const Waiter& waiter);
  /// All groups up to the end of what is wanted have come.
  [[nodiscard]] bool is_complete() const;
  void begin(const track::Info& info, const std::optional<track::Edge>& edge);
  void mark_started(const std::optional<track::Edge>& edge);
  [[nodiscard]] track::Subscription subscription() const;
  void subscribe();
  /// Finds where the filter starts, given how far the track has come.
  void place(const std::optional<track::Edge>& edge);
  void start_at(Location start);
  /// Takes in an update; fails with what ends the subscription if it cannot.
  std::optional<Error> apply(const RequestUpdate& update);
  void set_forward(bool forward);
  /// What was wanted is over: once all of it is out, PUBLISH_DONE.
  kio::Task<void> finish();
  /// Ready once all streams have arrived, or the peer has left.
  Poll<kio::Unit> poll_sent(const Waiter& waiter);
  void done(DoneCode code, std::string reason);
  void end(const Error& error);

  kio::Task<void> send_group(group::Consumer group);
  /// END_OF_TRACK, on a stream of its own.
  kio::Task<void> send_end(std::uint64_t track_end);
  [[nodiscard]] SendOrder::Key key_of(std::uint64_t sequence) const;
  [[nodiscard]] SubgroupHeader header_of(std::uint64_t sequence) const;
  void write_header(const SubgroupHeader& header, transport::SendStream& stream) const;
  /// What FILL_PARAMETERS asked for, with `edge` where the track stood when it came.
  kio::Task<void> send_fill(std::uint64_t request_id, Fill fill, std::optional<track::Edge> edge);
  kio::Task<void> send_datagrams();

  /// Calls `use` with the request, whichever it is.
  template <typename Use>
  auto with_request(Use use) {
    return std::visit(use, request_);
  }
  [[nodiscard]] std::uint64_t id() const {
    return std::visit([](const auto& request) { return request.id(); }, request_);
  }

  Publisher& publisher_;
  Connection& connection_;
  const Draft draft_;
  std::variant<IncomingRequest, OutgoingRequest> request_;
  const std::shared_ptr<Joinable> joinable_;
  std::shared_ptr<PushWish> wish_;  ///< Of a push.
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
  bool track_over_ = false;  ///< The track ended while it was paused.
  bool enlisted_ = false;
  std::optional<Error> left_;
  std::uint64_t streams_ = 0;
  std::optional<track::Consumer> track_;  ///< None while paused.
  std::optional<track::Watch> watch_;     ///< For then.
  kio::TaskGroup fills_;
  kio::TaskGroup datagrams_;
  kio::TaskGroup groups_;  // Last: its tasks use all of the above.
};

}  // namespace moq::net::moqt
