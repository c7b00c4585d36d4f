#pragma once

#include <deque>
#include <map>

#include "moq/conformance/case.h"
#include "moq/kio/executor.h"

/// moq-lite 03 to 06 as bytes. draft-lcurley-moq-lite, and what published peers do.
namespace moq::conformance::lite {

enum class Version : std::uint8_t { v03 = 3, v04, v05, v06 };

/// Types of streams.
inline constexpr std::uint64_t kAnnounce = 1;
inline constexpr std::uint64_t kSubscribe = 2;
inline constexpr std::uint64_t kFetch = 3;
inline constexpr std::uint64_t kProbe = 4;
inline constexpr std::uint64_t kGoaway = 5;
inline constexpr std::uint64_t kTrack = 6;
inline constexpr std::uint64_t kGroup = 0;  ///< Unidirectional.
inline constexpr std::uint64_t kSetup = 1;  ///< Unidirectional.

/// Codes of streams and of sessions.
inline constexpr std::uint32_t kCancelled = 0x1;
inline constexpr std::uint32_t kNotFound = 0x33;
inline constexpr std::uint32_t kUnroutable = 0x36;
inline constexpr std::uint64_t kProtocolViolation = 3;

/// The hops that scripts name themselves by.
inline constexpr std::uint64_t kPublisherHop = 0x1234;

/// A length and the body; a type in front if one is given.
Bytes message(const Writer& body);
Bytes message(std::uint64_t type, const Writer& body);

struct Range {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  std::uint64_t first_frame = 0;
  std::optional<std::uint64_t> last_frame;
};

/// What a script subscribes with; old groups are always wanted.
struct Subscription {
  std::uint64_t id = 0;
  std::string broadcast;
  std::string track = "video";
  Range range;
  std::uint64_t max_age_ms = 60'000;
};

struct Frame {
  std::int64_t timestamp = 0;  ///< From 05 on.
  std::string payload;
};

/// The bytes of one version.
class Wire {
 public:
  explicit Wire(Version version) : version_(version) {}
  [[nodiscard]] bool from(Version version) const { return version_ >= version; }

  /// Whole beginnings of streams.
  [[nodiscard]] Bytes announce_request(std::string_view prefix, std::uint64_t exclude = 0) const;
  [[nodiscard]] Bytes subscribe(const Subscription& subscription) const;
  [[nodiscard]] Bytes subscribe_update(const Subscription& subscription) const;
  [[nodiscard]] Bytes track(std::string_view broadcast, std::string_view track) const;
  [[nodiscard]] Bytes fetch(std::string_view broadcast, std::string_view track, std::uint64_t group,
                            Range range) const;
  [[nodiscard]] Bytes group_header(std::uint64_t subscription, std::uint64_t sequence) const;

  /// Messages, and parts of streams.
  [[nodiscard]] Bytes announce_ok(std::uint64_t hop, std::uint64_t active) const;
  /// As a publisher with one hop says it; up to 05 ACTIVE, from 06 on START.
  [[nodiscard]] Bytes active(std::string_view suffix) const;
  /// The same with these hops behind it.
  [[nodiscard]] Bytes active(std::string_view suffix, const std::vector<std::uint64_t>& hops) const;
  /// Of the START number `id`; up to 05 of `suffix`.
  [[nodiscard]] Bytes ended(std::string_view suffix, std::uint64_t id) const;
  [[nodiscard]] Bytes track_info(std::uint64_t timescale = 1000) const;
  /// OK up to 04; START of `sequence` later.
  [[nodiscard]] Bytes subscribe_ok(std::uint64_t sequence) const;
  [[nodiscard]] Bytes subscribe_end(std::uint64_t sequence) const;
  [[nodiscard]] Bytes subscribe_drop(std::uint64_t first, std::uint64_t last) const;
  [[nodiscard]] Bytes frames(const std::vector<Frame>& frames) const;
  /// How many whole frames `bytes` are; none if they are none.
  [[nodiscard]] std::optional<std::size_t> count_frames(const Bytes& bytes) const;
  /// The payload of the first of them.
  [[nodiscard]] std::string first_payload(const Bytes& bytes) const;

 private:
  void write_range(Writer& out, const Subscription& subscription) const;
  Version version_;
};

/// What a publisher says of a route.
struct Announcement {
  bool active = false;
  std::string suffix;  ///< Of an END from 06 on: that of its START.
  std::vector<std::uint64_t> hops;
  std::uint64_t hop_count = 0;
};

/// The reading side of an announce stream.
class Announcements {
 public:
  Announcements(Wire wire, Stream stream) : wire_(wire), stream_(std::move(stream)) {}
  /// Reads ANNOUNCE_OK from 05 on.
  kio::Task<Verdict> begin();
  kio::Task<Result<Announcement>> next(std::string what);
  /// The next one about `suffix`, whatever comes between.
  kio::Task<Result<Announcement>> next_of(std::string suffix, bool active);

