#include "moq/native/url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace moq::native {
namespace {

/// Of QUIC, for every scheme on it, and of TLS.
constexpr std::uint16_t kDefaultPort = 443;

std::uint16_t default_port(Scheme scheme) {
  if (scheme == Scheme::unix_socket) return 0;
  return scheme == Scheme::ws ? kDefaultWebPort : kDefaultPort;
}

constexpr std::array kSchemes = {Scheme::https, Scheme::http, Scheme::moqt, Scheme::moql,
                                 Scheme::wss,   Scheme::ws,   Scheme::tcp,  Scheme::unix_socket};

std::optional<Scheme> scheme_of(std::string_view name) {
  for (const Scheme scheme : kSchemes) {
    if (name == to_string(scheme)) return scheme;
  }
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::unexpected<Error> bad(std::string_view url, std::string_view why) {
  return fail(Code::bad_config, "'" + std::string(url) + "' is not a usable URL: " +
                                    std::string(why) + ", as in https://relay.example:4443/room");
}

/// Resolves %XX; in a query also '+', a space. None if an escape is cut or not hexadecimal.
std::optional<std::string> unescape(std::string_view text, bool query) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && query) {
      out += ' ';
    } else if (text[i] == '%') {
      unsigned value = 0;
      const char* digits = text.data() + i + 1;
      if (text.size() - i < 3) return std::nullopt;
      const auto [end, error] = std::from_chars(digits, digits + 2, value, 16);
      if (error != std::errc{} || end != digits + 2) return std::nullopt;
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The value of `name` in a query, unescaped; "" if it is not there.
std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return unescape(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
  }
  return "";
}

/// What only a Unix socket's URL has to have.
Result<void> check_unix(std::string_view text, const Url& url) {
  const auto socket = unescape(url.path, false);
  if (!socket || socket->size() < 2 || socket->find('\0') != std::string::npos) {
    return bad(text, "it needs a socket's path, as in unix:///run/moq/relay.sock?path=/room;");
  }
  const auto path = query_value(url.query, "path");
  if (!path || path->find('\0') != std::string::npos) {
    return bad(text, "an escape in its ?path= is no character");
  }
  if (!path->empty() && path->front() != '/') return bad(text, "its ?path= begins with no '/'");
  return {};
}

}  // namespace

std::string_view to_string(Scheme scheme) {
  switch (scheme) {
    case Scheme::https:
      return "https";
    case Scheme::http:
      return "http";
    case Scheme::moqt:
      return "moqt";
    case Scheme::moql:
      return "moql";
    case Scheme::wss:
      return "wss";
    case Scheme::ws:
      return "ws";
    case Scheme::tcp:
      return "tcp";
    case Scheme::unix_socket:
      return "unix";
  }
  std::unreachable();
}

Result<Url> Url::parse(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return bad(text, "it needs a scheme");
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c != 0x7f; });
  if (!printable) return bad(text, "it holds white space or control characters");
  Url url;
  const std::string name = lower(text.substr(0, colon));
  const auto scheme = scheme_of(name);
  if (!scheme) {
    return bad(text, "'" + name + "' is not one of https, http, moqt, moql, wss, ws, tcp, unix");
  }
  url.scheme = *scheme;

  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  if (authority.find('@') != std::string_view::npos) {
    return bad(text, "user names are not supported; put a token into ?jwt=");
  }

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad(text, "a ']' is missing");
    url.host = lower(authority.substr(1, close - 1));
    authority.remove_prefix(close + 1);
    if (!authority.empty() && authority.front() != ':') return bad(text, "junk after ']'");
    if (!authority.empty()) port = authority.substr(1);
  } else {
    const std::size_t at = authority.find(':');
    url.host = lower(authority.substr(0, at));
    if (at != std::string_view::npos) port = authority.substr(at + 1);
  }
  const bool unix_socket = url.scheme == Scheme::unix_socket;
  if (unix_socket && !(url.host.empty() && port.empty())) {
    return bad(text, "a Unix socket has no host: write three slashes");
  }
  if (url.host.empty() && !unix_socket) return bad(text, "it needs a host");
  if (url.scheme == Scheme::tcp && port.empty()) return bad(text, "TCP needs a port");
  url.port = default_port(url.scheme);
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size() || url.port == 0) {
      return bad(text, "its port is not a number from 1 to 65535");
    }
  }
  if (url.scheme == Scheme::http) url.web_port = port.empty() ? kDefaultWebPort : url.port;
  const std::size_t question = rest.find('?');
  url.path = rest.substr(0, question);
  if (question != std::string_view::npos) url.query = rest.substr(question + 1);
  if (unix_socket) MOQ_CHECK(check_unix(text, url));
  return url;
}

std::string Url::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  const std::string name = v6 ? "[" + host + "]" : host;
  if (scheme == Scheme::unix_socket) return "";
  const bool usual = port == default_port(scheme) && scheme != Scheme::tcp;
  return usual ? name : name + ":" + std::to_string(port);
}

Url Url::as_websocket() const {
  Url url = *this;
  if (scheme == Scheme::https) url.scheme = Scheme::wss;
  if (scheme == Scheme::http) {
    url.scheme = Scheme::ws;
    url.port = std::exchange(url.web_port, std::uint16_t{0});
  }
  return url;
}

// A query needs a path before it: "relay.example?jwt=x" asks for "/?jwt=x", as browsers have it.
std::string Url::request() const {
  if (scheme == Scheme::unix_socket) return query_value(query, "path").value_or("");
  return query.empty() ? path : (path.empty() ? "/" : path) + "?" + query;
}

std::string Url::socket_path() const { return unescape(path, false).value_or(""); }

std::string Url::to_string() const {
  return std::string(native::to_string(scheme)) + "://" + authority() + path;
}

}  // namespace moq::native
