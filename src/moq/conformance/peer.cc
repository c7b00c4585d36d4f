#include "moq/conformance/peer.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "moq/conformance/door.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::conformance {
namespace {

/// Bytes taken from a stream at once.
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
/// Bytes of a message that a script looks at; the largest of them are small.
constexpr std::uint64_t kMaxMessageBytes = std::uint64_t{1} << 20;
/// Shown of bytes that are not as expected.
constexpr std::size_t kShownBytes = 64;

constexpr std::string_view kDigits = "0123456789abcdef";

/// How long the varint is that begins so.
std::size_t varint_bytes(std::uint8_t first, Varint kind) {
  if (kind == Varint::quic) return std::size_t{1} << (first >> 6);
  return static_cast<std::size_t>(std::countl_one(first)) + 1;
}

/// Whether a stream ended by one of `codes`. Any code is also one that stands for none of ours (see
/// `transport/code_mapping.h`), which comes as a failed transport. So does a session that broke,
/// which scripts tell by what they ask of it next.
bool is_one_of(const Error& end, const Codes& codes) {
  if (end.code == Code::application && end.wire) return codes.has(*end.wire);
  return codes.is_any() && end.code == Code::transport;
}

}  // namespace

bool Codes::has(std::uint64_t code) const {
  if (count_ == 0) return true;
  for (std::size_t i = 0; i < count_; ++i) {
    if (codes_.at(i) == code) return true;
  }
  return false;
}

std::string Codes::text() const {
  if (count_ == 0) return "any code";
  std::string out = "code ";
  for (std::size_t i = 0; i < count_; ++i) {
    if (i > 0) out += " or ";
    out += fmt::format("{:#x}", codes_.at(i));
  }
  return out;
}

std::string to_hex(ByteSpan bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), kShownBytes))) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xf];
  }
  if (bytes.size() > kShownBytes) out += fmt::format("... ({} bytes)", bytes.size());
  return out.empty() ? "nothing" : out;
}

Bytes from_hex(std::string_view hex) {
  Writer out;
  std::optional<std::size_t> high;
  for (const char digit : hex) {
    if (digit == ' ' || digit == '\n') continue;
    const std::size_t value = kDigits.find(digit);
    MOQ_ASSERT(value != std::string_view::npos);
    if (high) out.u8(static_cast<std::uint8_t>(*high << 4 | value));
    high = high ? std::nullopt : std::optional(value);
  }
  MOQ_ASSERT(!high);
  return out.take();
}

Result<Target> Target::parse(std::string_view url) {
  const auto bad = [url](const std::string& why) {
    return fail(Code::bad_config, "'" + std::string(url) + "': " + why);
  };
  Target out;
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return bad("not a URL, such as moqt://localhost:4443/");
  const std::string_view name = url.substr(0, scheme);
  out.webtransport = name == "https";
  if (!out.webtransport && name != "moqt" && name != "moql") {
    return bad("the scheme is not moqt, moql or https");
  }
  const std::string_view rest = url.substr(scheme + 3);
  const std::size_t path = std::min(rest.find('/'), rest.size());
  out.authority = rest.substr(0, path);
  out.path = rest.substr(path);
  std::string_view host = out.authority;
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view port = host.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc{} || end != port.data() + port.size()) return bad("no such port");
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad("the host is missing");
  out.host = host;
  return out;
}

std::unexpected<Error> mismatch(const std::string& what, const std::string& came) {
  return fail(Code::protocol_violation, "expected " + what + ", got " + came);
}

std::string describe_end(const Error& error) {
  if (error.wire) return fmt::format("code {:#x} ({})", *error.wire, error.describe());
  return error.describe();
}

kio::Task<Result<void>> Stream::writable() {
  note("room to write");
  auto ready = co_await send_->writable();
  co_return ready;
}

/// True once `size` bytes are there, false at a clean end before.
kio::Poll<Result<bool>> Stream::poll_fill(const kio::Waiter& waiter, std::size_t size) {
  while (read_.size() < size) {
    if (fin_) return Result<bool>(false);
    auto bytes = recv_->poll_read(waiter, kReadBytes);
    if (bytes.pending()) return kio::kPending;
    if (!*bytes) return Result<bool>(std::unexpected((*std::move(bytes)).error()));
    fin_ = (*bytes)->empty();
    read_.insert(read_.end(), (*bytes)->begin(), (*bytes)->end());
  }
  return Result<bool>(true);
}

kio::Task<Result<Bytes>> Stream::take(std::size_t size, std::string what) {
  note(what);
  auto filled = co_await kio::wait(
      [this, size](const kio::Waiter& waiter) { return poll_fill(waiter, size); });
  if (!filled) co_return mismatch(what, describe_end(filled.error()));
  if (!*filled) co_return mismatch(what, "the end of the stream after " + to_hex(ByteSpan(read_)));
  Bytes out = Bytes::copy(ByteSpan(read_).first(size));
  read_.erase(read_.begin(), read_.begin() + static_cast<std::ptrdiff_t>(size));
  co_return out;
}

