#include "moq/kio/waiter.h"

#include <algorithm>
#include <iterator>

#include "moq/kio/run_queue.h"

namespace moq::kio {

WakeNode::WakeNode(Ref<RunQueue> queue) : queue_(std::move(queue)) {}
WakeNode::~WakeNode() = default;

void WakeNode::wake() {
  if (closed()) return;
  if (!queued_.exchange(true, std::memory_order_acq_rel)) queue_->push(Ref<WakeNode>::share(this));
}

const Waiter& Waiter::none() {
  static const Waiter waiter;
  return waiter;
}

void WaiterList::add(const Waiter& waiter) {
  if (waiter.node_ == nullptr) return;
  if (entries_.size() == entries_.capacity() && entries_.size() >= 4) {
    std::erase_if(entries_, [](const Entry& entry) { return !entry.live(); });
    if (entries_.size() > entries_.capacity() / 2) entries_.reserve(entries_.capacity() * 2);
  }
  entries_.push_back({Ref<WakeNode>::share(waiter.node_), waiter.round_});
}

void WaiterList::append(WaiterList other) {
  if (entries_.empty()) {
    entries_ = std::move(other.entries_);
    return;
  }
  std::ranges::move(other.entries_, std::back_inserter(entries_));
}

void WaiterList::wake() {
  std::vector<Entry> entries = std::exchange(entries_, {});
  for (const Entry& entry : entries) {
    if (entry.live()) entry.node->wake();
  }
}

}  // namespace moq::kio
