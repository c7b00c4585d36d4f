#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "moq/net/lite/group.h"
#include "moq/net/lite/internal/connection.h"
#include "moq/net/lite/subscribe.h"
#include "moq/net/lite/track.h"

namespace moq::net::lite {

class AnnounceServer;

/// Counts its owner while it lives.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

/// What precedes the frames of a group, for a `GroupWriter`.
class FrameHeaders {
 public:
  explicit FrameHeaders(Version version) : encoder_(version) {}
  Result<Bytes> encode(const group::Chunk& first) {
    return encoder_.encode(first.begins->timestamp, first.begins->size_bytes);
  }

 private:
  FrameHeaderEncoder encoder_;
};

/// The publisher half of a session: answers what the peer asks of our broadcasts. Each function is
/// the whole life of one stream.
class Publisher {
 public:
  explicit Publisher(Connection& connection) : connection_(connection) {}

  kio::Task<void> serve_announce(Bidi stream);
  kio::Task<void> serve_subscribe(Bidi stream);
  kio::Task<void> serve_track(Bidi stream);
  kio::Task<void> serve_fetch(Bidi stream);
  kio::Task<void> serve_probe(Bidi stream);

 private:
  friend class SubscriptionServer;
  friend class AnnounceServer;
  /// The rest of an announce stream whose initial set is sent.
  kio::Task<void> go_on_announcing(Bidi stream, std::unique_ptr<AnnounceServer> server);
  /// The same, where nothing will come.
  kio::Task<void> hold_announce(Bidi stream, std::unique_ptr<AnnounceServer> none);
  /// Whether the peer has been told of `path`, and not yet that it went.
  [[nodiscard]] bool announces(const Path& path) const;
  /// The routes that lead through the peer.
  [[nodiscard]] Exclude exclude() const;
  /// The broadcast at `path`, unless our route to it leads through the peer.
  [[nodiscard]] Result<broadcast::Consumer> find(const Path& path) const;
  /// Ends our half of a stream with the code of `error`.
  void refuse(Bidi& stream, const Error& error, std::string_view what) const;

  Connection& connection_;
  std::uint64_t exclude_hop_ = 0;  ///< The peer's hop, as its ANNOUNCE_REQUEST told (04, 05).
  std::vector<const AnnounceServer*> announcing_;
  std::size_t probes_ = 0;  ///< Probe streams that are served.
  SendOrder order_;
};

}  // namespace moq::net::lite
