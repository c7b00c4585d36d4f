#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/time.h"
#include "moq/net/group.h"

namespace moq::net::track {

struct State;
struct FetchState;
class Consumer;
class Watch;

/// Properties of a track, fixed for its life. draft-lcurley-moq-lite, TRACK_INFO.
struct Info {
  std::uint8_t priority = 127;     ///< The publisher's; higher is sooner.
  Duration max_age = 5s;           ///< How long groups that were superseded stay cached.
  std::uint64_t timescale = 1000;  ///< Timestamp units per second; at least 1.
  bool operator==(const Info&) const = default;
};

/// What one subscriber wants of a track. draft-lcurley-moq-lite, SUBSCRIBE.
struct Subscription {
  std::uint8_t priority = 0;            ///< Higher is sooner.
  Duration max_age = Duration::zero();  ///< How stale a group may get; zero = the newest only.
  std::optional<std::uint64_t> start;   ///< Lowest group wanted; none = no floor.
  std::optional<std::uint64_t> end;     ///< Last group wanted, inclusive; none = open.
  bool operator==(const Subscription&) const = default;
};

/// How far a track has come.
struct Edge {
  std::uint64_t group = 0;   ///< The newest group that has a frame.
  std::uint64_t frames = 0;  ///< Those that have begun in it.
  bool operator==(const Edge&) const = default;
};

/// Groups that a source will not send.
struct Dropped {
  std::uint64_t first = 0;
  std::uint64_t last = 0;            ///< Inclusive.
  Duration max_age = kUnlimitedAge;  ///< What it was told of how old groups may be.
};

/// A single message beside the groups, unreliable.
struct Datagram {
  std::uint64_t sequence = 0;
  std::uint64_t timestamp = 0;  ///< In the track's timescale.
  Bytes payload;
  bool operator==(const Datagram&) const = default;
};

/// A fetch of one group that waits for its publisher to answer. Dropping it refuses; a route of an
/// origin gives it back, for its session may end at any moment. `Producer::poll_unused` of the
/// group that answers tells when its reader left.
class GroupRequest {
 public:
  GroupRequest(std::shared_ptr<State> state, std::shared_ptr<FetchState> fetch);
  GroupRequest(GroupRequest&&) noexcept = default;
  GroupRequest& operator=(GroupRequest&&) = delete;
  ~GroupRequest();
  [[nodiscard]] std::uint64_t sequence() const;
  [[nodiscard]] std::uint8_t priority() const;
  /// Answers with a group to be written.
  group::Producer accept() &&;
  void reject(Error error) &&;
  /// Puts it back for whoever serves the track next.
  void give_back() &&;
  /// Ready once nobody wants the answer any more.
  kio::Poll<kio::Unit> poll_unwanted(const kio::Waiter& waiter) const;

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<FetchState> fetch_;
};

/// Waits for one group. Dropping it gives the fetch up.
class Fetch {
 public:
  Fetch(std::shared_ptr<State> state, std::shared_ptr<FetchState> fetch);
  Fetch(Fetch&&) noexcept = default;
  Fetch& operator=(Fetch&&) = delete;
  ~Fetch();
  /// The group, as soon as it begins to come. Fails with `not_found` and the like.
  kio::Poll<Result<group::Consumer>> poll(const kio::Waiter& waiter);
  auto result() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll(waiter); });
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<FetchState> fetch_;
};

/// Interest in a track without subscribing: asks its publisher for the properties.
class InfoRequest {
 public:
  explicit InfoRequest(std::shared_ptr<State> state);
  InfoRequest(InfoRequest&&) noexcept = default;
  InfoRequest& operator=(InfoRequest&&) = delete;
  ~InfoRequest();
  kio::Poll<Result<Info>> poll(const kio::Waiter& waiter) const;
  /// Where the track stands, by what is cached.
  [[nodiscard]] std::optional<Edge> edge() const;
  /// Where it stands by what is cached or by what its source told, whichever is farther.
  [[nodiscard]] std::optional<Edge> farthest() const;
  [[nodiscard]] Watch watch() const;
  auto result() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll(waiter); });
  }

 private:
  std::shared_ptr<State> state_;
};

/// Sees whether anybody subscribes to a track, and counts neither as its writer nor as its reader.
class Interest {
 public:
  explicit Interest(std::weak_ptr<State> state) : state_(std::move(state)) {}
  /// False, too, once the track is over.
  [[nodiscard]] bool subscribed() const;

 private:
  std::weak_ptr<State> state_;
};

