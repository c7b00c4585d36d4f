// A whole session of ours against a peer that sends any records, while we use the session as an
// application would.
//
// Input: the framing and the side, whether the peer sends parameters first, then steps: what, and
// for some a number, or a length and so many bytes.
#include <algorithm>
#include <vector>

#include "moq/base/log.h"
#include "moq/sim/world.h"
#include "moq/transport/qmux/internal/frame.h"
#include "moq/transport/qmux/internal/parameters.h"
#include "moq/transport/qmux/pipe_test_support.h"
#include "moq/transport/qmux/session.h"

namespace moq::transport::qmux {
namespace {

constexpr std::size_t kMaxSteps = 200;
constexpr std::size_t kMaxStreams = 64;

std::uint8_t take_byte(ByteSpan& input) {
  if (input.empty()) return 0;
  const std::uint8_t first = input[0];
  input = input.subspan(1);
  return first;
}

Bytes take_bytes(ByteSpan& input) {
  const std::size_t wanted = take_byte(input);
  const ByteSpan taken = input.first(std::min(wanted, input.size()));
  input = input.subspan(taken.size());
  return Bytes::copy(taken);
}

class Play {
 public:
  Play(Framing framing, Side side, bool greets) {
    Options options(framing, side);
    // Small, so that limits are met.
    options.parameters.max_streams_uni = 5;
    options.parameters.max_streams_bidi = 5;
    options.parameters.connection_window = 1000;
    options.parameters.stream_window = 300;
    options.parameters.datagrams_received = 4;
    if (!greets) options.offers = std::vector<std::string>{"moq-lite-06", "moq-lite-05"};
    establishing_ =
        world_.spawn(establish(tasks_, std::make_unique<MessageEnd>(world_, down_, up_), options));
    world_.run_for(2ms);
    if (greets && has_flow_control(framing)) greet();
  }

  void step(std::uint8_t what, ByteSpan& input) {
    if (what < 128) {
      send(take_bytes(input));
    } else if (session_) {
      use(what % 12, take_byte(input));
    }
    settle();
  }

 private:
  struct Half {
    std::unique_ptr<SendStream> send;
    std::unique_ptr<RecvStream> recv;
    bool over = false;
  };

  void greet() {
    WireParameters parameters;
    parameters.max_data = 500;
    parameters.max_stream_data_uni = 100;
    parameters.max_stream_data_bidi_local = 100;
    parameters.max_stream_data_bidi_remote = 100;
    parameters.max_streams_uni = 3;
    parameters.max_streams_bidi = 3;
    parameters.max_datagram_frame_bytes = 1000;
    Writer body;
    parameters.encode(body);
    Writer frame;
    encode_parameters(frame, body.span());
    send(frame.take());
  }
  void send(Bytes record) {
    if (!record.empty()) static_cast<void>(peer_->poll_write(Waiter::none(), record));
  }

  void use(int what, std::uint8_t which) {
    Half* half = halves_.empty() ? nullptr : &halves_[which % halves_.size()];
    switch (what) {
      case 0:
        if (auto opened = session_->poll_open_uni(Waiter::none()))
          keep(std::move(*opened), nullptr);
        break;
      case 1:
        if (auto opened = session_->poll_open_bidi(Waiter::none()); opened && *opened) {
          keep(std::move((*opened)->send), std::move((*opened)->recv));
        }
        break;
      case 2:
        if (half && half->send && !half->over) {
          half->send->write(Bytes::copy(std::string(which, 'x')));
        }
        break;
      case 3:
        if (half && half->send && !std::exchange(half->over, true)) half->send->finish();
        break;
      case 4:
        if (half && half->send && !std::exchange(half->over, true)) half->send->reset(which);
        break;
      case 5:
        if (half && half->recv) half->recv->stop(which);
        break;
      case 6:
        if (half) halves_.erase(halves_.begin() + (half - halves_.data()));
        break;
      case 7:
        world_.run_for(std::chrono::milliseconds(which) * 200);
        break;
      case 8:
        session_->send_datagram(Bytes::copy(std::string(which, 'd')));
        break;
      case 9:
        if (half && half->send) half->send->set_priority(which);
        break;
      case 10:
        if (half && half->recv)
          static_cast<void>(half->recv->poll_read(Waiter::none(), which + 1U));
        break;
      default:
        if (which < 16) session_->close(which, "enough");
    }
  }
  void keep(Result<std::unique_ptr<SendStream>> send, std::unique_ptr<RecvStream> recv) {
    if (send && halves_.size() < kMaxStreams)
      halves_.push_back({*std::move(send), std::move(recv)});
  }

  void settle() {
    world_.run_for(3ms);
    if (auto joined = joined_ ? kio::kPending : establishing_.poll_join(Waiter::none())) {
      joined_ = true;
      if (*joined) session_ = **std::move(joined);
    }
    while (auto record = peer_->poll_read(Waiter::none())) {
      if (!*record || !**record) break;
    }
    if (!session_) return;
    while (auto accepted = session_->poll_accept_uni(Waiter::none())) {
      if (!*accepted || halves_.size() >= kMaxStreams) break;
      halves_.push_back({nullptr, **std::move(accepted)});
    }
    while (auto accepted = session_->poll_accept_bidi(Waiter::none())) {
      if (!*accepted || halves_.size() >= kMaxStreams) break;
      halves_.push_back({std::move((*accepted)->send), std::move((*accepted)->recv)});
    }
    while (auto datagram = session_->poll_recv_datagram(Waiter::none())) {
      if (!*datagram) break;
    }
    for (Half& half : halves_) {
      if (half.send) static_cast<void>(half.send->poll_finished(Waiter::none()));
    }
  }

  sim::World world_;
  kio::TaskGroup tasks_{world_};
  std::shared_ptr<Wire> up_ = std::make_shared<Wire>(world_, WireOptions{.latency = 1ms});
  std::shared_ptr<Wire> down_ = std::make_shared<Wire>(world_, WireOptions{.latency = 1ms});
  std::unique_ptr<MessageEnd> peer_ = std::make_unique<MessageEnd>(world_, up_, down_);
  kio::Spawned<Result<std::unique_ptr<Session>>> establishing_;
  bool joined_ = false;
  std::unique_ptr<Session> session_;
  std::vector<Half> halves_;
};

}  // namespace
}  // namespace moq::transport::qmux

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::transport::qmux;
  // Log lines are made of what peers say: let them be written, to nobody.
  static const bool logs = [] {
    moq::log::set_sink([](auto...) {}, moq::log::Level::trace);
    return true;
  }();
  static_cast<void>(logs);
  moq::ByteSpan input(data, size);
  const std::uint8_t how = take_byte(input);
  Play play(static_cast<Framing>(how % 4), (how & 4) != 0 ? Side::server : Side::client,
            (how & 8) != 0);
  for (std::size_t steps = 0; steps < kMaxSteps && !input.empty(); ++steps) {
    play.step(take_byte(input), input);
  }
  return 0;
}
