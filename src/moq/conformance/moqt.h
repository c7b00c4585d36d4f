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
  bool server = false;  ///< Up to 16 servers have a message of their own.
};

/// What a script says in its SETUP unless it says something else.
Setup setup_of(const Script& script);

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
  /// From the largest object on, or from the beginning of the current group.
  enum class From : std::uint8_t { here, group };
  [[nodiscard]] Bytes subscribe(std::uint64_t id, const Name& name, std::string_view track,
                                From from = From::here) const;
  /// From 17 on: as SUBSCRIBE, with RENDEZVOUS_TIMEOUT.
  [[nodiscard]] Bytes subscribe_patiently(std::uint64_t id, const Name& name,
                                          std::string_view track, std::uint64_t ms) const;
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
  /// DOES_NOT_EXIST to a SUBSCRIBE.
  [[nodiscard]] Bytes refuse_subscribe(std::uint64_t id) const;
  /// What a request that the endpoint makes says after its id.
  [[nodiscard]] Reader after_id(const Bytes& request) const;
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

/// A group that came on one stream.
struct Group {
  std::uint64_t sequence = 0;
  std::vector<std::string> payloads;
};

/// One session of a script. Its tasks take in what comes, and answer what is the same each time:
/// namespaces that are announced or asked for.
class Session {
 public:
  /// Meets the endpoint and exchanges SETUP. Skips if the endpoint does not take the draft.
  static kio::Task<Result<std::unique_ptr<Session>>> connect(Script& script);
  static kio::Task<Result<std::unique_ptr<Session>>> connect_with(Script& script, Bytes setup);
  /// Meets it and sends `setup`; nothing is taken in but what it needs for that.
  static kio::Task<Result<std::unique_ptr<Session>>> open(Script& script, Bytes setup);
  Session(Wire of_draft, std::unique_ptr<Peer> on, bool server)
      : wire(of_draft), peer(std::move(on)), server_(server), next_id_(server ? 1 : 0) {}

  /// The id of our first request.
  [[nodiscard]] std::uint64_t first_id() const { return server_ ? 1 : 0; }
  /// The id of the next request.
  std::uint64_t next_id() { return std::exchange(next_id_, next_id_ + 2); }
  /// Sends a request on the stream where it belongs.
  kio::Task<Result<Request>> send(std::uint64_t id, Bytes request, bool own_stream = false);
  /// The next message that answers it.
  kio::Task<Result<Message>> answer(Request request, std::string what);
  /// Lets it live as long as the session: what goes with its stream stays.
  void keep(Request request) { kept_.push_back(std::move(request)); }
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
  /// Asks for namespaces, and waits until this one is known.
  kio::Task<Verdict> wait_for(Name name);
  /// The next whole group of `alias`.
  kio::Task<Result<Group>> next_group(std::uint64_t alias);
  /// The catalog of a client's broadcast.
  kio::Task<Result<std::string>> read_catalog(Name name);

  Wire wire;
  std::unique_ptr<Peer> peer;

 private:
  kio::Task<Verdict> read_setup();
  kio::Task<void> take_control();
  kio::Task<void> take_streams();
  kio::Task<void> take_requests(std::shared_ptr<Stream> stream);
  [[nodiscard]] bool is_subgroup(std::uint64_t type) const;
  /// The alias and the group of a stream; none if it begins in its middle, or is reset.
  kio::Task<Result<std::optional<std::pair<std::uint64_t, Group>>>> read_group(Stream& stream);
  kio::Task<void> take_names(std::shared_ptr<Stream> stream, Name prefix);
  void take(Message message);
  void start();

  std::shared_ptr<Stream> control_out_;
  std::shared_ptr<Stream> control_in_;
  bool server_;
  bool setup_read_ = false;
  std::uint64_t next_id_;
  std::deque<Message> messages_;
  std::vector<Request> kept_;
  std::map<Name, bool> announced_;
  std::map<std::uint64_t, Name> announced_ids_;  ///< By the id of PUBLISH_NAMESPACE.
  std::deque<Stream> early_;  ///< Data streams that came before the control stream.
  std::optional<Error> failed_;
  kio::WaiterList changed_;
  std::unique_ptr<kio::TaskGroup> tasks_;
};

/// A publisher and a subscriber: the subscriber has subscribed, and the publisher has accepted. A
/// relay joins two of ours; a client under test is one of them, and the script has the other alone.
struct Joined {
  explicit Joined(End of) : end(of) {}
  static kio::Task<Result<std::unique_ptr<Joined>>> make(Script& script);
  /// Sends one group, and checks it at the other end. A client that subscribes has to take it; not
  /// if it is older than others.
  kio::Task<Verdict> pass(std::uint64_t group, std::vector<std::string> payloads);
  /// One more group passes. A client that publishes does as it likes: some group has to come.
  kio::Task<Verdict> next();
  /// Payloads as the subscriber takes them: a client gets them as video, later than all before.
  std::vector<std::string> dressed(std::vector<std::string> payloads);
  /// The session from which the endpoint gets what it gets on; a client has one alone.
  [[nodiscard]] Session& upstream() const { return publisher ? *publisher : *subscriber; }
  /// The session that asks, or the only one.
  [[nodiscard]] Session& downstream() const { return subscriber ? *subscriber : *publisher; }

  End end;
  std::unique_ptr<Session> publisher;   ///< Null if a client publishes.
  std::unique_ptr<Session> subscriber;  ///< Null if a client subscribes.
  Request subscription;
  std::optional<Message> request;  ///< The endpoint's SUBSCRIBE to the publisher.
  std::uint64_t request_id = 0;
  std::uint64_t alias = 0;  ///< At the subscriber.
  Name name;
  std::uint64_t sequence = 0;  ///< Of the newest group that passed.

 private:
  kio::Task<Verdict> join_relay(Script& script);
  kio::Task<Verdict> join_publisher(Script& script);
  kio::Task<Verdict> join_subscriber(Script& script);
  std::uint64_t time_us_ = 0;  ///< Of the next frame.
};

/// Announces the broadcast that a client wants, to a session of its.
kio::Task<Verdict> announce(Session& session, Name name);
/// The client's next SUBSCRIBE of the track that the catalog names, which it is given before under
/// `catalog_alias`.
kio::Task<Result<Message>> next_media(Session& session, std::uint64_t catalog_alias);
/// The track of a SUBSCRIBE.
std::string track_of(const Wire& wire, const Message& subscribe);

/// The alias that scripts publish by.
inline constexpr std::uint64_t kAlias = 7;
inline constexpr std::uint64_t kCatalogAlias = 9;

int draft_of(const Script& script);
Verdict require(const Script& script, int draft);
/// Text, an empty one, and more text.
std::vector<std::string> sample_payloads();
/// A namespace as it is on the wire; `in` fails if that is none.
Name read_name(Reader& in);
/// The fields of a path.
Name name_of(std::string_view path);
/// The fields of the script's own namespace, and one more.
Name name_of(const Script& script, std::string_view last);

std::vector<Case> cases();
/// Of clients alone.
std::vector<Case> publisher_cases();
std::vector<Case> subscriber_cases();
kio::Task<Verdict> still_serves(Script& script);

}  // namespace moq::conformance::moqt
