// A whole session of ours, with publisher and subscriber, against a client that does what the input
// says: opens streams, sends requests and answers that are right but out of place, writes bytes
// that are not, ends, resets and stops streams, sends datagrams, lets time pass.
//
// Input: draft, whether the client greets, then steps: what, which stream, and for some a length
// and so many bytes.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/log.h"
#include "moq/net/lite/fuzz_support.h"
#include "moq/net/moqt/message.h"
#include "moq/net/session.h"
#include "moq/sim/session_pair.h"
#include "moq/sim/world.h"

namespace moq::net::moqt {
namespace {

using lite::take_byte;

constexpr std::size_t kMaxSteps = 200;
constexpr std::size_t kMaxStreams = 64;

/// Both halves, whoever opened the stream.
struct Stream {
  std::unique_ptr<transport::SendStream> send;
  std::unique_ptr<transport::RecvStream> recv;
  bool over = false;  ///< Our sending half.
};

/// Reads what the session tells its readers, as an application would.
struct TrackReader {
  explicit TrackReader(track::Consumer reader) : track(std::move(reader)) {}
  void read() {
    while (auto next = track.poll_next_group(kio::Waiter::none())) {
      if (!*next || !**next) break;
      groups.push_back(**std::move(*next));
    }
    for (group::Consumer& group : groups) {
      while (auto chunk = group.poll_chunk(kio::Waiter::none())) {
        if (!*chunk || !**chunk) break;
      }
    }
  }
  track::Consumer track;
  std::vector<group::Consumer> groups;
};

LocationFilter filter_of(std::uint8_t which) {
  switch (which % 4) {
    case 0:
      return {};
    case 1:
      return LocationFilter::next_object();
    case 2:
      return LocationFilter::relative(which / 4);
    default:
      return LocationFilter::from({std::uint64_t{which} / 16, std::uint64_t{which} % 4},
                                  RangeEnd{std::uint64_t{which} / 8, std::nullopt});
  }
}

class Play {
 public:
  Play(Draft draft, bool greets) : draft_(draft) {
    const auto version = Version{static_cast<std::uint8_t>(std::to_underlying(Version::moqt_14) +
                                                           std::to_underlying(draft) - 14)};
    sim::PairOptions options(sim::LinkOptions{.latency = 1ms});
    options.protocol = std::string(alpn_name(version));
    auto pair = sim::session_pair(world_, options);
    raw_ = std::move(pair.client);
    if (greets) {
      Setup setup;
      setup.versions = {version_number(draft)};
      setup.max_request_id = 1 << 20;
      open(!has_request_streams(draft), encode(setup));
    }
    versions_ = {version};
    accepting_ = world_.spawn(net::accept({world_, world_}, std::move(pair.server), versions_));
    world_.run_for(10ms);
  }

  void step(std::uint8_t what, ByteSpan& input) {
    const std::uint8_t which = take_byte(input);
    Stream* stream = streams_.empty() ? nullptr : &streams_[which % streams_.size()];
    switch (what % 16) {
      case 0:
        open(false, bytes(input));
        break;
      case 1:
        open(true, bytes(input));
        break;
      case 2:
        if (stream && stream->send && !stream->over) stream->send->write(bytes(input));
        break;
      case 3:
        if (stream && stream->send && !std::exchange(stream->over, true)) stream->send->finish();
        break;
      case 4:
        if (stream && stream->send && !std::exchange(stream->over, true)) {
          stream->send->reset(take_byte(input));
        }
        break;
      case 5:
        if (stream && stream->recv) stream->recv->stop(take_byte(input));
        break;
      case 6:
        world_.run_for(std::chrono::milliseconds(which) * 40);
        break;
      case 7:
        raw_->send_datagram(bytes(input));
        break;
      case 8:
        subscribe(which);
        break;
      case 9:
        fetch(which);
        break;
      case 10:
        (void)video_.write_frame(which, Bytes::copy("payload"));
        break;
      case 11:
        if (session_) session_->goaway("");
        break;
      case 12:
        request(which, take_byte(input));
        break;
      case 13:
        answer(stream, which, take_byte(input));
        break;
      case 14:
        data(which, bytes(input));
        break;
      default:
        update(stream, which);
    }
    settle();
  }

