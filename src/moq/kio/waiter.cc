#include "moq/kio/waiter.h"

#include <algorithm>
#include <span>

#include "moq/kio/run_queue.h"

namespace moq::kio {

WakeNode::WakeNode() = default;
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
  if (size_ > 0) {
    // One call that polls many parts of one state registers once.
    const Entry& last = entries()[size_ - 1];
    if (last.node.get() == waiter.node_ && last.round == waiter.round_) return;
  }
  if (size_ == capacity_) make_room();
  entries()[size_++] = {Ref<WakeNode>::share(waiter.node_), waiter.round_};
}

/// Drops the entries that are not live; then the list may hold twice what is left.
void WaiterList::make_room() {
  const std::span<Entry> all(entries(), size_);
  const auto dropped = std::ranges::remove_if(all, [](const Entry& e) { return !e.live(); });
  for (Entry& entry : dropped) entry.node = nullptr;
  size_ -= dropped.size();
  resize(std::max(kFew, 2 * size_));
}

void WaiterList::resize(std::size_t capacity) {
  if (capacity == capacity_) return;
  std::unique_ptr<Entry[]> old = std::move(many_);
  Entry* from = old ? old.get() : few_.data();
  if (capacity > kFew) many_ = std::make_unique<Entry[]>(capacity);
  std::ranges::move(std::span(from, size_), entries());
  capacity_ = capacity;
}

void WaiterList::append(WaiterList other) {
  if (other.size_ == 0) return;
  if (size_ == 0) return swap(other);
  if (size_ + other.size_ > capacity_) resize(size_ + other.size_);
  std::ranges::move(std::span(other.entries(), other.size_), entries() + size_);
  size_ += other.size_;
}

void WaiterList::wake() {
  WaiterList woken = take();
  for (const Entry& entry : std::span(woken.entries(), woken.size_)) {
    if (entry.live()) entry.node->wake();
  }
}

void WaiterList::swap(WaiterList& other) noexcept {
  few_.swap(other.few_);
  many_.swap(other.many_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

}  // namespace moq::kio
