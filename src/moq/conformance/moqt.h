#pragma once

#include <deque>
#include <map>

#include "moq/conformance/case.h"
#include "moq/kio/executor.h"

/// moq-transport, drafts 14 to 22, as bytes. draft-ietf-moq-transport, and what published peers do.
namespace moq::conformance::moqt {

/// Types of control messages; several mean something else in another draft.
inline constexpr std::uint64_t kSubscribe = 0x03;
inline constexpr std::uint64_t kSubscribeOk = 0x04;
inline constexpr std::uint64_t kRequestError = 0x05;
inline constexpr std::uint64_t kPublishNamespace = 0x06;
inline constexpr std::uint64_t kRequestOk = 0x07;
inline constexpr std::uint64_t kNamespace = 0x08;  ///< From 16 on.
inline constexpr std::uint64_t kPublishNamespaceDone = 0x09;
inline constexpr std::uint64_t kUnsubscribe = 0x0a;
inline constexpr std::uint64_t kPublishDone = 0x0b;
inline constexpr std::uint64_t kNamespaceDone = 0x0e;  ///< From 16 on.
inline constexpr std::uint64_t kGoaway = 0x10;
inline constexpr std::uint64_t kFetch = 0x16;
inline constexpr std::uint64_t kPublish = 0x1d;
inline constexpr std::uint64_t kPublishOk = 0x1e;  ///< Up to 17; then a REQUEST_OK.
inline constexpr std::uint64_t kSubscribeTracks = 0x51;
inline constexpr std::uint64_t kFetchError14 = 0x19;
inline constexpr std::uint64_t kClientSetup = 0x20;
inline constexpr std::uint64_t kServerSetup = 0x21;
inline constexpr std::uint64_t kSetup = 0x2f00;

inline constexpr std::uint64_t kProtocolViolation = 3;
inline constexpr std::uint64_t kInvalidRequestId = 4;

using Name = std::vector<std::string>;

/// What a script says of itself in SETUP.
struct Setup {
  std::string path;       ///< Where the carrier has no URL.
  std::string authority;  ///< The same.
  Bytes more;             ///< Options of the script's own, as they are written after the others.
  std::uint64_t more_count = 0;
};

/// The bytes of one draft.
class Wire {
 public:
  explicit Wire(int draft) : draft_(draft) {}
  [[nodiscard]] int draft() const { return draft_; }
  [[nodiscard]] bool from(int draft) const { return draft_ >= draft; }
  [[nodiscard]] Varint kind() const;
  [[nodiscard]] Writer writer() const { return Writer(kind()); }
  [[nodiscard]] Reader reader(const Bytes& bytes) const { return Reader(bytes.span(), kind()); }
  /// One control stream in both directions, ids in answers.
  [[nodiscard]] bool one_control_stream() const { return draft_ <= 16; }

  /// A whole control message.
  [[nodiscard]] Bytes message(std::uint64_t type, const Writer& body) const;
  [[nodiscard]] Bytes setup(const Setup& what) const;
  [[nodiscard]] Bytes subscribe(std::uint64_t id, const Name& name, std::string_view track) const;
  [[nodiscard]] Bytes publish_namespace(std::uint64_t id, const Name& name) const;
  [[nodiscard]] std::uint64_t subscribe_namespace_type() const { return from(18) ? 0x50 : 0x11; }
  [[nodiscard]] Bytes subscribe_namespace(std::uint64_t id, const Name& prefix) const;
  /// SUBSCRIBE_TRACKS, or from 16 to 17 the SUBSCRIBE_NAMESPACE that asks for the same.
  [[nodiscard]] Bytes subscribe_tracks(std::uint64_t id, const Name& prefix) const;
  [[nodiscard]] Bytes unsubscribe(std::uint64_t id) const;
  [[nodiscard]] Bytes fetch(std::uint64_t id, const Name& name, std::string_view track,
                            std::uint64_t group) const;
  [[nodiscard]] Bytes goaway() const;

  /// Answers; `id` is written up to 16.
  [[nodiscard]] Bytes subscribe_ok(std::uint64_t id, std::uint64_t alias) const;
  [[nodiscard]] Bytes namespace_ok(std::uint64_t id) const;
  /// To SUBSCRIBE_NAMESPACE, which 14 answers by a message of its own.
  [[nodiscard]] Bytes subscribe_namespace_ok(std::uint64_t id) const;
  [[nodiscard]] Bytes refuse_fetch(std::uint64_t id) const;
  /// To PUBLISH: taken as it is offered.
  [[nodiscard]] Bytes publish_ok(std::uint64_t id) const;
  [[nodiscard]] Bytes refuse_publish(std::uint64_t id) const;
  [[nodiscard]] Bytes publish_done(std::uint64_t id, std::uint64_t streams) const;

