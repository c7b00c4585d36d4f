#pragma once

#include <cstdint>
#include <memory>

#include "moq/transport/session.h"

namespace moq::net {

/// The order in which a session sends its group streams: by the priority of their subscriptions
/// (high first), then subscribe id (low first), then group (high first). The first one gets stream
/// priority 255, the next 254, ...; from rank 255 on all get 0. Copies share one list. Belongs to
/// the executor's thread.
class SendOrder {
 public:
  SendOrder();

  /// One stream's place in the list; leaves it when destroyed. Must not outlive the stream.
  class Place {
   public:
    Place();
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    ~Place();
    /// Leaves the list now.
    void leave();

   private:
    friend class SendOrder;
    struct State;
    explicit Place(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };

  struct Key {
    std::uint8_t priority = 0;  ///< Of the subscription; what `set_priority` said last wins.
    std::uint64_t subscribe_id = 0;
    std::uint64_t group = 0;
  };
  /// Adds a stream and tells it, and those behind it, their priorities.
  [[nodiscard]] Place insert(const Key& key, transport::SendStream& stream);
  /// A subscription's new priority: moves its streams, if it has any, in the list.
  void set_priority(std::uint64_t subscribe_id, std::uint8_t priority);
  /// Streams in the list.
  [[nodiscard]] std::size_t size() const;

 private:
  struct List;
  std::shared_ptr<List> list_;
};

}  // namespace moq::net