  [[nodiscard]] std::uint64_t hop() const { return hop_; }
  [[nodiscard]] std::uint64_t initial() const { return initial_; }
  Stream& stream() { return stream_; }

 private:
  Wire wire_;
  Stream stream_;
  std::uint64_t hop_ = 0;
  std::uint64_t initial_ = 0;
  std::vector<std::optional<std::string>> started_;  ///< By id, from 06 on.
};

/// A request that the endpoint makes of a publisher.
struct Request {
  Request(std::uint64_t of_type, Stream on, Bytes said)
      : type(of_type), stream(std::move(on)), body(std::move(said)) {}
  std::uint64_t type;
  Stream stream;
  Bytes body;

  /// The id of SUBSCRIBE.
  [[nodiscard]] std::uint64_t subscription() const { return Reader(body).varint(); }
  /// The track of SUBSCRIBE.
  [[nodiscard]] std::string track() const;
};

/// A group that came.
struct Group {
  std::uint64_t sequence = 0;
  Bytes frames;
  std::size_t count = 0;  ///< Of frames.
};

/// One session of a script.
class Session {
 public:
  /// Meets the endpoint and sends SETUP. Skips if it does not take the version.
  static kio::Task<Result<std::unique_ptr<Session>>> connect(Script& script, std::uint64_t hop = 0);
  /// The same without a SETUP.
  static kio::Task<Result<std::unique_ptr<Session>>> meet(Script& script);
  Session(Wire of_version, std::unique_ptr<Peer> on) : wire(of_version), peer(std::move(on)) {}

  /// Reads unidirectional streams until one is the endpoint's SETUP; its parameters by id.
  kio::Task<Result<std::map<std::uint64_t, Bytes>>> read_setup();
  /// Asks what is announced below `prefix`.
  kio::Task<Result<Announcements>> announcements(std::string prefix, std::uint64_t exclude = 0);
  /// Waits until the endpoint knows `broadcast` as a subscriber does.
  kio::Task<Verdict> wait_for(std::string broadcast);
  /// Asks for a track's info, and expects to hear that the broadcast is unknown: the session lives.
  kio::Task<Verdict> expect_alive();
  /// The next group stream, after its header: subscription and sequence.
  kio::Task<Result<Stream>> accept_group(std::uint64_t subscription, std::uint64_t sequence);
  /// The catalog of a client's broadcast.
  kio::Task<Result<std::string>> read_catalog(std::string broadcast);
  /// A group of `subscription`, whichever is the next: its sequence and its frames' bytes.
  kio::Task<Result<Group>> next_group(std::uint64_t subscription);
  /// Expects the whole group, byte by byte.
  kio::Task<Verdict> expect_group(std::uint64_t subscription, std::uint64_t sequence,
                                  std::vector<Frame> frames);
  /// A stream that sends a whole group.
  kio::Task<Verdict> send_group(std::uint64_t subscription, std::uint64_t sequence,
                                std::vector<Frame> frames);

  Wire wire;
  std::unique_ptr<Peer> peer;

 private:
  std::uint64_t next_id_ = 1'000'000;  ///< Of subscriptions that ask whether the session lives.
};

/// The publishing side of a script: announces broadcasts, and answers what is the same each time.
/// Its task serves beside the script.
class Publisher {
 public:
  /// Announces `suffixes`; ready once the endpoint has asked for announcements.
  static kio::Task<Result<std::unique_ptr<Publisher>>> start(Script& script,
                                                             std::vector<std::string> broadcasts);
  Publisher(std::unique_ptr<Session> on, std::vector<std::string> broadcasts)
      : session(std::move(on)), broadcasts_(std::move(broadcasts)) {}

  /// The next SUBSCRIBE, of any track.
  kio::Task<Result<Request>> next_subscribe();
  /// The next FETCH, once they are held; before, each is refused.
  void hold_fetches() { fetches_held_ = true; }
  kio::Task<Result<Request>> next_fetch();
  /// The next TRACK is not answered with an info, but left to the script.
  void hold_tracks() { tracks_held_ = true; }
  kio::Task<Result<Request>> next_track();
  /// Gives a client that asks the catalog; its next SUBSCRIBE, of the track that is in it.
  kio::Task<Result<Request>> next_media();
  /// From here on each TRACK and SUBSCRIBE is refused: endpoints may ask again.
  void refuse_with(std::uint32_t code) { refusal_ = code; }
  /// The next TRACK is answered with a timescale of 0.
  void break_next_track() { timescale_ = 0; }
  /// Writes on the announce stream.
  void announce(Bytes message) { announce_streams_.front().write(std::move(message)); }
  Stream& announce_stream() { return announce_streams_.front(); }