kio::Task<Result<std::optional<std::uint64_t>>> Stream::varint_or_fin(std::string what) {
  using Value = Result<std::optional<std::uint64_t>>;
  note(what);
  auto filled =
      co_await kio::wait([this](const kio::Waiter& waiter) { return poll_fill(waiter, 1); });
  if (!filled) co_return mismatch(what, describe_end(filled.error()));
  if (!*filled) co_return Value(std::nullopt);
  const std::size_t size = varint_bytes(read_.front(), varint_);
  MOQ_CO_TRY(const Bytes bytes, co_await take(size, what));
  Reader in(bytes, varint_);
  co_return Value(in.varint());
}

kio::Task<Result<std::uint64_t>> Stream::varint(std::string what) {
  auto value = co_await varint_or_fin(what);
  if (!value) co_return std::unexpected(value.error());
  if (!*value) co_return mismatch(what, "the end of the stream");
  co_return **value;
}

kio::Task<Result<Bytes>> Stream::message(std::string what) {
  MOQ_CO_TRY(const std::uint64_t size, co_await varint("the length of " + what));
  if (size > kMaxMessageBytes) co_return mismatch(what, fmt::format("a length of {}", size));
  auto body = co_await take(size, what);
  co_return body;
}

kio::Task<Result<std::optional<Bytes>>> Stream::message_or_reset(std::string what) {
  using Value = Result<std::optional<Bytes>>;
  note(what);
  auto filled =
      co_await kio::wait([this](const kio::Waiter& waiter) { return poll_fill(waiter, 1); });
  if (!filled && is_one_of(filled.error(), Codes::any())) co_return Value(std::nullopt);
  auto body = co_await message(what);
  if (!body) co_return std::unexpected(body.error());
  co_return Value(*std::move(body));
}

kio::Task<Result<Bytes>> Stream::message_u16(std::string what) {
  MOQ_CO_TRY(const Bytes size, co_await take(2, "the length of " + what));
  auto body = co_await take(std::size_t{size[0]} << 8 | size[1], what);
  co_return body;
}

kio::Task<Result<void>> Stream::expect(Bytes bytes, std::string what) {
  const std::string wanted = what + " (" + to_hex(bytes.span()) + ")";
  MOQ_CO_TRY(const Bytes came, co_await take(bytes.size(), wanted));
  if (came != bytes) co_return mismatch(wanted, to_hex(came));
  co_return Result<void>();
}

kio::Task<Result<void>> Stream::expect_fin(std::string what) {
  MOQ_CO_TRY(const Bytes came, co_await rest(0, what));
  co_return Result<void>();
}

kio::Task<Result<std::optional<Bytes>>> Stream::rest_or_reset(std::size_t limit, std::string what) {
  using Value = Result<std::optional<Bytes>>;
  note(what);
  auto filled = co_await kio::wait(
      [this, limit](const kio::Waiter& waiter) { return poll_fill(waiter, limit + 1); });
  if (!filled && is_one_of(filled.error(), Codes::any())) co_return Value(std::nullopt);
  auto bytes = co_await rest(limit, what);
  if (!bytes) co_return std::unexpected(bytes.error());
  co_return Value(*std::move(bytes));
}

kio::Task<Result<Bytes>> Stream::rest(std::size_t limit, std::string what) {
  note(what);
  auto filled = co_await kio::wait(
      [this, limit](const kio::Waiter& waiter) { return poll_fill(waiter, limit + 1); });
  if (!filled) co_return mismatch(what, describe_end(filled.error()));
  if (*filled) co_return mismatch(what, "more bytes: " + to_hex(read_));
  const Bytes out = Bytes::copy(ByteSpan(read_));
  read_.clear();
  co_return out;
}

kio::Task<Result<void>> Stream::expect_reset(Codes codes, std::string what) {
  const std::string wanted = what + ": a reset with " + codes.text();
  note(wanted);
  for (;;) {
    auto filled =
        co_await kio::wait([this](const kio::Waiter& waiter) { return poll_fill(waiter, 1); });
    if (!filled) {
      const Error& end = filled.error();
      if (is_one_of(end, codes)) co_return Result<void>();
      co_return mismatch(wanted, describe_end(end));
    }
    if (!*filled) co_return mismatch(wanted, "a clean end");
    read_.clear();
  }
}

kio::Task<Result<void>> Stream::expect_end(std::string what) {
  note(what);
  for (;;) {
    auto filled =
        co_await kio::wait([this](const kio::Waiter& waiter) { return poll_fill(waiter, 1); });
    if (!filled && !is_one_of(filled.error(), Codes::any())) {
      co_return mismatch(what, describe_end(filled.error()));
    }
    if (!filled || !*filled) co_return Result<void>();
    read_.clear();
  }
}

