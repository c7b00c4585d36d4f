// Everything of HTTP/3 that a peer writes: the parsers one by one, and whole sessions. The first
// byte of the input chooses; see `LLVMFuzzerTestOneInput`.
#include <algorithm>
#include <vector>

#include "moq/base/wire.h"
#include "moq/sim/session_pair.h"
#include "moq/transport/webtransport/internal/connect_stream.h"
#include "moq/transport/webtransport/internal/control_stream.h"
#include "moq/transport/webtransport/internal/message.h"
#include "moq/transport/webtransport/internal/stream_prefix.h"
#include "moq/transport/webtransport/internal/structured_field.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::transport::webtransport {
namespace {

// --- The parsers --------------------------------------------------------------------------------

/// Feeds `in` in pieces of `piece` bytes; the first error, or none.
std::optional<H3Error> feed(ControlStream& control, ByteSpan in, std::size_t piece) {
  for (std::size_t at = 0; at < in.size(); at += piece) {
    auto taken = control.push(in.subspan(at, std::min(piece, in.size() - at)));
    if (!taken) return taken.error();
  }
  return std::nullopt;
}

void fuzz_control(Role role, ByteSpan in) {
  ControlStream whole(role);
  ControlStream pieces(role);
  const auto error = feed(whole, in, std::max<std::size_t>(in.size(), 1));
  MOQ_ASSERT(feed(pieces, in, 1) == error);
  MOQ_ASSERT(pieces.settings() == whole.settings());
  MOQ_ASSERT(pieces.going_away() == whole.going_away());
}

void fuzz_headers(const std::vector<Header>& headers) {
  // What we write, we read; longer than what came, for want of the Huffman code.
  const auto again = decode_headers(encode_headers(headers));
  MOQ_ASSERT(again ? *again == headers : again.error().code == H3Code::excessive_load);
  if (const auto request = parse_request(headers)) {
    const Bytes frame = encode_request(*request);
    TlvBuffer frames("frame", kMaxFrameBytes);
    frames.push(frame.span());
    const auto section = frames.next();
    const auto lines = decode_headers((*section)->value);
    MOQ_ASSERT(lines ? parse_request(*lines).value() == *request
                     : lines.error().code == H3Code::excessive_load);
  }
  if (const auto response = parse_response(headers)) {
    MOQ_ASSERT(response->status >= 100 && response->status <= 999);
  }
}

/// Reads `in` as a CONNECT stream in pieces; what came out, as one line per event.
std::vector<std::string> read_connect(ByteSpan in, std::size_t piece) {
  ConnectStream stream;
  std::vector<std::string> events;
  for (std::size_t at = 0; at < in.size(); at += piece) {
    stream.push(in.subspan(at, std::min(piece, in.size() - at)));
    for (;;) {
      const auto event = stream.next();
      if (!event) {
        events.push_back(event.error().text);
        return events;
      }
      if (std::holds_alternative<ConnectStream::NeedMore>(*event)) break;
      if (const auto* headers = std::get_if<std::vector<Header>>(&*event)) {
        events.push_back("headers " + std::to_string(headers->size()));
        fuzz_headers(*headers);
        if (headers->size() == 1) stream.expect_more_headers();
      } else {
        const auto& close = std::get<CloseInfo>(*event);
        MOQ_ASSERT(close.reason.size() <= kMaxReasonBytes);
        events.push_back("close " + std::to_string(close.code) + close.reason);
      }
    }
  }
  const auto end = stream.finish();
  events.push_back(end ? "end" : end.error().text);
  return events;
}

void fuzz_connect(ByteSpan in) {
  MOQ_ASSERT(read_connect(in, std::max<std::size_t>(in.size(), 1)) == read_connect(in, 1));
}

void fuzz_field(std::string_view text) {
  if (const auto list = parse_string_list(text, kMaxProtocols)) {
    MOQ_ASSERT(list->size() <= kMaxProtocols);
    MOQ_ASSERT(parse_string_list(format_string_list(*list), kMaxProtocols) == list);
  }
  if (const auto item = parse_string_item(text)) {
    MOQ_ASSERT(parse_string_item(format_string(*item)) == item);
  }
}

void fuzz_prefix(ByteSpan in) {
  for (const std::uint64_t ours : {std::uint64_t{0x54}, kWebTransportBidi}) {
    const auto prefix = read_prefix(in, ours);
    MOQ_ASSERT(prefix || in.size() < kMaxPrefixBytes);
    MOQ_ASSERT(!prefix || prefix->size_bytes <= kMaxPrefixBytes);
  }
}

// --- Whole sessions -----------------------------------------------------------------------------

kio::Task<void> use(std::unique_ptr<Session> session) {
  while (auto stream = co_await session->accept_uni()) {
    while (true) {
      auto bytes = co_await (*stream)->read(100);
      if (!bytes || bytes->empty()) break;
    }
  }
}
kio::Task<void> serve(kio::TaskGroup& tasks, std::unique_ptr<Session> quic) {
  auto request = co_await accept(tasks, std::move(quic));
  if (!request) co_return;
  auto session = std::move(*request).respond(std::nullopt);
  co_await use(std::move(session));
}
kio::Task<void> dial(kio::TaskGroup& tasks, std::unique_ptr<Session> quic) {
  ConnectOptions options("a", "/", {"moq-lite-06"});
  auto session = co_await connect(tasks, std::move(quic), std::move(options));
  if (session) co_await use(*std::move(session));
}

/// A peer that does what a script says: `operation, length, bytes` again and again.
class Script {
 public:
  explicit Script(std::unique_ptr<Session> quic) : quic_(std::move(quic)) {}
  /// One operation of `in`.
  void step(Reader& in) {
    const std::uint8_t operation = in.u8();
    const std::size_t size = in.u8();
    const ByteSpan bytes = in.bytes(std::min(size, in.remaining()));
    switch (operation % 8) {
      case 0:
        return open_uni(bytes);
      case 1:
        return open_bidi(bytes);
      case 2:
        return write(bytes);
      case 3:
        return finish();
      case 4:
        return drop_send();
      case 5:
        return quic_->send_datagram(Bytes::copy(bytes));
      case 6:
        return accept_bidi();
      default:
        return recv_.clear();
    }
  }

