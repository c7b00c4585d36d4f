#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "moq/base/ref.h"
#include "moq/kio/sync.h"

namespace moq::kio {

class RunQueue;

/// Something that an executor runs when woken: a task, or a posted function. `wake()` is safe from
/// any thread and at any time; everything else belongs to the executor's thread.
class WakeNode : public RefCounted<WakeNode> {
 public:
  /// Queues the node on its executor, unless it is queued already or closed. Not under a lock.
  virtual void wake();

 protected:
  /// For one that overrides `wake()`.
  WakeNode();
  explicit WakeNode(Ref<RunQueue> queue);
  virtual ~WakeNode();
  /// Does the work. Called on the executor's thread, never under a lock.
  virtual void run() = 0;
  /// Starts a new round of polling: registrations of earlier rounds no longer wake.
  std::uint64_t next_round() {
    // One thread at a time writes it, so this need not be one atomic step. Whoever skips an entry
    // because of a new round read that round after its own change; the new round polls under the
    // lock that guarded the change, after it.
    const std::uint64_t round = round_.load(std::memory_order_relaxed) + 1;
    round_.store(round, std::memory_order_relaxed);
    return round;
  }
  /// After this no registration is live and `run()` is not called any more.
  void close() { round_.store(kClosed, std::memory_order_relaxed); }
  [[nodiscard]] bool closed() const { return round_.load(std::memory_order_relaxed) == kClosed; }

 private:
  friend class RefCounted<WakeNode>;
  friend class RunQueue;
  friend class Waiter;
  friend class WaiterList;
  static constexpr std::uint64_t kClosed = UINT64_MAX;
  static void destroy(const WakeNode* self) { delete self; }

  Atomic<std::uint64_t> round_{0};
  Atomic<bool> queued_{false};
  WakeNode* next_ = nullptr;  // In the run queue's list.
  Ref<RunQueue> queue_;
};

/// Who waits: a node and the round of polling in which it asked. Borrowed for a poll call; what
/// outlives the call is a `WaiterList` entry.
class Waiter {
 public:
  Waiter(WakeNode& node, std::uint64_t round) : node_(&node), round_(round) {}
  /// Waits for nothing: turns a poll function into "is it ready now?".
  static const Waiter& none();

 private:
  friend class WaiterList;
  Waiter() = default;
  WakeNode* node_ = nullptr;
  std::uint64_t round_ = 0;
};

/// Those who wait for one kind of change, in the order of their coming. Not synchronised: it lives
/// beside the state it is about, under the same lock. Entries of tasks that are gone, or have
/// polled again since, are dropped when the list would grow, so it never holds more than twice the
/// most that were live at once. The first two need no memory.
class WaiterList {
 public:
  WaiterList() = default;
  WaiterList(WaiterList&& other) noexcept { swap(other); }
  WaiterList& operator=(WaiterList&& other) noexcept {
    WaiterList moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~WaiterList() = default;

  void add(const Waiter& waiter);
  /// Empties the list into the result, to be woken after the lock is released.
  [[nodiscard]] WaiterList take() { return std::move(*this); }
  /// Moves the entries of `other` to the end of this list.
  void append(WaiterList other);
  /// Wakes all entries and empties the list. Not under a lock.
  void wake();
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// Entries held, live or not; for tests of the bound.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Entry {
    Ref<WakeNode> node;
    std::uint64_t round = 0;
    [[nodiscard]] bool live() const {
      return node->round_.load(std::memory_order_relaxed) == round;
    }
  };
  static constexpr std::size_t kFew = 2;

  void swap(WaiterList& other) noexcept;
  void make_room();
  void resize(std::size_t capacity);
  Entry* entries() { return many_ ? many_.get() : few_.data(); }

  std::array<Entry, kFew> few_;
  std::unique_ptr<Entry[]> many_;  // Instead of `few_`, when there are more.
  std::size_t size_ = 0;
  std::size_t capacity_ = kFew;
};

}  // namespace moq::kio
