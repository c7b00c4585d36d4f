#include "moq/relay/web_pages.h"

#include <charconv>

namespace moq::relay {
namespace {

constexpr std::string_view kPages =
    "here are /health, /certificate.sha256, /announced[/PREFIX] and "
    "/fetch/BROADCAST/TRACK[?group=N]\n";

/// A broadcast's name, or a prefix, out of a request.
Result<net::Path> parse_path(std::string_view encoded) {
  MOQ_TRY(const std::string text, http::percent_decode(encoded));
  return net::Path::parse(text);
}

/// What a reader without a session is told of a failure.
int status_of(const Error& error) {
  switch (error.code) {
    case Code::decode:
    case Code::invalid_argument:
      return 400;
    case Code::not_found:
    case Code::unroutable:
    case Code::old:
    case Code::evicted:
      return 404;
    case Code::timeout:
      return 504;
    case Code::too_many:
      return 503;
    default:
      return 502;
  }
}

}  // namespace

struct WebPages::Wanted {
  net::Path broadcast;
  std::string track;
  std::optional<std::uint64_t> group;  ///< None: the newest.
};

/// A group that begins to come.
struct WebPages::Found {
  Found(net::group::Consumer which, std::optional<net::track::Consumer> reader)
      : group(std::move(which)), subscription(std::move(reader)) {}
  net::group::Consumer group;
  /// Without it nobody would ask the publisher for the rest of its newest group.
  std::optional<net::track::Consumer> subscription;
};

kio::Task<void> WebPages::serve(HttpExchange& exchange) const {
  const std::optional<HttpRequest> request = co_await exchange.receive();
  if (request) co_await answer(exchange, *request);
}

kio::Task<void> WebPages::answer(HttpExchange& exchange, const HttpRequest& request) const {
  if (request.path.starts_with("/fetch/")) {
    co_await serve_group(exchange, request);
  } else {
    co_await exchange.answer(page(request.path));
  }
}

HttpResponse WebPages::page(const std::string& path) const {
  constexpr std::string_view kAnnounced = "/announced";
  if (path == "/health") return {200, "ok\n"};
  if (path == "/certificate.sha256") {
    // Without an end of line: browsers with @moq/net take every character for hex.
    return {200, transport::quic::to_hex(relay_.fingerprint())};
  }
  if (path == kAnnounced || path.starts_with(std::string(kAnnounced) + "/")) {
    return announced(std::string_view(path).substr(kAnnounced.size()));
  }
  return {404, std::string(kPages)};
}

/// The names of the broadcasts below a prefix, from there on, a line each; the broadcast of that
/// very name is an empty line.
HttpResponse WebPages::announced(std::string_view encoded_prefix) const {
  const auto prefix = parse_path(encoded_prefix);
  if (!prefix) return {400, prefix.error().text + "\n"};
  std::string lines;
  auto announced = readable().announced(*prefix);
  while (auto update = announced.poll_next(kio::Waiter::none())) {
    const auto suffix = update->path.strip_prefix(*prefix);
    if (suffix && !suffix->is_hidden()) lines += suffix->text() + "\n";
  }
  return {200, std::move(lines)};
}

/// What anyone may subscribe to.
net::origin::Consumer WebPages::readable() const {
  auto scoped = relay_.origin().consume().scope({}, [this](const net::Path& path) {
    return Grants::covers(relay_.grants().subscribe, path);
  });
  return *std::move(scoped);
}

/// `/fetch/BROADCAST/TRACK`: the last slash parts the two, so one in a track's name is written %2F.
Result<WebPages::Wanted> WebPages::parse_wanted(const HttpRequest& request) {
  const std::string_view names =
      std::string_view(request.path).substr(std::string("/fetch/").size());
  const std::size_t slash = names.rfind('/');
  const std::size_t track = slash == std::string_view::npos ? 0 : slash + 1;
  Wanted wanted;
  MOQ_TRY(wanted.broadcast, parse_path(names.substr(0, track)));
  MOQ_TRY(wanted.track, http::percent_decode(names.substr(track)));
  if (wanted.track.empty()) return fail(Code::decode, "which track? " + std::string(kPages));
  MOQ_TRY(const auto group, request.parameter("group"));
  if (!group || *group == "latest") return wanted;
  const char* last = group->data() + group->size();
  const auto [end, error] = std::from_chars(group->data(), last, wanted.group.emplace());
  if (error != std::errc{} || end != last) {
    return fail(Code::decode, "group '" + *group + "' is no number");
  }
  return wanted;
}

kio::Task<Result<WebPages::Found>> WebPages::find(Wanted wanted) const {
  using Out = Result<Found>;
  const auto broadcast = readable().find(wanted.broadcast);
  if (!broadcast) {
    co_return fail(Code::not_found, "nobody publishes '" + wanted.broadcast.text() + "'");
  }
  kio::Timer timer(clock_);
  timer.set_after(kHttpTimeout);
  if (wanted.group) {
    auto fetch = broadcast->fetch(wanted.track, *wanted.group);
    co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Out> {
      if (auto group = fetch.poll(waiter)) {
        if (!*group) return Out(std::unexpected(group->error()));
        return Out(Found(**std::move(group), std::nullopt));
      }
      if (timer.poll(waiter)) return Out(fail(Code::timeout, "the publisher does not answer"));
      return kio::kPending;
    });
  }
  auto reader = broadcast->subscribe(wanted.track);
  co_return co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Out> {
    if (auto group = reader.poll_next_group(waiter)) {
      if (!*group) return Out(std::unexpected(group->error()));
      if (!**group) return Out(fail(Code::not_found, "the track ended without a group"));
      return Out(Found(***std::move(group), std::move(reader)));
    }
    if (timer.poll(waiter)) return Out(fail(Code::timeout, "no group comes"));
    return kio::kPending;
  });
}

/// The payload of one group's frames, one after the other, as it comes.
kio::Task<void> WebPages::serve_group(HttpExchange& exchange, const HttpRequest& request) const {
  auto wanted = parse_wanted(request);
  if (!wanted) {
    co_await exchange.answer({400, wanted.error().text + "\n"});
    co_return;
  }
  auto found = co_await find(*std::move(wanted));
  if (!found) {
    co_await exchange.answer({status_of(found.error()), found.error().describe() + "\n"});
    co_return;
  }
  co_await send(exchange, *found);
}

kio::Task<void> WebPages::send(HttpExchange& exchange, Found& found) const {
  using Piece = Result<std::optional<net::group::Chunk>>;
  kio::Timer timer(clock_);
  bool begun = false;
  for (;;) {
    timer.set_after(kHttpTimeout);
    Piece piece = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Piece> {
      if (auto chunk = found.group.poll_chunk(waiter)) return chunk;
      if (timer.poll(waiter) || exchange.poll_expired(waiter)) {
        return Piece(fail(Code::timeout, "the group does not go on"));
      }
      return kio::kPending;
    });
    // Before its first byte a failure can still be told by a status.
    if (!piece && !begun) {
      co_await exchange.answer({status_of(piece.error()), piece.error().describe() + "\n"});
      co_return;
    }
    if (!begun) {
      const bool wants_more = co_await exchange.begin("application/octet-stream");
      if (!wants_more) co_return;
      begun = true;
    }
    if (!piece || !*piece) {
      co_await exchange.end(piece.has_value());
      co_return;
    }
    const bool taken = co_await exchange.add((*piece)->data);
    if (!taken) co_return;
  }
}

}  // namespace moq::relay
