#include "moq/kio/fanout.h"

namespace moq::kio::detail {

void FanoutNode::wake() {
  WaiterList woken;
  {
    std::lock_guard lock(mutex_);
    if (closed()) return;
    upstream_round_ = next_round();
    armed_ = false;
    woken = waiting_.take();
  }
  woken.wake();
}

FanoutNode::Turn FanoutNode::join(const Waiter& waiter) {
  std::lock_guard lock(mutex_);
  if (armed_) {
    waiting_.add(waiter);
    return {};
  }
  armed_ = true;
  return {.first = true, .round = upstream_round_};
}

void FanoutNode::stay(const Waiter& waiter, std::uint64_t round) {
  WaiterList woken;
  {
    std::lock_guard lock(mutex_);
    // Upstream may wake from within its poll function, always: so this does not ask it again.
    (round == upstream_round_ ? waiting_ : woken).add(waiter);
  }
  woken.wake();
}

void FanoutNode::end() {
  std::lock_guard lock(mutex_);
  close();
}

}  // namespace moq::kio::detail