/// Sees how a track ends that nobody here reads, and counts neither as its writer nor as its
/// reader.
class Watch {
 public:
  enum class Fate : std::uint8_t {
    finished,
    aborted,
    idle,  ///< Nobody serves it, and nobody wants it.
  };
  explicit Watch(std::weak_ptr<State> state) : state_(std::move(state)) {}
  kio::Poll<Fate> poll_over(const kio::Waiter& waiter) const;

 private:
  std::weak_ptr<State> state_;
};

/// Writes a track. When its last clone is dropped before the end, a track that another route or
/// handler could serve goes on waiting for it if it belongs to an origin, or if nobody reads it;
/// any other is aborted. A track lives as long as its writers and readers. After `finish()` its
/// broadcast keeps it for readers that come later, unless that was asked of a `broadcast::Dynamic`:
/// until the broadcast ends, another track of that name begins, or `kMaxFinishedTracks` others
/// have finished since.
class Producer {
 public:
  explicit Producer(std::shared_ptr<State> state);
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&& other) noexcept;
  ~Producer();
  [[nodiscard]] Producer clone() const;

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] Info info() const;

  /// Begins the group after the newest one.
  Result<group::Producer> append_group();
  /// Begins group `sequence`, or resumes one that its writer suspended. Fails with `duplicate` if
  /// it has come or is coming, `old` if it was received and let go or is older than the track's
  /// `max_age`, `too_far_behind` if it is below a full cache, `protocol_violation` at or past the
  /// end of the track, `invalid_argument` above `kMaxVarint`.
  Result<group::Producer> create_group(std::uint64_t sequence);
  /// A group of one frame.
  Result<void> write_frame(std::uint64_t timestamp, Bytes payload);
  /// Sends a datagram under the next sequence, which it returns.
  Result<std::uint64_t> append_datagram(std::uint64_t timestamp, Bytes payload);
  /// Passes on a datagram of another publisher.
  void forward_datagram(Datagram datagram);

  /// Ends the track after its newest group; readers still get what is cached.
  void finish() &&;
  /// Says where the track will end, `end` exclusive; more groups below may come. `finish()`
  /// follows. Fails with `protocol_violation` if a group at or past it has come, or if another end
  /// was told before.
  Result<void> finish_at(std::uint64_t end);
  /// Ends the track, and its unfinished groups, with an error.
  void abort(const Error& error) &&;
  /// Stops serving the track but leaves it as it is: its broadcast asks the next route for it.
  void give_back() &&;

  [[nodiscard]] Consumer consume(const Subscription& subscription = {}) const;

  /// Ready while somebody reads (or fetches); fails once the track is over.
  kio::Poll<Result<void>> poll_used(const kio::Waiter& waiter) const;
  kio::Poll<Result<void>> poll_unused(const kio::Waiter& waiter) const;
  /// What all subscribers together want, whenever it differs from what this handle reported last;
  /// none while nobody subscribes. Fails once the track is over.
  kio::Poll<Result<std::optional<Subscription>>> poll_demand(const kio::Waiter& waiter);
  /// The same for those who look now and then, without the priority and the range.
  [[nodiscard]] Interest interest() const { return Interest(state_); }
  /// The group from which a new subscription upstream continues: the lowest that its readers still
  /// want and that has not come whole, else the one after the newest; none before the first group.
  [[nodiscard]] std::optional<std::uint64_t> resume_point() const;
  /// The lowest group below what the source was asked for that a reader has asked for by its
  /// number since, and that may still be had.
  [[nodiscard]] std::optional<std::uint64_t> missed_point() const;
  /// A new source is asked for the groups from `sequence` on, in whatever order, that are not older
  /// than `max_age`; none = it will tell where it begins.
  void ask_from(std::optional<std::uint64_t> sequence, Duration max_age);
  /// The source, asked as told in `ask_from`, begins with `sequence`: suspended groups below are
  /// let go with `error`, and of what was asked for below none will come.
  void begin_from(std::uint64_t sequence, const Error& error);
  /// After `ask_from`: how far the source says that the track has come.
  void tell_edge(Edge edge);
  /// Whether `sequence` has not come, or broke off.
  [[nodiscard]] bool lacks(std::uint64_t sequence) const;
  /// Ready once `sequence` is older than `max_age`, as `Consumer::poll_stale`.
  kio::Poll<kio::Unit> poll_stale(const kio::Waiter& waiter, std::uint64_t sequence,
                                  Duration max_age) const;
  /// The source will not send these groups: suspended ones are let go with `error`, and nobody
  /// waits for the others any more, unless with more patience, or for another source. What is
  /// coming already may still come.
  void drop_groups(const Dropped& groups, const Error& error);
  /// Whether a group below `end` may still come that a reader wants.
  [[nodiscard]] bool owes_below(std::uint64_t end) const;
  /// Ready when a better route should serve this track: answer with `give_back()`.
  kio::Poll<kio::Unit> poll_revoked(const kio::Waiter& waiter) const;
  /// The next fetch of a group that is not cached. Fails once the track is over. Once asked, the
  /// handle counts as one that answers: it should go on asking. Where none does, fetches that come
  /// while the track is served fail with `not_found`; those that came before wait for one.
  kio::Poll<Result<GroupRequest>> poll_requested_group(const kio::Waiter& waiter);
  /// Ready, with its error, once the track was aborted elsewhere.
  kio::Poll<Error> poll_aborted(const kio::Waiter& waiter) const;

  auto used() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_used(waiter); });
  }
  auto unused() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_unused(waiter); });
  }

 private:
  void release();
  std::shared_ptr<State> state_;
  std::uint64_t demand_seen_ = 0;  ///< Version of the demand that was looked at last.
  std::optional<Subscription> demand_reported_;
  bool answers_fetches_ = false;
};