 private:
  static Bytes bytes(ByteSpan& input) {
    const std::size_t wanted = take_byte(input);
    const std::size_t size = std::min(wanted, input.size());
    const Bytes taken = Bytes::copy(input.first(size));
    input = input.subspan(size);
    return taken;
  }
  [[nodiscard]] Bytes encode(const Message& message) const {
    auto bytes = encode_message(message, draft_);
    return bytes ? *bytes : Bytes();
  }
  void open(bool bidi, Bytes first) {
    if (streams_.size() >= kMaxStreams) return;
    if (bidi) {
      auto opened = raw_->poll_open_bidi(kio::Waiter::none());
      if (opened.pending() || !*opened) return;
      streams_.push_back({std::move((*opened)->send), std::move((*opened)->recv)});
    } else {
      auto opened = raw_->poll_open_uni(kio::Waiter::none());
      if (opened.pending() || !*opened) return;
      streams_.push_back({**std::move(opened), nullptr});
    }
    streams_.back().send->write(std::move(first));
  }
  void say(Stream* stream, Bytes bytes) {
    if (!has_request_streams(draft_) && !streams_.empty()) stream = &streams_.front();
    if (stream && stream->send && !stream->over) stream->send->write(std::move(bytes));
  }
  /// A request of the client.
  void request(std::uint8_t kind, std::uint8_t which) {
    const std::uint64_t id = next_id_;
    next_id_ += 2;
    const FullTrackName live{{.fields = {"live"}}, "video"};
    Parameters parameters;
    parameters.filter = filter_of(which);
    parameters.forward = which % 7 != 0;
    parameters.priority = which;
    if (which % 3 == 0) parameters.fill = Fill{.filter = filter_of(which / 3)};
    Message message;
    switch (kind % 7) {
      case 0:
        message = Subscribe{.request_id = id, .track = live, .parameters = parameters};
        break;
      case 1: {
        Fetch body{.request_id = id, .track = live};
        body.range = filter_of(which);
        if (which % 3 == 0) body.joining = JoiningFetch{.subscription = which & 0xfeU};
        message = body;
        break;
      }
      case 2:
        message = TrackStatus{.request_id = id, .track = live};
        break;
      case 3:
        message = PublishNamespace{.request_id = id, .track_namespace = {.fields = {"far"}}};
        break;
      case 4:
        message = SubscribeNamespace{.request_id = id};
        break;
      case 5:
        message =
            Publish{.request_id = id, .name = {{.fields = {"far"}}, "video"}, .track_alias = which};
        break;
      default:
        message = SubscribeTracks{.request_id = id};
    }
    Bytes sent = encode(message);
    if (has_request_streams(draft_) || (draft_ == Draft::d16 && kind % 7 == 4)) {
      open(true, std::move(sent));
    } else {
      say(nullptr, std::move(sent));
    }
  }
  /// Something that may be an answer to one of our requests.
  void answer(Stream* stream, std::uint8_t kind, std::uint8_t which) {
    std::optional<std::uint64_t> id;
    if (has_request_ids_in_replies(draft_)) id = which % 16 * 2 + 1;
    constexpr RequestKind kKinds[] = {RequestKind::publish_namespace,
                                      RequestKind::subscribe_namespace, RequestKind::publish,
                                      RequestKind::track_status};
    const RequestKind of = kKinds[which / 16 % 4];
    Parameters parameters;
    if (which % 2 == 0) parameters.largest = Location{which, 1};
    Message message;
    switch (kind % 9) {
      case 0:
        message = SubscribeOk{.request_id = id, .track_alias = which, .parameters = parameters};
        break;
      case 1:
        message = FetchOk{.request_id = id, .end = {.group = which, .object = 1}};
        break;
      case 2:
        message = RequestOk{.request_id = id, .kind = of};
        break;
      case 3:
        message = RequestError{.request_id = id, .kind = of, .code = RequestCode{which}};
        if (which == 0x34) return;
        break;
      case 4:
        message =
            PublishDone{.request_id = id, .code = DoneCode{which % 8U}, .stream_count = which % 4};
        break;
      case 5:
        message = Namespace{.suffix = {.fields = {"far"}}};
        break;
      case 6:
        message = NamespaceDone{.suffix = {.fields = {"far"}}};
        break;
      case 7:
        message = Unsubscribe{.request_id = which % 32U};
        break;
      default:
        message = Goaway{.uri = ""};
    }
    say(stream, encode(message));
  }
  void update(Stream* stream, std::uint8_t which) {
    RequestUpdate message;
    message.request_id = next_id_;
    next_id_ += 2;
    if (has_request_ids_in_replies(draft_)) message.updated_request = which & 0xfeU;
    message.parameters.filter = filter_of(which);
    message.parameters.forward = which % 2 == 0;
    message.parameters.priority = which;
    say(stream, encode(message));
  }
  /// A stream of objects.
  void data(std::uint8_t which, const Bytes& payload) {
    Writer out = writer_of(draft_);
    SubgroupHeader header;
    header.track_alias = which % 8;
    header.group = which / 8;
    header.priority = 128;
    header.end_of_group = which % 2 == 0;
    header.first_object = true;
    header.write(out, draft_);
    SubgroupObjectWriter objects(header, draft_);
    Object object;
    object.group = header.group;
    object.payload_bytes = payload.size();
    open(false, out.take());
    if (streams_.empty() || !streams_.back().send || streams_.back().over) return;
    if (auto head = objects.write(object)) streams_.back().send->write(*std::move(head));
    streams_.back().send->write(payload);
  }
  /// A reader of ours, of what the client announced as "far".
  void subscribe(std::uint8_t which) {
    const auto far = subscribed_.consume().find(Path::of("far"));
    if (!far || readers_.size() >= 8) return;
    track::Subscription wanted{.priority = which, .max_age = std::chrono::seconds(which % 8)};
    if (which % 3 == 0) wanted.start = which;
    if (which % 5 == 0) wanted.end = which + 3;
    readers_.emplace_back(far->subscribe("video", wanted));
  }
  void fetch(std::uint8_t which) {
    const auto far = subscribed_.consume().find(Path::of("far"));
    if (far && fetches_.size() < 8) fetches_.push_back(far->fetch("video", which));
  }
  /// Lets the session work, and takes in what it opened and said.
  void settle() {
    world_.run_for(5ms);
    if (!session_ && accepting_.finished() && !std::exchange(joined_, true)) {
      auto request = *accepting_.poll_join(kio::Waiter::none());
      if (request) {
        SessionOptions options;
        options.publish = published_.consume();
        options.subscribe = subscribed_.clone();
        session_ = std::move(*request).accept(std::move(options));
        world_.run_for(5ms);
      }
    }
    while (streams_.size() < kMaxStreams) {
      auto accepted = raw_->poll_accept_bidi(kio::Waiter::none());
      if (accepted.pending() || !*accepted) break;
      streams_.push_back({std::move((*accepted)->send), std::move((*accepted)->recv)});
    }
    while (streams_.size() < kMaxStreams) {
      auto accepted = raw_->poll_accept_uni(kio::Waiter::none());
      if (accepted.pending() || !*accepted) break;
      streams_.push_back({nullptr, **std::move(accepted), true});
    }
    for (Stream& stream : streams_) {
      if (!stream.recv) continue;
      while (auto read = stream.recv->poll_read(kio::Waiter::none(), 4096)) {
        if (!*read || (*read)->empty()) break;
      }
    }
    for (TrackReader& reader : readers_) reader.read();
  }

