#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "moq/kio/executor.h"
#include "moq/net/broadcast.h"
#include "moq/net/internal/following.h"
#include "moq/net/moqt/internal/fetch_request.h"
#include "moq/net/moqt/internal/group_assembly.h"
#include "moq/net/moqt/internal/pushed_track.h"

namespace moq::net::moqt {

class Subscriber;

/// Serves one track of our origin from the peer: subscribes while somebody reads, puts groups
/// together, answers fetches. When it ends, however it ends, the track goes back to its broadcast
/// with its unfinished groups suspended, so that the next route goes on where this one stopped.
///
/// A subscription begins with the next object, and fetches what came before it of the same group:
/// readers begin at the start of the current group.
class TrackFollower {
 public:
  TrackFollower(Subscriber& subscriber, Path path, std::shared_ptr<Announcing> announcing);
  ~TrackFollower();
  TrackFollower(const TrackFollower&) = delete;
  TrackFollower& operator=(const TrackFollower&) = delete;

  /// Serves until the track is over, unused for a while, or better served by another route.
  kio::Task<void> run(broadcast::TrackRequest request);

  /// Takes in a subgroup stream of our subscription, after its header.
  void accept_subgroup(const SubgroupHeader& header, StreamReader reader);
  void receive_datagram(const Datagram& datagram);

 private:
  using Reply = Result<std::optional<Message>>;
  enum class Event : std::uint8_t { subscribe, demand, answer, settled, announced, timer, over };
  /// What `timer_` is set for.
  enum class Wait : std::uint8_t { nothing, unused, retry, late_groups };

  /// A subscription at the peer: one that we ask for, or one that it offers.
  struct Subscribed {
    explicit Subscribed(OutgoingRequest sent) : request(std::move(sent)) {}
    explicit Subscribed(std::shared_ptr<PushedTrack> offered) : pushed(std::move(offered)) {}
    Subscribed(const Subscribed&) = delete;
    Subscribed& operator=(const Subscribed&) = delete;
    ~Subscribed() {
      if (pushed) pushed->end();
    }
    void set_priority(std::uint8_t wire_priority, Draft draft);
    std::optional<OutgoingRequest> request;
    std::shared_ptr<PushedTrack> pushed;
    std::shared_ptr<FetchSlot> fill;       ///< From 20: where what precedes it comes.
    std::optional<std::uint64_t> fill_id;  ///< Under which the subscriber knows that.
    std::optional<std::uint64_t> alias;    ///< Once it is accepted.
    std::uint8_t priority = 0;             ///< As it was asked for last.
    Location start;                        ///< Where it began, once it is accepted.
    std::uint64_t streams = 0;             ///< That have come.
    std::optional<PublishDone> done;
  };

  /// What a reply says if it is no message to go on with.
  struct Refusal {
    std::optional<Error> error;
    Duration retry_after = Duration::zero();  ///< The least wait before the next attempt,
    bool final = false;                       ///< of which the peer wants none.
  };

  // The life of the track.
  /// Subscribes, to learn the track's properties, and accepts the request; false if that ended.
  kio::Task<bool> begin(broadcast::TrackRequest request);
  Poll<Reply> poll_reply(const Waiter& waiter);
  Poll<Event> poll_event(const Waiter& waiter);
  /// Each returns false when there is nothing left to do for the track.
  bool handle(Event event);
  bool on_demand();
  bool on_answer(Reply reply);
  bool on_accepted(const SubscribeOk& ok);
  bool on_done(PublishDone done);
  bool on_subscription_over(const Refusal& refusal);
  bool on_timer();
  bool finish_track();

  void subscribe(const std::optional<track::Subscription>& demand);
  void unsubscribe();
  void ask_for_missed();
  void arm(Wait what, Duration delay);
  [[nodiscard]] bool should_subscribe() const;
  [[nodiscard]] bool session_over() const;
  [[nodiscard]] bool all_streams_came() const;
  [[nodiscard]] Refusal to_refusal(const Reply& reply) const;
  /// Why the track cannot be used.
  [[nodiscard]] std::optional<Error> unusable_because(const SubscribeOk& ok) const;
  [[nodiscard]] static track::Info to_info(const SubscribeOk& ok);
  void abort_track(const Error& error);

