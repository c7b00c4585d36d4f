#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/internal/requests.h"
#include "moq/net/moqt/message.h"
#include "moq/net/moqt/stream_reader.h"
#include "moq/net/moqt/test_support.h"
#include "moq/net/session.h"
#include "moq/sim/session_pair.h"
#include "moq/sim/world.h"

/// A peer by hand, on the other side of a session of ours, that says what a test wants. For tests
/// alone.
namespace moq::net::moqt {

inline Version version_of(Draft draft) {
  return Version{static_cast<std::uint8_t>(std::to_underlying(Version::moqt_14) +
                                           std::to_underlying(draft) - 14)};
}

/// "d18", for parameterised tests.
struct DraftName {
  template <typename Info>
  std::string operator()(const Info& info) const {
    return "d" + std::to_string(std::to_underlying(info.param));
  }
};

/// Polls until ready, while the world runs.
template <typename PollFunction>
auto run_until_ready(sim::World& world, PollFunction poll) {
  using Value = std::remove_cvref_t<decltype(*poll(Waiter::none()))>;
  std::optional<Value> value;
  const bool ready = world.run_until(
      [&] {
        if (auto polled = poll(Waiter::none())) value.emplace(*std::move(polled));
        return value.has_value();
      },
      20s);
  EXPECT_TRUE(ready) << "never ready";
  MOQ_ASSERT(value.has_value());
  return *std::move(value);
}

/// The peer's end of a session.
class Peer {
 public:
  Peer(sim::World& world, std::unique_ptr<transport::Session> session, Draft draft, bool server)
      : raw(std::move(session)), world_(world), draft_(draft), server_(server) {
    next_id_ = server ? 1 : 0;
  }

  /// A request, of either side.
  struct Asked {
    std::uint64_t id = 0;
    Message message;
    std::unique_ptr<transport::SendStream> send;  ///< Where it has a stream of its own.
    std::optional<StreamReader> reader;
  };
  /// A unidirectional stream of ours, after its type.
  struct Data {
    std::uint64_t type = 0;
    StreamReader reader;
  };

  [[nodiscard]] Setup own_setup() const {
    Setup setup;
    setup.sender = server_ ? Role::server : Role::client;
    setup.versions = {version_number(draft_)};
    setup.max_request_id = 1000;
    setup.implementation = "peer";
    return setup;
  }
  /// Opens the control stream with SETUP. As a server, up to 16, it waits for the client's.
  void greet() { greet(own_setup()); }
  void greet(const Setup& setup) { greet(bytes_of(setup)); }
  void greet(Bytes bytes) {
    if (has_request_streams(draft_)) {
      control_send_ = open_uni();
    } else if (server_) {
      auto stream = *run_until_ready(
          world_, [&](const Waiter& waiter) { return raw->poll_accept_bidi(waiter); });
      control_send_ = std::move(stream.send);
      control_.emplace(std::move(stream.recv), draft_);
    } else {
      auto stream = *raw->poll_open_bidi(Waiter::none());
      control_send_ = std::move(stream->send);
      control_.emplace(std::move(stream->recv), draft_);
    }
    control_send_->write(std::move(bytes));
  }
  /// Our SETUP.
  Setup read_setup() {
    if (has_request_streams(draft_)) {
      auto stream = *run_until_ready(
          world_, [&](const Waiter& waiter) { return raw->poll_accept_uni(waiter); });
      control_.emplace(std::move(stream), draft_);
    }
    auto message = run_until_ready(
        world_, [&](const Waiter& waiter) { return control_->poll_message(waiter); });
    EXPECT_TRUE(message && *message);
    return std::get<Setup>(**message);
  }

  Bytes bytes_of(const Message& message) const {
    auto bytes = encode_message(message, draft_);
    EXPECT_TRUE(bytes) << bytes.error().describe();
    return *bytes;
  }
  void say(const Message& message) { control_send_->write(bytes_of(message)); }

