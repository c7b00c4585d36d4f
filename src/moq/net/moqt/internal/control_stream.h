#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "moq/kio/waiter.h"
#include "moq/net/moqt/internal/requests.h"

namespace moq::net::moqt {

/// The control stream. Up to 16 all requests share it, and this tells their messages apart; since,
/// it has SETUP and GOAWAY alone.
class ControlStream {
 public:
  explicit ControlStream(Connection& connection) : connection_(connection) {}

  /// The half that we write; what was sent before follows now.
  void open(std::unique_ptr<transport::SendStream> send);
  void send(Bytes message);
  Poll<Result<void>> poll_writable(const Waiter& waiter);
  Poll<Error> poll_stopped(const Waiter& waiter);
  /// Reads the peer's half, after SETUP, until the session ends.
  kio::Task<void> read(StreamReader reader);

  /// The channel of a request of ours.
  std::unique_ptr<RequestChannel> add_request(std::uint64_t id, const Message& request);
  /// An answer under `update`, an id of ours, is for the request `id` of either side.
  void add_update(std::uint64_t update, std::uint64_t id) { updates_.emplace(update, id); }

 private:
  friend class ControlChannel;
  /// What has come for one request and is not read yet.
  struct Mailbox {
    std::deque<Message> messages;
    bool ended = false;
    bool published = false;  ///< A PUBLISH of ours, which the peer updates and ends.
    std::optional<Error> failed;
    kio::WaiterList on_change;
  };
  using Mailboxes = std::map<std::uint64_t, std::shared_ptr<Mailbox>>;
  /// Requests that 14 and 15 end by name.
  using Names = std::map<TrackNamespace, std::uint64_t>;

  Result<void> receive(Message message);
  Result<void> receive_request(Message message, std::uint64_t id);
  Result<void> receive_update(RequestUpdate update);
  /// A message about one of our requests, or the answer to an update of any.
  Result<void> receive_reply(std::optional<std::uint64_t> id, Message message);
  /// The peer ends a request: its own, unless it is `ours`.
  Result<void> end(bool ours, std::uint64_t id, std::optional<Error> error);
  Result<void> deliver(Mailbox& mailbox, Message message);
  /// The channel of `request` is gone.
  void remove(bool ours, std::uint64_t id, const std::optional<TrackNamespace>& name);
  [[nodiscard]] Mailboxes& mailboxes(bool ours) { return ours ? ours_ : theirs_; }
  [[nodiscard]] std::optional<std::uint64_t> find(const Names& names,
                                                  const TrackNamespace& name) const;

  Connection& connection_;
  std::unique_ptr<transport::SendStream> send_;
  std::deque<Bytes> early_;  ///< Sent before the stream was open.
  Mailboxes ours_;
  Mailboxes theirs_;
  Names our_names_;
  Names their_names_;
  Names their_prefixes_;
  std::map<std::uint64_t, std::uint64_t> updates_;  ///< Ours, by id: whose they are.
  kio::WaiterList on_open_;
};

}  // namespace moq::net::moqt
