#include "moq/native/url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace moq::native {
namespace {

constexpr std::uint16_t kDefaultPort = 443;  // Of QUIC, for every scheme here.

std::optional<Scheme> scheme_of(std::string_view name) {
  for (const Scheme scheme : {Scheme::https, Scheme::http, Scheme::moqt, Scheme::moql}) {
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
  if (!scheme) return bad(text, "'" + name + "' is not one of https, http, moqt, moql");
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
  if (url.host.empty()) return bad(text, "it needs a host");
  url.port = kDefaultPort;
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
  return url;
}

std::string Url::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  const std::string name = v6 ? "[" + host + "]" : host;
  return port == kDefaultPort ? name : name + ":" + std::to_string(port);
}

// A query needs a path before it: "relay.example?jwt=x" asks for "/?jwt=x", as browsers have it.
std::string Url::request() const {
  return query.empty() ? path : (path.empty() ? "/" : path) + "?" + query;
}

std::string Url::to_string() const {
  return std::string(native::to_string(scheme)) + "://" + authority() + path;
}

}  // namespace moq::native
