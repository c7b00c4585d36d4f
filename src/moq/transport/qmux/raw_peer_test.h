#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moq/transport/qmux/internal/frame.h"
#include "moq/transport/qmux/internal/hex_test.h"
#include "moq/transport/qmux/internal/parameters.h"
#include "moq/transport/qmux/pipe_test_support.h"
#include "moq/transport/qmux/session.h"

namespace moq::transport::qmux {

/// A session of ours whose peer is the test, record by record.
class RawPeerTest : public testing::Test {
 protected:
  /// What the peer grants unless a test says otherwise.
  static WireParameters generous() {
    WireParameters parameters;
    parameters.max_data = 1 << 20;
    parameters.max_stream_data_bidi_local = 256 << 10;
    parameters.max_stream_data_bidi_remote = 256 << 10;
    parameters.max_stream_data_uni = 256 << 10;
    parameters.max_streams_bidi = 100;
    parameters.max_streams_uni = 100;
    parameters.max_datagram_frame_bytes = kMaxRecordBytes;
    return parameters;
  }
  static Bytes frame(const std::function<void(Writer&)>& encode) {
    Writer out;
    encode(out);
    return out.take();
  }
  static Bytes parameters_frame(const WireParameters& parameters) {
    Writer body;
    parameters.encode(body);
    return frame([&](Writer& out) { encode_parameters(out, body.span()); });
  }
  static Bytes stream_frame(std::uint64_t id, std::string_view text, bool fin = false,
                            Framing framing = Framing::qmux_01) {
    return frame([&](Writer& out) {
      encode_stream(out, {.id = id, .fin = fin, .data = as_bytes(text)}, framing);
    });
  }

  /// Begins a session of ours; the peer's parameters are still to come.
  void begin(const Options& options) {
    up_ = std::make_shared<Wire>(world, WireOptions{.latency = 1ms});
    down_ = std::make_shared<Wire>(world, WireOptions{.latency = 1ms});
    peer_ = std::make_unique<MessageEnd>(world, up_, down_);
    establishing_ =
        world.spawn(establish(tasks, std::make_unique<MessageEnd>(world, down_, up_), options));
    framing_ = options.framing;
    settle();
  }
  /// No session: we refuse.
  void begin_refused(std::uint64_t code, std::string_view reason) {
    up_ = std::make_shared<Wire>(world, WireOptions{.latency = 1ms});
    down_ = std::make_shared<Wire>(world, WireOptions{.latency = 1ms});
    peer_ = std::make_unique<MessageEnd>(world, up_, down_);
    refuse(tasks, std::make_unique<MessageEnd>(world, down_, up_),
           Options(Framing::qmux_01, Side::server), code, reason);
    settle();
  }
  /// The same, up to a session that is there.
  void open(const Options& options, const WireParameters& theirs = generous()) {
    begin(options);
    if (has_flow_control(options.framing)) send(parameters_frame(theirs));
    auto established = joined();
    ASSERT_TRUE(established && *established);
    session = **std::move(established);
    received();
  }
  void open(Framing framing = Framing::qmux_01) { open(Options(framing, Side::server)); }

  std::optional<Result<std::unique_ptr<Session>>> joined() {
    auto result = establishing_.poll_join(Waiter::none());
    if (result.pending()) return std::nullopt;
    return *std::move(result);
  }

  /// Sends a record and lets the session act on it.
  void send(Bytes record) {
    while (!record.empty()) {
      static_cast<void>(peer_->poll_write(Waiter::none(), record));
      settle();
    }
  }
  /// Whether the wire takes `record` now.
  bool push(Bytes& record) { return peer_->poll_write(Waiter::none(), record).ready(); }
  void send(std::string_view hex) { send(Bytes::copy(from_hex(hex))); }
  void settle() { world.run_for(5ms); }

  /// The records that came since the last call.
  std::vector<Bytes> received() {
    settle();
    std::vector<Bytes> records;
    while (auto record = peer_->poll_read(Waiter::none())) {
      if (!*record || !**record) {
        ended = true;
        break;
      }
      records.push_back(***std::move(record));
    }
    return records;
  }
  /// The frames in them; those with data in their text.
  struct Seen {
    Frame frame;
    std::string text;
  };
  std::vector<Seen> received_frames() {
    std::vector<Seen> seen;
    for (const Bytes& record : received()) {
      Reader in(record);
      while (in.remaining() > 0) {
        const auto decoded = decode_frame(in, framing_);
        EXPECT_TRUE(decoded) << to_hex(record.span());
        if (!decoded) break;
        Seen one{*decoded, {}};
        if (const auto* data = std::get_if<StreamData>(&*decoded)) one.text = as_text(data->data);
        if (const auto* data = std::get_if<Datagram>(&*decoded)) one.text = as_text(data->data);
        seen.push_back(std::move(one));
      }
    }
    return seen;
  }
  /// Those of one kind.
  template <typename T>
  std::vector<T> received_of() {
    std::vector<T> out;
    for (const Seen& one : received_frames()) {
      if (const auto* found = std::get_if<T>(&one.frame)) out.push_back(*found);
    }
    return out;
  }

  /// The session leaves the pipe to its peer for a while, and then closes it.
  void expect_end() {
    EXPECT_FALSE(ended);
    world.run_for(4s);
    received();
    EXPECT_TRUE(ended);
    EXPECT_EQ(tasks.size(), 0u);
    ended = false;
  }
  /// The session ended, told why, and closed its pipe.
  void expect_violation(std::string_view what) {
    const auto closes = received_of<Close>();
    ASSERT_EQ(closes.size(), 1u) << what;
    EXPECT_FALSE(closes[0].application);
    EXPECT_EQ(closes[0].code, 1002u);
    EXPECT_FALSE(closes[0].reason.empty());
    expect_end();
    const std::optional<Error> error = closed();
    ASSERT_TRUE(error) << what;
    EXPECT_EQ(error->code, Code::protocol_violation) << error->describe();
  }
  std::optional<Error> closed() {
    if (!session) {
      auto result = joined();
      if (!result || *result) return std::nullopt;
      return result->error();
    }
    auto result = session->poll_closed(Waiter::none());
    if (result.pending()) return std::nullopt;
    return *result;
  }
  void hang_up() { peer_.reset(); }

  sim::World world;
  kio::TaskGroup tasks{world};
  std::unique_ptr<Session> session;
  bool ended = false;  ///< The session closed its pipe.

 private:
  Framing framing_ = Framing::qmux_01;
  std::shared_ptr<Wire> up_;
  std::shared_ptr<Wire> down_;
  std::unique_ptr<MessageEnd> peer_;
  kio::Spawned<Result<std::unique_ptr<Session>>> establishing_;
};

}  // namespace moq::transport::qmux