  // Groups.
  std::shared_ptr<GroupAssembly> assembly_of(std::uint64_t group);
  kio::Task<void> receive_subgroup(SubgroupHeader header, StreamReader reader);
  /// The head of the group in which the subscription began, by the fill or by `ask`.
  kio::Task<void> take_head(std::shared_ptr<GroupAssembly> group, std::shared_ptr<FetchSlot> fill,
                            Fetch ask);
  /// The same where the peer did not say where it begins: looks whether a head is lacking.
  kio::Task<void> look_for_head(std::shared_ptr<GroupAssembly> group);
  kio::Task<Result<void>> read_head(std::shared_ptr<GroupAssembly> group,
                                    std::shared_ptr<FetchSlot> fill, FetchRequest* fetch);
  /// Takes in the objects of one stream, up to its end; `header` is that of a subgroup.
  kio::Task<Result<void>> take_objects(std::shared_ptr<GroupAssembly> group, StreamReader& reader,
                                       std::optional<SubgroupHeader> header,
                                       std::optional<Object> first = std::nullopt);
  kio::Task<Result<void>> take_object(GroupAssembly& group, StreamReader& reader, Object object);
  kio::Task<Result<void>> write_object(GroupAssembly& group, StreamReader& reader, Object object);
  Result<void> end_track_at(std::uint64_t group);
  /// A stream of `group` has ended: so does the group, if that was all.
  void settle(const std::shared_ptr<GroupAssembly>& group);
  /// Groups before `group` without streams end, unless more of them comes.
  void close_before(std::uint64_t group);
  kio::Task<void> close_if_idle(std::shared_ptr<GroupAssembly> group);
  void finish_group(GroupAssembly& group);
  void fail_group(GroupAssembly& group, const Error& error);
  [[nodiscard]] std::uint64_t timestamp_of(const ObjectProperties& properties,
                                           const std::optional<frame::Info>& known);

  // Fetches.
  /// The peer begins with `group`, maybe above what it was asked for.
  void begin_from(std::uint64_t group);
  /// Fetches the groups below `limit`, down to the lowest that is asked for, that are not too old.
  kio::Task<void> fetch_left_out(std::uint64_t limit);
  kio::Task<Result<void>> fetch_into_track(std::uint64_t group);
  /// `priority` is that of the model.
  [[nodiscard]] Fetch fetch_of(std::uint64_t group, std::uint8_t priority) const;
  [[nodiscard]] Fetch joining_fetch() const;
  Poll<kio::Unit> poll_unwanted(const Waiter& waiter, std::uint64_t group) const;
  kio::Task<void> serve_fetches(track::Producer track);
  kio::Task<void> answer_fetch(track::GroupRequest request);
  /// Waits a moment for the peer's last word on a fetch that has all.
  kio::Task<void> part_from(std::unique_ptr<FetchRequest> fetch);

  Subscriber& subscriber_;
  Connection& connection_;
  const TrackNamespace namespace_;
  const Path path_;
  std::string name_;
  const std::shared_ptr<Announcing> announcing_;
  std::uint64_t announced_ = 0;  ///< How often it had been when the peer was asked last.
  std::optional<track::Producer> track_;
  std::optional<std::uint64_t> timescale_;  ///< If the peer told one.
  std::uint64_t last_timestamp_ = 0;        ///< For objects that have none.
  bool resumed_ = false;                    ///< Another route served it before.
  bool known_ = false;                      ///< The peer has had it.

  std::optional<track::Subscription> demand_;
  std::optional<Subscribed> subscribed_;
  std::optional<Reply> reply_;
  std::optional<std::uint64_t> asked_from_;  ///< The lowest group that is wanted, if that is known.
  Duration asked_age_ = Duration::zero();    ///< How old groups might be.
  bool fetching_left_out_ = false;
  std::optional<std::uint64_t> begun_;     ///< The group in which the subscription began.
  std::optional<std::uint64_t> headless_;  ///< A group whose head is not to be had.
  std::optional<std::uint64_t> newest_;    ///< The newest group of which something came.
  FollowRetry retry_;
  Wait waiting_ = Wait::nothing;
  kio::Timer timer_;
  std::map<std::uint64_t, std::shared_ptr<GroupAssembly>> open_;
  kio::WaiterList on_change_;  ///< Of what tasks do that the track's own task waits for.
  kio::TaskGroup fetches_;
  kio::TaskGroup groups_;  // Last: its tasks use all of the above.
};

}  // namespace moq::net::moqt