  sim::World world_;
  Draft draft_;
  std::uint64_t next_id_ = 0;
  std::vector<Version> versions_;
  origin::Producer published_{1};
  origin::Producer subscribed_{2};
  broadcast::Producer broadcast_;
  origin::Announcement announcement_ = *published_.announce(Path::of("live"), broadcast_.consume());
  track::Producer video_ = *broadcast_.create_track("video");
  std::unique_ptr<transport::Session> raw_;
  kio::Spawned<Result<net::Request>> accepting_;
  bool joined_ = false;
  std::optional<Session> session_;
  std::vector<Stream> streams_;
  std::vector<TrackReader> readers_;
  std::vector<track::Fetch> fetches_;
};

}  // namespace
}  // namespace moq::net::moqt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::net::moqt;
  // Log lines are made of what peers say: let them be written, to nobody.
  static const bool logs = [] {
    moq::log::set_sink([](auto...) {}, moq::log::Level::trace);
    return true;
  }();
  (void)logs;
  moq::ByteSpan input(data, size);
  const Draft draft = kDrafts[take_byte(input) % kDrafts.size()];
  Play play(draft, take_byte(input) % 8 != 0);
  for (std::size_t steps = 0; steps < kMaxSteps && !input.empty(); ++steps) {
    play.step(take_byte(input), input);
  }
  return 0;
}
