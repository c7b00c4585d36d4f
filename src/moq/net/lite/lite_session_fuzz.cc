// A whole session of ours, with publisher and subscriber, against a client that does what the input
// says: opens streams, writes, ends, resets and stops them, sends datagrams, lets time pass.
//
// Input: version, whether the client greets, then steps: what, which stream, and for some a length
// and so many bytes.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/log.h"
#include "moq/net/lite/fuzz_support.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/session.h"
#include "moq/sim/session_pair.h"
#include "moq/sim/world.h"

namespace moq::net::lite {
namespace {

constexpr std::size_t kMaxSteps = 200;
constexpr std::size_t kMaxStreams = 64;

/// Both halves, whoever opened the stream.
struct Stream {
  std::unique_ptr<transport::SendStream> send;
  std::unique_ptr<transport::RecvStream> recv;
  bool over = false;  ///< Our sending half.
};

/// Reads what the session tells its readers, as an application would.
struct Reader {
  explicit Reader(track::Consumer reader) : track(std::move(reader)) {}
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
    while (auto datagram = track.poll_datagram(kio::Waiter::none())) {
      if (!*datagram || !**datagram) break;
    }
  }
  track::Consumer track;
  std::vector<group::Consumer> groups;
};

class Play {
 public:
  Play(Version version, bool greets) : version_(version) {
    sim::PairOptions options(sim::LinkOptions{.latency = 1ms});
    options.protocol = std::string(alpn_name(version));
    auto pair = sim::session_pair(world_, options);
    raw_ = std::move(pair.client);
    if (greets && has_setup_stream(version)) {
      auto setup = raw_->poll_open_uni(kio::Waiter::none());
      (**setup)->write(encode_opening(UniType::setup, Setup(), version));
      (**setup)->finish();
      streams_.push_back({**std::move(setup), nullptr, true});
    }
    accepting_ = world_.spawn(net::accept({world_, world_}, std::move(pair.server)));
    world_.run_for(10ms);
  }

  void step(std::uint8_t what, ByteSpan& input) {
    const std::uint8_t which = take_byte(input);
    Stream* stream = streams_.empty() ? nullptr : &streams_[which % streams_.size()];
    switch (what % 12) {
      case 0:
        open(false, input);
        break;
      case 1:
        open(true, input);
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
        subscribe("video", which);
        break;
      case 9:
        fetch(which);
        break;
      case 10:
        (void)video_.write_frame(which, Bytes::copy("payload"));
        break;
      default:
        if (session_) session_->goaway("");
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
  void open(bool bidi, ByteSpan& input) {
    const Bytes first = bytes(input);
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
    streams_.back().send->write(first);
  }
  /// A reader of ours, of what the client announced as "far".
  void subscribe(std::string_view name, std::uint8_t which) {
    const auto far = subscribed_.consume().find(Path::of("far"));
    if (!far || readers_.size() >= 8) return;
    track::Subscription wanted{.priority = which, .max_age = std::chrono::seconds(which % 8)};
    if (which % 3 == 0) wanted.start = which;
    if (which % 5 == 0) wanted.end = which + 3;
    readers_.emplace_back(far->subscribe(name, wanted));
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
    for (Reader& reader : readers_) reader.read();
  }

  sim::World world_;
  Version version_;
  origin::Producer published_{1};
  origin::Producer subscribed_{2};
  broadcast::Producer broadcast_;
  origin::Announcement announcement_ = *published_.announce(Path::of("live"), broadcast_.consume());
  track::Producer video_ = *broadcast_.create_track("video");
  std::unique_ptr<transport::Session> raw_;
  kio::Spawned<Result<Request>> accepting_;
  bool joined_ = false;
  std::optional<Session> session_;
  std::vector<Stream> streams_;
  std::vector<Reader> readers_;
  std::vector<track::Fetch> fetches_;
};

}  // namespace
}  // namespace moq::net::lite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::net::lite;
  // Log lines are made of what peers say: let them be written, to nobody.
  static const bool logs = [] {
    moq::log::set_sink([](auto...) {}, moq::log::Level::trace);
    return true;
  }();
  (void)logs;
  moq::ByteSpan input(data, size);
  constexpr moq::net::Version kVersions[] = {moq::net::Version::lite_03, moq::net::Version::lite_04,
                                             moq::net::Version::lite_05,
                                             moq::net::Version::lite_06};
  const moq::net::Version version = kVersions[take_byte(input) % std::size(kVersions)];
  Play play(version, take_byte(input) % 8 != 0);
  for (std::size_t steps = 0; steps < kMaxSteps && !input.empty(); ++steps) {
    play.step(take_byte(input), input);
  }
  return 0;
}
