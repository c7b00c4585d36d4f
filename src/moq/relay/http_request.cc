#include "moq/relay/http_request.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

namespace moq::relay {
namespace {

namespace http = boost::beast::http;

/// `http://host/path`, as proxies are asked, is `/path` for us.
std::string_view without_authority(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!target.starts_with(kScheme)) return target;
  const std::size_t path = target.find('/', kScheme.size());
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace

Result<HttpRequest> HttpRequest::parse(std::string_view text) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(text.size()));  // Its caller has limited it.
  parser.body_limit(boost::none);                                // Nobody reads a body.
  boost::system::error_code error;
  parser.put(boost::asio::buffer(text), error);
  if (error) return fail(Code::decode, "not an HTTP request: " + error.message());
  const auto& head = parser.get();
  const std::string_view target =
      without_authority(std::string_view(head.target().data(), head.target().size()));
  if (!target.starts_with('/')) return fail(Code::decode, "the request names no path");
  const std::size_t question = target.find('?');
  HttpRequest request;
  request.method = std::string(head.method_string());
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  request.http11 = head.version() >= 11;
  return request;
}

Result<std::optional<std::string>> HttpRequest::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    MOQ_TRY(std::string value, percent_decode(pair.substr(std::min(equals + 1, pair.size()))));
    return std::optional(std::move(value));
  }
  return std::nullopt;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('%'), text.size());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::string_view digits = text.substr(1, 2);
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() < 2 || error != std::errc{} || end != digits.data() + digits.size()) {
      return fail(Code::decode, "'" + std::string(text.substr(0, 3)) + "' is no encoded byte");
    }
    out.push_back(static_cast<char>(value));
    text.remove_prefix(3);
  }
  return out;
}

}  // namespace moq::relay