  /// Sends a request, with the next id unless it has one.
  Asked ask(Message message, std::optional<std::uint64_t> id = std::nullopt) {
    Asked asked;
    asked.id = id.value_or(next_id_);
    if (!id) next_id_ += 2;
    std::visit(
        [&]<typename M>(M& body) {
          if constexpr (requires { body.request_id = asked.id; }) body.request_id = asked.id;
        },
        message);
    if (has_stream(message)) {
      auto stream = *raw->poll_open_bidi(Waiter::none());
      asked.send = std::move(stream->send);
      asked.reader.emplace(std::move(stream->recv), draft_);
      asked.send->write(bytes_of(message));
    } else {
      say(message);
    }
    asked.message = std::move(message);
    return asked;
  }
  /// Says more about a request.
  void say(Asked& asked, Message message) {
    std::visit(
        [&]<typename M>(M& body) {
          if constexpr (requires { body.request_id = std::optional<std::uint64_t>(); }) {
            if constexpr (!std::is_same_v<decltype(body.request_id), std::uint64_t>) {
              if (has_request_ids_in_replies(draft_)) body.request_id = asked.id;
            }
          }
          if constexpr (requires { body.kind; }) body.kind = request_kind(asked.message);
        },
        message);
    if (asked.send) {
      asked.send->write(bytes_of(message));
    } else {
      say(message);
    }
  }
  void update(Asked& asked, const Parameters& parameters) {
    RequestUpdate message;
    message.request_id = next_id_;
    next_id_ += 2;
    if (has_request_ids_in_replies(draft_)) message.updated_request = asked.id;
    message.parameters = parameters;
    update_id_ = message.request_id;
    say(asked, message);
  }
  [[nodiscard]] std::uint64_t update_id() const { return update_id_; }
  /// A Request ID of the peer's that is not used yet.
  std::uint64_t take_id() { return std::exchange(next_id_, next_id_ + 2); }
  /// The next message about a request; others of the control stream are kept.
  Message answer(Asked& asked) {
    if (asked.reader) {
      auto message = run_until_ready(
          world_, [&](const Waiter& waiter) { return asked.reader->poll_message(waiter); });
      EXPECT_TRUE(message) << message.error().describe();
      EXPECT_TRUE(*message) << "the request ended";
      return **message;
    }
    for (std::size_t i = 0;; ++i) {
      if (i == waiting_.size()) waiting_.push_back(read_control());
      const auto id = id_of(waiting_[i]);
      if (id != asked.id && id != update_id_) continue;
      Message found = std::move(waiting_[i]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      return found;
    }
  }
  template <typename M>
  M answer_as(Asked& asked) {
    Message message = answer(asked);
    const auto* body = std::get_if<M>(&message);
    EXPECT_NE(body, nullptr) << "a " << name_of(message);
    if (const auto* error = std::get_if<RequestError>(&message); error != nullptr && !body) {
      ADD_FAILURE() << static_cast<std::uint64_t>(error->code) << " " << error->reason;
    }
    MOQ_ASSERT(body != nullptr);
    return *body;
  }
  /// Ends a request of the peer.
  void cancel(Asked& asked) {
    if (asked.send) {
      asked.send->reset(1);
      asked.reader->stop(1);
      return;
    }
    if (std::holds_alternative<Subscribe>(asked.message)) say(Unsubscribe{asked.id});
    if (std::holds_alternative<Fetch>(asked.message)) say(FetchCancel{asked.id});
    if (const auto* offer = std::get_if<PublishNamespace>(&asked.message)) {
      say(PublishNamespaceDone{asked.id, offer->track_namespace});
    }
  }
  /// The next request of ours.
  Asked next_request() {
    Asked asked;
    if (has_request_streams(draft_)) {
      auto stream = *run_until_ready(
          world_, [&](const Waiter& waiter) { return raw->poll_accept_bidi(waiter); });
      asked.send = std::move(stream.send);
      asked.reader.emplace(std::move(stream.recv), draft_);
      asked.message = **run_until_ready(
          world_, [&](const Waiter& waiter) { return asked.reader->poll_message(waiter); });
    } else {
      for (std::size_t i = 0;; ++i) {
        if (i == waiting_.size()) waiting_.push_back(read_control());
        if (!request_kind(waiting_[i])) continue;
        asked.message = std::move(waiting_[i]);
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
    }
    asked.id = request_id_of(asked.message);
    return asked;
  }
  /// The next control message, whatever it is about.
  Message next_control() {
    if (waiting_.empty()) return read_control();
    Message first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }

  /// The next stream with objects.
  Data next_data() {
    auto stream = *run_until_ready(
        world_, [&](const Waiter& waiter) { return raw->poll_accept_uni(waiter); });
    StreamReader reader(std::move(stream), draft_);
    auto type =
        run_until_ready(world_, [&](const Waiter& waiter) { return reader.poll_varint(waiter); });
    EXPECT_TRUE(type && *type);
    return Data{**type, std::move(reader)};
  }
  std::unique_ptr<transport::SendStream> open_uni() {
    return *std::move(*raw->poll_open_uni(Waiter::none()));
  }
  /// How the session ended, once it has.
  Error closed() {
    return run_until_ready(world_, [&](const Waiter& waiter) { return raw->poll_closed(waiter); });
  }
  [[nodiscard]] bool alive() const { return raw->poll_closed(Waiter::none()).pending(); }
  [[nodiscard]] transport::SendStream& control() { return *control_send_; }
  [[nodiscard]] StreamReader& control_reader() { return *control_; }

  std::unique_ptr<transport::Session> raw;

 private:
  [[nodiscard]] bool has_stream(const Message& message) const {
    return has_request_streams(draft_) ||
           (has_namespace_streams(draft_) && std::holds_alternative<SubscribeNamespace>(message));
  }
  Message read_control() {
    auto message = run_until_ready(
        world_, [&](const Waiter& waiter) { return control_->poll_message(waiter); });
    EXPECT_TRUE(message) << message.error().describe();
    EXPECT_TRUE(*message);
    return **message;
  }
  /// The request that an answer is for.
  static std::optional<std::uint64_t> id_of(const Message& message) {
    return std::visit(
        []<typename M>(const M& body) -> std::optional<std::uint64_t> {
          if constexpr (requires { *body.request_id; }) return body.request_id;
          return std::nullopt;
        },
        message);
  }

  sim::World& world_;
  const Draft draft_;
  const bool server_;
  std::uint64_t next_id_ = 0;
  std::uint64_t update_id_ = UINT64_MAX;
  std::unique_ptr<transport::SendStream> control_send_;
  std::optional<StreamReader> control_;
  std::deque<Message> waiting_;
};

/// A session of ours, and the peer.
struct Stage {
  /// The peer dials us, unless `dial`: then we dial it.
  explicit Stage(Draft draft_to_speak, bool dial = false, std::uint64_t seed = sim::kDefaultSeed)
      : world(seed), draft(draft_to_speak), version(version_of(draft)), dials(dial) {
    sim::PairOptions options(sim::LinkOptions{.latency = 5ms});
    options.protocol = std::string(alpn_name(version));
    options.record = true;
    auto pair = sim::session_pair(world, options);
    control.emplace(pair.control);
    ours = std::move(dials ? pair.client : pair.server);
    peer.emplace(world, std::move(dials ? pair.server : pair.client), draft, dials);
  }
  /// Greets both ways, and starts the session.
  void start() {
    SessionOptions options;
    options.publish = origin.consume();
    if (subscribes) options.subscribe = subscribed.clone();
    start(std::move(options));
  }
  void start(SessionOptions options) {
    const std::vector<Version> versions = {version};
    if (dials) {
      auto dialling = world.spawn(
          net::connect({world, world}, std::move(ours), std::move(options), {}, versions));
      // 14 waits for the version.
      peer->greet();
      session =
          *run_until_ready(world, [&](const Waiter& waiter) { return dialling.poll_join(waiter); });
    } else {
      peer->greet();
      auto request = world.run(net::accept({world, world}, std::move(ours), versions));
      ASSERT_TRUE(request) << request.error().describe();
      session = std::move(*request).accept(std::move(options));
    }
    setup = peer->read_setup();
    world.run_for(20ms);
  }
  void publish(std::string_view path) {
    announcements.push_back(*origin.announce(Path::of(path), broadcast.consume()));
  }
  track::Producer create_track(std::string_view name, const track::Info& info = {}) {
    return *broadcast.create_track(name, info);
  }
  /// A group of `frames`, left open.
  static group::Producer write_group(track::Producer& track, std::uint64_t sequence,
                                     const std::vector<std::string>& frames) {
    auto group = track.create_group(sequence);
    MOQ_ASSERT(group.has_value());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      EXPECT_TRUE(group->write_frame(1000 * sequence + i, Bytes::copy(frames[i])));
    }
    return *std::move(group);
  }

  sim::World world;
  const Draft draft;
  const Version version;
  const bool dials;
  bool subscribes = false;
  origin::Producer origin{0x1111};
  origin::Producer subscribed{0x2222};
  broadcast::Producer broadcast;
  std::vector<origin::Announcement> announcements;
  std::optional<sim::PairControl> control;
  std::unique_ptr<transport::Session> ours;
  std::optional<Peer> peer;
  std::optional<Session> session;
  Setup setup;  ///< Ours, as the peer read it.
};

/// An object with its payload.
struct Got {
  Object object;
  std::string payload;
};

/// The next object of a stream; none at its clean end. A failure is told as an object of the peer's
/// code.
inline std::optional<Got> next_object(sim::World& world, StreamReader& reader) {
  auto object =
      run_until_ready(world, [&](const Waiter& waiter) { return reader.poll_object(waiter); });
  EXPECT_TRUE(object) << object.error().describe();
  if (!object || !*object) return std::nullopt;
  Got got{**object, ""};
  while (reader.payload_remaining() > 0) {
    auto part =
        run_until_ready(world, [&](const Waiter& waiter) { return reader.poll_payload(waiter); });
    EXPECT_TRUE(part);
    if (!part || part->empty()) break;
    got.payload += part->text();
  }
  return got;
}

}  // namespace moq::net::moqt
