#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/random.h"
#include "moq/base/wire.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"
#include "moq/transport/quic/client.h"
#include "moq/transport/session.h"

/// A conformance suite for MoQ endpoints: scripted peers that write and check bytes themselves,
/// with nothing of our sessions between them and the wire.
namespace moq::conformance {

/// What a case returns when it does not apply: the text says why.
inline constexpr Code kSkip = Code::unsupported;

/// Codes of which any will do.
class Codes {
 public:
  static constexpr std::size_t kMax = 8;
  template <typename... Each>
  explicit constexpr Codes(Each... each)
      : codes_{static_cast<std::uint64_t>(each)...}, count_(sizeof...(each)) {}
  /// Whatever the peer says.
  static constexpr Codes any() { return Codes(); }
  [[nodiscard]] bool has(std::uint64_t code) const;
  [[nodiscard]] bool is_any() const { return count_ == 0; }
  [[nodiscard]] std::string text() const;

 private:
  std::array<std::uint64_t, kMax> codes_{};
  std::size_t count_ = 0;
};

/// Lowercase hex, cut where it gets long.
std::string to_hex(ByteSpan bytes);
/// The bytes of `hex`, in which white space is ignored. A script with a typo is our own bug.
Bytes from_hex(std::string_view hex);

/// Where the endpoint is.
struct Target {
  bool webtransport = false;
  std::string host;
  std::uint16_t port = 443;
  std::string authority;  ///< As in the URL.
  std::string path;       ///< Path and query; "" or begins with '/'.

  /// `moqt://`, `moql://` or `https://`; `bad_config` for anything else.
  static Result<Target> parse(std::string_view url);
};

/// What is under test.
enum class End : std::uint8_t {
  relay = 1,       ///< A server: scripts dial it, and are both publisher and subscriber.
  publisher = 2,   ///< A client that publishes one broadcast: it dials us.
  subscriber = 4,  ///< A client that plays one broadcast: it dials us.
};

class Door;

/// What all cases share. Outlives their connections.
struct Bench {
  Bench(io::Loop& on, Random& numbers, Target where, transport::tls::ClientTls trust)
      : loop(&on),
        random(&numbers),
        target(std::move(where)),
        tls(std::move(trust)),
        quic(transport::quic::Environment(on, on, numbers)),
        tasks(on) {}

  io::Loop* loop;
  Random* random;
  Target target;
  transport::tls::ClientTls tls;
  transport::quic::Client quic;
  kio::TaskGroup tasks;  ///< Of WebTransport sessions.
  End end = End::relay;
  Door* door = nullptr;   ///< Where clients come in; null while scripts dial.
  std::string broadcast;  ///< That the client publishes or plays.
  std::string track;      ///< Of it, that scripts subscribe to; empty = one that its catalog names.
  /// What the case that runs waits for, so that a deadline can tell,
  std::string waiting;
  std::uint64_t steps = 0;  ///< and how often it went on.

  void wait_for(std::string what) {
    waiting = std::move(what);
    ++steps;
  }
};

/// One stream of a script: writes what it is told, reads with expectations. Errors say what was
/// expected and what came.
class Stream {
 public:
  Stream(Bench& bench, Varint kind, std::unique_ptr<transport::SendStream> send,
         std::unique_ptr<transport::RecvStream> recv)
      : bench_(&bench), varint_(kind), send_(std::move(send)), recv_(std::move(recv)) {}

  /// Whether what is read is beside what the script waits for: progress, and not named by a report.
  void set_beside(bool beside) { beside_ = beside; }
  void write(Bytes bytes) { send_->write(std::move(bytes)); }
  void finish() { send_->finish(); }
  void reset(std::uint32_t code) { send_->reset(code); }
  void stop(std::uint32_t code) { recv_->stop(code); }
  /// Waits until the stream's buffer has room: for scripts that write a lot.
  kio::Task<Result<void>> writable();

