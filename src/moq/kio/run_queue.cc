#include "moq/kio/run_queue.h"

#include <utility>

namespace moq::kio {

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

void RunQueue::push(Ref<WakeNode> node) {
  // The list holds one reference per node; it is taken back when the node is run or dropped.
  WakeNode* raw = node.get();
  raw->retain();
  if (on_owner_thread()) {
    local_.push(raw);
    return;
  }
  bool was_empty = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) {
      was_empty = false;
    } else {
      was_empty = remote_.empty();
      remote_.push(raw);
      raw = nullptr;
    }
    // Under the lock, so that `close()` cannot take `notify_` apart meanwhile.
    if (was_empty && notify_) notify_();
  }
  if (raw) raw->release();
}

void RunQueue::bind_to_this_thread() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

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
    // Cleared before running: a wake during the run queues the node again.
    node->queued_.store(false, std::memory_order_release);
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
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    notify_ = nullptr;
    dropped = std::exchange(remote_, {});
  }
  // From here on the owner's pushes go the locked way too, and are dropped there.
  owner_.store({}, std::memory_order_relaxed);
  drop(dropped);
  drop(std::exchange(local_, {}));
}

RunQueue::~RunQueue() = default;

}  // namespace moq::kio