  std::unique_ptr<Session> session;

 private:
  kio::Task<void> serve();
  kio::Task<Verdict> answer(std::uint64_t type, Stream stream);
  kio::Task<Result<Request>> next(std::deque<Request>& queue, std::string what);

  std::vector<std::string> broadcasts_;
  std::deque<Request> subscribes_;
  std::deque<Request> fetches_;
  std::deque<Request> tracks_;
  std::deque<Stream> announce_streams_;
  std::deque<Stream> kept_;  ///< Streams that nobody looks at: a probe, the catalog's.
  bool tracks_held_ = false;
  bool fetches_held_ = false;
  std::optional<std::uint32_t> refusal_;
  std::uint64_t timescale_ = 1000;
  std::optional<Error> failed_;
  kio::WaiterList changed_;
  kio::Spawned<void> serving_;
};

/// A publisher and a subscriber: the subscriber has subscribed, and the publisher has been asked. A
/// relay joins two of ours; a client under test is one of them, and the script has the other alone.
struct Joined {
  explicit Joined(End of) : end(of) {}

  /// Subscribes with id 0 and everything from the latest group on. A client that subscribes has
  /// been given the catalog, and has asked for its track.
  static kio::Task<Result<std::unique_ptr<Joined>>> make(Script& script);
  /// The publisher answers; the subscriber has heard nothing yet.
  void accept(std::uint64_t first) {
    request->stream.write(publisher->session->wire.subscribe_ok(first));
  }
  /// Up to 04: the subscriber hears SUBSCRIBE_OK before all else.
  kio::Task<Verdict> expect_ok();
  /// Sends one group, and checks it at the other end. A client that subscribes has to take it; not
  /// if it is older than others.
  kio::Task<Verdict> pass(std::uint64_t group, std::vector<Frame> frames);
  /// The publisher answers with group 5, and that one passes. A client that publishes does as it
  /// likes: some group has to come.
  kio::Task<Verdict> begin();
  /// One more group passes.
  kio::Task<Verdict> next();
  /// Frames as the subscriber takes them: a client gets them as video, later than all before.
  std::vector<Frame> dressed(std::vector<Frame> frames);
  /// The session from which the endpoint gets what it gets on; a client has one alone.
  [[nodiscard]] Session& upstream() const { return publisher ? *publisher->session : *subscriber; }
  /// The session that asks, or the only one.
  [[nodiscard]] Session& downstream() const { return subscriber ? *subscriber : upstream(); }
  /// The id of the subscription that the publisher serves.
  [[nodiscard]] std::uint64_t id() const { return request ? request->subscription() : 0; }

  End end;
  std::unique_ptr<Publisher> publisher;  ///< Null if a client publishes.
  std::unique_ptr<Session> subscriber;   ///< Null if a client subscribes.
  std::optional<Stream> subscription;    ///< The subscriber's stream.
  std::optional<Request> request;        ///< The publisher's.
  std::string broadcast;
  std::string track = "video";
  std::uint64_t sequence = 0;  ///< Of the newest group that passed.

 private:
  kio::Task<Verdict> join_relay(Script& script);
  kio::Task<Verdict> join_publisher(Script& script);
  kio::Task<Verdict> join_subscriber(Script& script);
  std::int64_t shift_ms_ = 0;  ///< Of times, so that they go forward.
};

/// The frames of most scripts: some text, an empty one, a step back in time.
std::vector<Frame> sample_frames();

Version version_of(const Script& script);
/// How a request for what is not there may be refused. A client that publishes nothing has no
/// better answer than any: the published one says that its peer may not ask.
Codes refusals(const Script& script);
/// Skips unless the version is at least `version`.
Verdict require(const Script& script, Version version);

/// The cases, by topic.
std::vector<Case> setup_cases();
std::vector<Case> stream_cases();
std::vector<Case> announce_cases();
std::vector<Case> subscribe_cases();
std::vector<Case> group_cases();
std::vector<Case> request_cases();
std::vector<Case> flow_cases();
/// Of clients alone.
std::vector<Case> publisher_cases();
std::vector<Case> subscriber_cases();
kio::Task<Verdict> still_serves(Script& script);

}  // namespace moq::conformance::lite