/// Reads a track: its groups in the order in which they arrive, each exactly once, also over
/// changes of the route. Groups that are older than `Subscription::max_age` allows are skipped, so
/// are those below its start; groups past its end wait, cached, for an update that raises it.
class Consumer {
 public:
  Consumer(std::shared_ptr<State> state, const Subscription& subscription);
  Consumer(Consumer&&) noexcept = default;
  Consumer& operator=(Consumer&& other) noexcept;
  ~Consumer();
  /// Another reader with the same subscription, from the start.
  [[nodiscard]] Consumer clone() const;

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const Subscription& subscription() const { return subscription_; }
  /// Changes what is wanted from here on.
  void update(const Subscription& subscription);

  /// The track's properties, once its publisher is known. Fails if there is none.
  kio::Poll<Result<Info>> poll_info(const kio::Waiter& waiter) const;
  /// The next group; none after the track's end. Fails with the track's error.
  kio::Poll<Result<std::optional<group::Consumer>>> poll_next_group(const kio::Waiter& waiter);
  /// The next datagram; none after the track's end.
  kio::Poll<Result<std::optional<Datagram>>> poll_datagram(const kio::Waiter& waiter);
  /// Ready with the (exclusive) end once it is known; fails with the track's error.
  kio::Poll<Result<std::uint64_t>> poll_end(const kio::Waiter& waiter) const;
  /// Ready, with true, whenever some route serves the track, with false while none does, each time
  /// it differs from `served`.
  kio::Poll<bool> poll_served(const kio::Waiter& waiter, bool served) const;

  /// Ready once `sequence` is older than this subscription wants.
  kio::Poll<kio::Unit> poll_stale(const kio::Waiter& waiter, std::uint64_t sequence) const;
  /// The lowest group that this subscription may still get, given that `sequence` comes now.
  [[nodiscard]] std::uint64_t lowest_to_come(std::uint64_t sequence) const;
  /// Whether any of the groups from `first` to `last` has not come and may yet: false once the
  /// source has told that it begins later.
  [[nodiscard]] bool may_come(std::uint64_t first, std::uint64_t last) const;
  /// True if `sequence` is older than this subscription wants.
  [[nodiscard]] bool is_stale(std::uint64_t sequence) const;
  /// The newest group that has begun.
  [[nodiscard]] std::optional<std::uint64_t> latest() const;
  /// Where the track stands, by what is cached; none before the first frame.
  [[nodiscard]] std::optional<Edge> edge() const;
  /// How far the track's newest frame is past `timestamp`, in presentation time; zero if it is not.
  [[nodiscard]] Duration lag(std::uint64_t timestamp) const;
  /// Asks for one group, cached or not.
  [[nodiscard]] Fetch fetch(std::uint64_t sequence, std::uint8_t priority = 0) const;
  [[nodiscard]] Watch watch() const { return Watch(state_); }

  auto info() const {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_info(waiter); });
  }
  auto next_group() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next_group(waiter); });
  }
  auto datagram() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_datagram(waiter); });
  }

 private:
  void release();
  void park(std::uint64_t arrival);
  std::shared_ptr<group::State> unpark();
  std::shared_ptr<State> state_;
  Subscription subscription_;
  std::uint64_t id_ = 0;            ///< Names the subscription in the state.
  std::uint64_t next_arrival_ = 0;  ///< Index, over the track's life, of the next group to look at.
  std::uint64_t next_datagram_ = 0;
  std::vector<std::uint64_t> parked_;  ///< Arrivals past the end, in order.
  bool reconsider_ = false;            ///< The end has moved since they were parked.
};

}  // namespace moq::net::track