kio::Task<Result<void>> Stream::expect_stop(Codes codes, std::string what) {
  const std::string wanted = what + ": STOP_SENDING with " + codes.text();
  note(wanted);
  auto finished = co_await send_->finished();
  if (finished) co_return mismatch(wanted, "all bytes taken");
  const Error& end = finished.error();
  if (is_one_of(end, codes)) co_return Result<void>();
  co_return mismatch(wanted, describe_end(end));
}

kio::Task<Result<void>> Stream::expect_taken(bool may_stop, std::string what) {
  note(what);
  auto finished = co_await send_->finished();
  if (finished) co_return Result<void>();
  if (may_stop && is_one_of(finished.error(), Codes::any())) co_return Result<void>();
  co_return mismatch(what, describe_end(finished.error()));
}

namespace {

kio::Task<Result<std::unique_ptr<transport::Session>>> dial(Bench& bench, std::string protocol) {
  const Target& target = bench.target;
  io::Resolver resolver;
  auto addresses = co_await resolver.resolve(target.host, target.port);
  if (!addresses) co_return std::unexpected(addresses.error());
  std::vector<std::string> alpn;
  alpn.push_back(target.webtransport ? "h3" : protocol);
  transport::quic::DialOptions options(addresses->front(), target.host, alpn, bench.tls);
  auto dialed = co_await bench.quic.dial(std::move(options));
  if (!dialed && dialed.error().code == Code::version) {
    co_return fail(kSkip, "version not offered");
  }
  if (!dialed) co_return std::unexpected(dialed.error());
  std::unique_ptr<transport::Session> session = *std::move(dialed);
  if (target.webtransport) {
    std::vector<std::string> offered;
    offered.push_back(protocol);
    transport::webtransport::ConnectOptions request(target.authority, target.path, offered);
    auto connected = co_await transport::webtransport::connect(bench.tasks, std::move(session),
                                                               std::move(request));
    if (!connected) co_return mismatch("a WebTransport session", describe_end(connected.error()));
    session = *std::move(connected);
  }
  co_return std::move(session);
}

}  // namespace

kio::Task<Result<std::unique_ptr<Peer>>> Peer::meet(Bench& bench, std::string protocol,
                                                    Varint kind) {
  bench.wait_for("a connection with " + protocol);
  Result<std::unique_ptr<transport::Session>> session;
  if (bench.door != nullptr) {
    session = co_await bench.door->accept(bench.tasks);
  } else {
    session = co_await dial(bench, protocol);
  }
  if (!session) co_return std::unexpected(session.error());
  if ((*session)->protocol() != protocol) co_return fail(kSkip, "version not offered");
  co_return std::make_unique<Peer>(bench, kind, *std::move(session));
}

kio::Task<Result<Stream>> Peer::open_bidi(Bytes first) {
  bench_->wait_for("credit for a bidirectional stream");
  auto opened = co_await session_->open_bidi();
  if (!opened) co_return mismatch("a bidirectional stream", describe_end(opened.error()));
  opened->send->write(std::move(first));
  co_return Stream(*bench_, varint_, std::move(opened->send), std::move(opened->recv));
}

kio::Task<Result<Stream>> Peer::open_uni(Bytes first) {
  bench_->wait_for("credit for a unidirectional stream");
  auto opened = co_await session_->open_uni();
  if (!opened) co_return mismatch("a unidirectional stream", describe_end(opened.error()));
  (*opened)->write(std::move(first));
  co_return Stream(*bench_, varint_, *std::move(opened), nullptr);
}

kio::Task<Result<Stream>> Peer::accept_bidi(std::string what) {
  bench_->wait_for(what);
  auto accepted = co_await session_->accept_bidi();
  if (!accepted) co_return mismatch(what, describe_end(accepted.error()));
  co_return Stream(*bench_, varint_, std::move(accepted->send), std::move(accepted->recv));
}

kio::Task<Result<Stream>> Peer::accept_uni(std::string what) {
  bench_->wait_for(what);
  auto accepted = co_await session_->accept_uni();
  if (!accepted) co_return mismatch(what, describe_end(accepted.error()));
  co_return Stream(*bench_, varint_, nullptr, *std::move(accepted));
}

kio::Task<Result<Bytes>> Peer::datagram(std::string what) {
  bench_->wait_for(what);
  auto came = co_await session_->recv_datagram();
  if (!came) co_return mismatch(what, describe_end(came.error()));
  co_return came;
}

kio::Task<Result<void>> Peer::expect_closed(Codes codes, std::string what) {
  const std::string wanted = what + ": a close with " + codes.text();
  bench_->wait_for(wanted);
  const Error end = co_await session_->closed();
  if (end.wire && codes.has(*end.wire)) co_return Result<void>();
  co_return mismatch(wanted, describe_end(end));
}

Result<void> Peer::still_open() {
  if (auto ended = session_->poll_closed(kio::Waiter::none())) {
    return mismatch("a live session", describe_end(*ended));
  }
  return {};
}

}  // namespace moq::conformance