 private:
  void open_uni(ByteSpan bytes) {
    auto opened = quic_->poll_open_uni(Waiter::none());
    if (!opened || !*opened) return;
    send_.push_back(std::move(**opened));
    write(bytes);
  }
  void open_bidi(ByteSpan bytes) {
    auto opened = quic_->poll_open_bidi(Waiter::none());
    if (!opened || !*opened) return;
    send_.push_back(std::move((*opened)->send));
    recv_.push_back(std::move((*opened)->recv));
    write(bytes);
  }
  void accept_bidi() {
    auto accepted = quic_->poll_accept_bidi(Waiter::none());
    if (!accepted || !*accepted) return;
    send_.push_back(std::move((*accepted)->send));
    recv_.push_back(std::move((*accepted)->recv));
  }
  void write(ByteSpan bytes) {
    if (!send_.empty()) send_.back()->write(Bytes::copy(bytes));
  }
  void finish() {
    if (send_.empty()) return;
    send_.back()->finish();
    send_.pop_back();
  }
  void drop_send() {
    if (!send_.empty()) send_.pop_back();
  }
  std::unique_ptr<Session> quic_;
  std::vector<std::unique_ptr<SendStream>> send_;
  std::vector<std::unique_ptr<RecvStream>> recv_;
};

void fuzz_session(Role role, ByteSpan input) {
  sim::World world;
  kio::TaskGroup tasks(world);
  sim::SessionPair pair = sim::session_pair(world);
  auto ours = role == Role::server ? world.spawn(serve(tasks, std::move(pair.server)))
                                   : world.spawn(dial(tasks, std::move(pair.client)));
  {
    Script script(role == Role::server ? std::move(pair.client) : std::move(pair.server));
    Reader in(input);
    while (in.ok() && in.remaining() > 0) {
      script.step(in);
      world.run_for(11ms);
    }
    world.run_for(30ms);
  }
  // The peer is gone, so nothing of ours may be left.
  world.run_for(30s);
  MOQ_ASSERT(ours.finished());
  MOQ_ASSERT(tasks.size() == 0);
}

}  // namespace
}  // namespace moq::transport::webtransport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace wt = moq::transport::webtransport;
  if (size == 0) return 0;
  const moq::ByteSpan in(data + 1, size - 1);
  switch (data[0]) {
    case 'c':
      wt::fuzz_control(wt::Role::client, in);
      break;
    case 's':
      wt::fuzz_control(wt::Role::server, in);
      break;
    case 'r':
      wt::fuzz_connect(in);
      break;
    case 'q':
      if (const auto headers = wt::decode_headers(in)) wt::fuzz_headers(*headers);
      break;
    case 'f':
      wt::fuzz_field(moq::as_text(in));
      break;
    case 'p':
      wt::fuzz_prefix(in);
      break;
    case 'C':
      wt::fuzz_session(wt::Role::client, in);
      break;
    case 'S':
      wt::fuzz_session(wt::Role::server, in);
      break;
    default:
      break;
  }
  return 0;
}
