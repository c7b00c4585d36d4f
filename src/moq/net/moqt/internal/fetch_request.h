#pragma once

#include <memory>
#include <optional>

#include "moq/net/moqt/internal/requests.h"

namespace moq::net::moqt {

class Subscriber;

/// Where the stream of a fetch, or of a subscription's fill, is put when it comes.
struct FetchSlot {
  std::optional<StreamReader> reader;
  kio::WaiterList on_reader;
};

/// A FETCH of ours and the stream that answers it. Dropping it cancels both.
class FetchRequest {
 public:
  /// `fetch` asks for ascending groups. `subscriber` must outlive this.
  FetchRequest(Subscriber& subscriber, Fetch fetch);
  FetchRequest(const FetchRequest&) = delete;
  FetchRequest& operator=(const FetchRequest&) = delete;
  ~FetchRequest();

  /// Ready once its stream has come. Fails with what the peer says instead.
  Poll<Result<void>> poll_begun(const Waiter& waiter);
  /// The next object, once it has begun; none at the end.
  Poll<Result<std::optional<Object>>> poll_object(const Waiter& waiter);
  /// Once it has begun.
  [[nodiscard]] StreamReader& reader() { return *slot_->reader; }
  /// After the last object: ready once the peer has said its last word, too, so that nothing is
  /// cancelled that is over.
  Poll<kio::Unit> poll_answered(const Waiter& waiter);

 private:
  Subscriber& subscriber_;
  OutgoingRequest request_;
  std::shared_ptr<FetchSlot> slot_ = std::make_shared<FetchSlot>();
  bool expected_ = false;  ///< The subscriber knows the slot.
  bool answered_ = false;
  bool over_ = false;  ///< The peer says nothing more.
};

}  // namespace moq::net::moqt