  /// A subgroup stream of one group: objects from 0 on.
  [[nodiscard]] Bytes group(std::uint64_t alias, std::uint64_t sequence,
                            const std::vector<std::string>& payloads) const;

  void write_name(Writer& out, const Name& name) const;

 private:
  void write_id(Writer& out, std::uint64_t id) const;
  int draft_;
};

/// A control message that came, and the stream it came on if that is a request's own.
struct Message {
  Message(std::uint64_t of_type, Bytes said, std::shared_ptr<Stream> from)
      : type(of_type), body(std::move(said)), stream(std::move(from)) {}
  std::uint64_t type;
  Bytes body;
  std::shared_ptr<Stream> stream;
};

/// A request of the script's own.
struct Request {
  std::uint64_t id = 0;
  std::shared_ptr<Stream> stream;  ///< Null where requests share the control stream.
};

/// One session of a script. Its tasks take in what comes, and answer what is the same each time:
/// namespaces that are announced or asked for.
class Session {
 public:
  /// Dials and exchanges SETUP. Skips if the endpoint does not take the draft.
  static kio::Task<Result<std::unique_ptr<Session>>> connect(Script& script);
  static kio::Task<Result<std::unique_ptr<Session>>> connect_with(Script& script, Bytes setup);
  /// Dials and sends `setup` alone; nothing is taken in.
  static kio::Task<Result<std::unique_ptr<Session>>> open(Script& script, Bytes setup);
  Session(Wire of_draft, std::unique_ptr<Peer> on) : wire(of_draft), peer(std::move(on)) {}

  /// The id of the next request.
  std::uint64_t next_id() { return std::exchange(next_id_, next_id_ + 2); }
  /// Sends a request on the stream where it belongs.
  kio::Task<Result<Request>> send(std::uint64_t id, Bytes request, bool own_stream = false);
  /// The next message that answers it.
  kio::Task<Result<Message>> answer(Request request, std::string what);
  /// The next request of the endpoint's that is of this type, and was not answered here.
  kio::Task<Result<Message>> next(std::uint64_t type, std::string what);
  /// Says `bytes` to who sent `message`.
  void reply(const Message& message, Bytes bytes);

  /// Asks for a track that nobody has, and expects to be refused.
  kio::Task<Verdict> expect_alive();
  /// Subscribes, and expects SUBSCRIBE_OK; the alias.
  kio::Task<Result<std::uint64_t>> subscribed(Request request);
  /// Whole groups that come for `alias`: this one next.
  kio::Task<Verdict> expect_group(std::uint64_t alias, std::uint64_t sequence,
                                  std::vector<std::string> payloads);
  kio::Task<Verdict> send_group(std::uint64_t alias, std::uint64_t sequence,
                                std::vector<std::string> payloads);
  /// The stream that our SETUP went on, and the one that the endpoint's came on.
  Stream& control_out() { return *control_out_; }
  /// Namespaces that the endpoint has announced unasked, and withdrawn.
  kio::Task<Verdict> announced(Name name, bool active);

  Wire wire;
  std::unique_ptr<Peer> peer;

 private:
  kio::Task<Verdict> read_setup();
  kio::Task<void> take_control();
  kio::Task<void> take_streams();
  kio::Task<void> take_requests(std::shared_ptr<Stream> stream);
  void take(Message message);
  void start();

  std::shared_ptr<Stream> control_out_;
  std::shared_ptr<Stream> control_in_;
  std::uint64_t next_id_ = 0;
  std::deque<Message> messages_;
  std::map<Name, bool> announced_;
  std::map<std::uint64_t, Name> announced_ids_;  ///< By the id of PUBLISH_NAMESPACE.
  std::deque<Stream> early_;  ///< Data streams that came before the control stream.
  std::optional<Error> failed_;
  kio::WaiterList changed_;
  std::unique_ptr<kio::TaskGroup> tasks_;
};

/// A publisher and a subscriber, joined by the endpoint.
struct Joined {
  std::unique_ptr<Session> publisher;
  std::unique_ptr<Session> subscriber;
  Request subscription;
  std::optional<Message> request;  ///< The endpoint's SUBSCRIBE to the publisher.
  std::uint64_t request_id = 0;
  std::uint64_t alias = 0;  ///< At the subscriber.
  Name name;

  static kio::Task<Result<std::unique_ptr<Joined>>> make(Script& script);
  kio::Task<Verdict> pass(std::uint64_t sequence, std::vector<std::string> payloads);
};

/// The alias that scripts publish by.
inline constexpr std::uint64_t kAlias = 7;

int draft_of(const Script& script);
/// The fields of the script's own namespace, and one more.
Name name_of(const Script& script, std::string_view last);

std::vector<Case> cases();
kio::Task<Verdict> still_serves(Script& script);

}  // namespace moq::conformance::moqt