  /// Exactly `size` bytes.
  kio::Task<Result<Bytes>> take(std::size_t size, std::string what);
  kio::Task<Result<std::uint64_t>> varint(std::string what);
  /// A varint, or none at a clean end in its place.
  kio::Task<Result<std::optional<std::uint64_t>>> varint_or_fin(std::string what);
  /// A varint length and that many bytes.
  kio::Task<Result<Bytes>> message(std::string what);
  /// A message, or none if the stream is reset in its place.
  kio::Task<Result<std::optional<Bytes>>> message_or_reset(std::string what);
  /// Two bytes of length and that many bytes.
  kio::Task<Result<Bytes>> message_u16(std::string what);
  /// These bytes.
  kio::Task<Result<void>> expect(Bytes bytes, std::string what);
  /// A clean end, and nothing before it.
  kio::Task<Result<void>> expect_fin(std::string what);
  /// All bytes up to the clean end, at most `limit`.
  kio::Task<Result<Bytes>> rest(std::size_t limit, std::string what);
  /// The same, or none if the stream is reset before its end.
  kio::Task<Result<std::optional<Bytes>>> rest_or_reset(std::size_t limit, std::string what);
  /// RESET_STREAM with one of `codes`; bytes before it are not looked at.
  kio::Task<Result<void>> expect_reset(Codes codes, std::string what);
  /// A clean end or a reset; bytes before it are not looked at.
  kio::Task<Result<void>> expect_end(std::string what);
  /// STOP_SENDING with one of `codes`.
  kio::Task<Result<void>> expect_stop(Codes codes, std::string what);
  /// That all was taken. Where `may_stop`, STOP_SENDING will do.
  kio::Task<Result<void>> expect_taken(bool may_stop, std::string what);

 private:
  void note(const std::string& what) {
    if (beside_) {
      ++bench_->steps;
    } else {
      bench_->wait_for(what);
    }
  }
  kio::Poll<Result<bool>> poll_fill(const kio::Waiter& waiter, std::size_t size);

  Bench* bench_;
  Varint varint_;
  std::unique_ptr<transport::SendStream> send_;  ///< Null on a uni stream of the peer.
  std::unique_ptr<transport::RecvStream> recv_;  ///< Null on a uni stream of ours.
  std::vector<std::uint8_t> read_;               ///< Read and not taken.
  bool fin_ = false;
  bool beside_ = false;
};

/// One connection of a script.
class Peer {
 public:
  /// Dials, offering `protocol` alone, or takes the client that dials in. Fails with `kSkip` if the
  /// endpoint does not take that protocol.
  static kio::Task<Result<std::unique_ptr<Peer>>> meet(Bench& bench, std::string protocol,
                                                       Varint kind = Varint::quic);
  Peer(Bench& bench, Varint kind, std::unique_ptr<transport::Session> session)
      : bench_(&bench), varint_(kind), session_(std::move(session)) {}

  [[nodiscard]] Bench& bench() { return *bench_; }
  [[nodiscard]] transport::Session& session() { return *session_; }
  /// On raw QUIC the path travels in messages; nothing on carriers that have a URL.
  [[nodiscard]] std::string_view message_path() const {
    return bench_->target.webtransport ? std::string_view() : bench_->target.path;
  }

  /// A new stream that begins with `first`.
  kio::Task<Result<Stream>> open_bidi(Bytes first);
  kio::Task<Result<Stream>> open_uni(Bytes first);
  kio::Task<Result<Stream>> accept_bidi(std::string what);
  kio::Task<Result<Stream>> accept_uni(std::string what);
  kio::Task<Result<Bytes>> datagram(std::string what);
  /// The end of the session by one of `codes`.
  kio::Task<Result<void>> expect_closed(Codes codes, std::string what);
  /// Fails if the session has ended: a stream's end by any code may be that of its session.
  Result<void> still_open();
  void close(std::uint64_t code) { session_->close(code, "the script is over"); }

 private:
  Bench* bench_;
  Varint varint_;
  std::unique_ptr<transport::Session> session_;
};

/// "expected `what`, got `came`".
std::unexpected<Error> mismatch(const std::string& what, const std::string& came);
/// What the end of a stream or session looks like to a person.
std::string describe_end(const Error& error);

}  // namespace moq::conformance
