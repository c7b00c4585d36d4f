#include "moq/kio/run_queue.h"

#include <atomic>
#include <utility>

namespace moq::kio {
namespace {

/// A number for the calling thread that no other thread of the process ever has. The system's
/// thread ids do not do: a new thread may get the id of one that ended.
std::uint64_t this_thread() {
  static std::atomic<std::uint64_t> last{0};
  thread_local const std::uint64_t mine = ++last;
  return mine;
}

}  // namespace

void RunQueue::List::push(WakeNode* node) {
  node->next_ = nullptr;
  (last ? last->next_ : first) = node;
  last = node;
}

void RunQueue::List::append(List other) {
  if (other.empty()) return;
  (last ? last->next_ : first) = other.first;
  last = other.last;
}

bool RunQueue::on_owner_thread() const {
  return owner_.load(std::memory_order_relaxed) == this_thread();
}

bool RunQueue::push(Ref<WakeNode> node) {
  // The lists hold one reference per node; it is taken back when the node is run or dropped.
  if (on_owner_thread()) {
    local_.push(node.leak());
    return true;
  }
  std::lock_guard lock(mutex_);
  if (closed_) return false;  // `node` goes after the lock.
  const bool was_empty = remote_.empty();
  remote_.push(node.leak());
  // Under the lock, so that `close()` cannot take `notify_` apart meanwhile.
  if (was_empty && notify_) notify_();
  return true;
}

void RunQueue::bind_to_this_thread() { owner_.store(this_thread(), std::memory_order_relaxed); }

bool RunQueue::run_batch() {
  {
    std::lock_guard lock(mutex_);
    local_.append(std::exchange(remote_, {}));
  }
  List batch = std::exchange(local_, {});
  while (!batch.empty()) {
    const Ref<WakeNode> node = Ref<WakeNode>::adopt(batch.first);
    batch.first = node->next_;
    if (!batch.first) batch.last = nullptr;
    // Cleared before running: a wake during the run queues the node again. An exchange, because
    // a wake that found the flag set counts on this run to see what it changed.
    node->queued_.exchange(false, std::memory_order_acq_rel);
    if (!node->closed()) node->run();
  }
  return !idle();
}

bool RunQueue::idle() const {
  if (!local_.empty()) return false;
  std::lock_guard lock(mutex_);
  return remote_.empty();
}

void RunQueue::drop(List list) {
  while (WakeNode* node = list.first) {
    list.first = node->next_;
    node->release();
  }
}

void RunQueue::close() {
  List dropped;
  std::function<void()> notify;  // Destroyed after the lock.
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    notify.swap(notify_);
    dropped = std::exchange(remote_, {});
  }
  // From here on the owner's pushes go the locked way too, and are dropped there.
  owner_.store(0, std::memory_order_relaxed);
  drop(dropped);
  drop(std::exchange(local_, {}));
}

RunQueue::~RunQueue() = default;

}  // namespace moq::kio
