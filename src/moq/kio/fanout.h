#pragma once

#include <mutex>
#include <utility>

#include "moq/base/ref.h"
#include "moq/kio/poll.h"
#include "moq/kio/sync.h"
#include "moq/kio/waiter.h"

namespace moq::kio {

namespace detail {

/// Stands for all who wait at a fan-out in the one registration upstream. Is never queued: a wake
/// is passed on at once, on the thread it comes from.
class FanoutNode final : public WakeNode {
 public:
  FanoutNode() = default;
  void wake() override;

  struct Turn {
    bool first = false;       ///< The caller polls upstream, with `round`.
    std::uint64_t round = 0;  ///< Of the registration upstream.
  };
  /// Registers `waiter` if upstream is being waited for already; else makes the caller the first.
  Turn join(const Waiter& waiter);
  /// The first found upstream pending: registers it too, or wakes it, if upstream woke meanwhile.
  void stay(const Waiter& waiter, std::uint64_t round);
  /// Registrations upstream wake no more.
  void end();

 private:
  void run() override {}
  Mutex mutex_;
  WaiterList waiting_;
  std::uint64_t upstream_round_ = 0;
  bool armed_ = false;  // Somebody waits upstream, or is about to.
};

}  // namespace detail

/// Lets many wait where one can: all share one registration upstream, and its wake reaches them
/// all. Any threads, as far as upstream allows.
class Fanout {
 public:
  Fanout() : node_(Ref<detail::FanoutNode>::make()) {}
  Fanout(Fanout&&) noexcept = default;
  Fanout& operator=(Fanout&&) = delete;
  /// Who still waits is not woken.
  ~Fanout() {
    if (node_) node_->end();
  }

  /// Polls `upstream(const Waiter&)`, unless it is known to be pending; registers `waiter` while
  /// it is. Each call of one fan-out must ask upstream the same question. Who finds it ready has
  /// the answer; the others are woken to ask themselves.
  template <typename Upstream>
  auto poll(const Waiter& waiter, Upstream&& upstream) -> decltype(upstream(waiter)) {
    const detail::FanoutNode::Turn turn = node_->join(waiter);
    if (!turn.first) return kPending;
    auto result = upstream(Waiter(*node_, turn.round));
    if (result.ready()) {
      node_->wake();
    } else {
      node_->stay(waiter, turn.round);
    }
    return result;
  }

 private:
  Ref<detail::FanoutNode> node_;
};

}  // namespace moq::kio
