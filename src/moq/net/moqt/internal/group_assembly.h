#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

#include "moq/kio/clock.h"
#include "moq/kio/poll.h"
#include "moq/kio/waiter.h"
#include "moq/net/internal/following.h"

namespace moq::net::moqt {

using kio::Poll;
using kio::Waiter;

/// How long an object waits for those before it, which may be late on other streams, before they
/// count as not existing; and a group without streams for one more, once a newer group has begun.
inline constexpr Duration kHolePatience = 500ms;

/// One group while it comes: its objects, from the streams of its subgroups and from a fetch of its
/// head, become frames in the order of their ids. Who has an object too early does not read on, so
/// nothing is held here: the transport's flow control does that. Objects that do not exist leave no
/// frame.
///
/// Belongs to the executor's thread.
class GroupAssembly {
 public:
  /// What becomes of an object.
  enum class Turn : std::uint8_t {
    write,  ///< It is the next.
    skip,   ///< It has come before, or is behind the end.
    over,   ///< The group takes nothing more.
  };

  explicit GroupAssembly(std::uint64_t sequence) : sequence_(sequence) {}
  GroupAssembly(const GroupAssembly&) = delete;
  GroupAssembly& operator=(const GroupAssembly&) = delete;

  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  /// The id from which on nothing has come.
  [[nodiscard]] std::uint64_t next() const { return next_; }
  [[nodiscard]] bool writing() const { return writing_; }
  [[nodiscard]] bool over() const { return over_; }

  /// Something that may bring objects, for as long as this lives.
  class Source {
   public:
    explicit Source(std::shared_ptr<GroupAssembly> group) : group_(std::move(group)) {
      ++group_->sources_;
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    ~Source() { --group_->sources_; }

   private:
    std::shared_ptr<GroupAssembly> group_;
  };

  /// An object that a source has, while it waits for its turn.
  class Waiting {
   public:
    /// `gap` objects before `object` do not exist.
    Waiting(GroupAssembly& group, kio::Clock& clock, std::uint64_t object, std::uint64_t gap);
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { group_.waiting_.erase(place_); }
    /// Ready when it is its turn. `write` lets nobody else write until `Writing` is over.
    Poll<Turn> poll(const Waiter& waiter);

   private:
    GroupAssembly& group_;
    std::multiset<std::uint64_t>::iterator place_;
    std::uint64_t object_;
    std::uint64_t first_;  ///< What would be next if nothing between them is missing.
    kio::Timer patience_;
  };

  /// Holds the turn of an object while its payload comes; ends with the object as it is.
  class Writing {
   public:
    Writing(GroupAssembly& group, std::uint64_t object) : group_(group), object_(object) {
      group_.writing_ = true;
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    ~Writing();

   private:
    GroupAssembly& group_;
    std::uint64_t object_;
  };

  /// Objects up to `object`, this one included, have come or do not exist.
  void advance_past(std::uint64_t object);
  /// The lowest object that a source has and that waits for its turn.
  [[nodiscard]] std::optional<std::uint64_t> lowest_waiting() const {
    return waiting_.empty() ? std::nullopt : std::optional(*waiting_.begin());
  }
  /// No object from `object` on exists.
  void end_at(std::uint64_t object);
  /// What has come when all sources are through is all there is.
  void end_with_sources() { ends_with_sources_ = true; }
  /// The head of the group comes by a fetch: until `head_came` nobody goes ahead of it.
  void expect_head() { head_expected_ = true; }
  void head_came();
  [[nodiscard]] bool head_expected() const { return head_expected_; }

  /// All of it has come.
  [[nodiscard]] bool complete() const;
  /// Nobody brings any more of it.
  [[nodiscard]] bool idle() const { return sources_ == 0; }
  /// Takes nothing more: who has some of it stops.
  void close();
  /// Ready once the group takes nothing more.
  Poll<kio::Unit> poll_over(const Waiter& waiter);

  /// The group of the track, from its first object on; left for the next writer unless taken.
  std::optional<SuspendedGroup> group;
  /// The fetch of the head has brought something.
  bool head_begun = false;
  /// Idle, with newer groups there: it ends unless somebody comes.
  bool closing = false;

 private:
  const std::uint64_t sequence_;
  std::uint64_t next_ = 0;
  std::optional<std::uint64_t> end_;
  std::size_t sources_ = 0;
  std::multiset<std::uint64_t> waiting_;
  bool writing_ = false;
  bool over_ = false;
  bool head_expected_ = false;
  bool ends_with_sources_ = false;
  kio::WaiterList on_change_;
};

}  // namespace moq::net::moqt
