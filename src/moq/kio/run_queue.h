#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

#include "moq/kio/sync.h"
#include "moq/kio/waiter.h"

namespace moq::kio {

/// The nodes an executor has to run, in order of waking. Pushing is safe from any thread; the
/// executor's own thread pays no lock. Counted, because a wake may come after the executor's end.
class RunQueue : public RefCounted<RunQueue> {
 public:
  /// `notify` is called from other threads when the queue may have been empty; it must be cheap
  /// and must not block (an eventfd write, say), nor push.
  explicit RunQueue(std::function<void()> notify) : notify_(std::move(notify)) {}

  /// Queues `node`. Once closed, drops it and returns false.
  bool push(Ref<WakeNode> node);
  /// Names the calling thread as the one that runs. Called by the executor before each run.
  void bind_to_this_thread();
  /// Runs what is queued now (not what that queues). Returns whether more is queued.
  bool run_batch();
  [[nodiscard]] bool idle() const;
  /// Drops everything queued; later pushes are dropped too. Called by the thread that runs, or
  /// after it is done.
  void close();

 private:
  friend class RefCounted<RunQueue>;
  ~RunQueue();
  struct List {
    WakeNode* first = nullptr;
    WakeNode* last = nullptr;
    void push(WakeNode* node);
    void append(List other);
    [[nodiscard]] bool empty() const { return first == nullptr; }
  };
  static void drop(List list);
  [[nodiscard]] bool on_owner_thread() const;

  Atomic<std::uint64_t> owner_{0};  // The thread that runs; 0 = none.
  List local_;                      // Owner's thread only.
  mutable Mutex mutex_;
  List remote_;
  bool closed_ = false;
  std::function<void()> notify_;
};

}  // namespace moq::kio
