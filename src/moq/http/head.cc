#include "moq/http/head.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

namespace moq::http {
namespace {

namespace beast = boost::beast::http;

constexpr std::string_view kEndOfHead = "\r\n\r\n";

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// Parses the whole head, whose length its caller has limited. Nobody reads a body.
template <typename Parser>
Result<void> parse_with(Parser& parser, std::string_view text, std::string_view what) {
  parser.header_limit(static_cast<std::uint32_t>(text.size()));
  parser.body_limit(boost::none);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(text), error);
  if (error) return fail(Code::decode, std::string(what) + ": " + error.message());
  return {};
}

Fields fields_of(const beast::fields& lines) {
  Fields out;
  for (const auto& line : lines) {
    std::string name(line.name_string());
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    out.add(std::move(name), std::string(line.value()));
  }
  return out;
}

/// `http://host/path`, as proxies are asked, is `/path` for us.
std::string_view without_authority(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!target.starts_with(kScheme)) return target;
  const std::size_t path = target.find('/', kScheme.size());
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace

Result<Request> Request::parse(std::string_view text) {
  beast::request_parser<beast::empty_body> parser;
  MOQ_CHECK(parse_with(parser, text, "not an HTTP request"));
  const auto& head = parser.get();
  const std::string_view target =
      without_authority(std::string_view(head.target().data(), head.target().size()));
  if (!target.starts_with('/')) return fail(Code::decode, "the request names no path");
  const std::size_t question = target.find('?');
  Request request;
  request.method = std::string(head.method_string());
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  request.http11 = head.version() >= 11;
  request.fields = fields_of(head);
  return request;
}

Result<Response> Response::parse(std::string_view text) {
  beast::response_parser<beast::empty_body> parser;
  MOQ_CHECK(parse_with(parser, text, "not an HTTP answer"));
  Response response;
  response.status = static_cast<int>(parser.get().result_int());
  response.fields = fields_of(parser.get());
  return response;
}

bool Fields::has(std::string_view name) const {
  return std::ranges::any_of(fields_, [name](const auto& field) { return field.first == name; });
}

std::string_view Fields::get(std::string_view name) const {
  const auto found =
      std::ranges::find_if(fields_, [name](const auto& field) { return field.first == name; });
  return found == fields_.end() ? std::string_view() : found->second;
}

std::vector<std::string> Fields::list(std::string_view name) const {
  std::vector<std::string> members;
  for (const auto& [known, value] : fields_) {
    if (known != name) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view member = trim(rest.substr(0, comma));
      if (!member.empty()) members.emplace_back(member);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return members;
}

bool Fields::lists(std::string_view name, std::string_view token) const {
  return std::ranges::any_of(list(name),
                             [token](const std::string& member) { return same(member, token); });
}

namespace {

/// The first byte of a TLS connection. RFC 8446 §5.1.
constexpr char kTlsHandshake = 0x16;

constexpr bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

Result<std::optional<std::string>> HeadReader::push(const Bytes& bytes) {
  // The end may begin in what came before.
  const std::size_t from = head_.size() - std::min(head_.size(), kEndOfHead.size() - 1);
  const std::size_t before = head_.size();
  head_.append(bytes.text());
  // Said at once, as whoever speaks TLS to a listener without waits for an answer.
  if (!head_.empty() && !is_letter(head_.front())) {
    return fail(Code::decode,
                head_.front() == kTlsHandshake ? "TLS, where plain HTTP is spoken" : "not HTTP");
  }
  const std::size_t found = head_.find(kEndOfHead, from);
  const std::size_t end = found == std::string::npos ? head_.size() : found + kEndOfHead.size();
  if (end > kMaxHeadBytes) return fail(Code::too_many, "the head is too long");
  if (found == std::string::npos) return std::nullopt;
  rest_ = bytes.slice(end - before);
  head_.resize(end);
  return std::optional(std::move(head_));
}

Result<std::optional<std::string>> Request::parameter(std::string_view name) const {
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

namespace {

Code status_code(int status) {
  switch (status) {
    case 401:
      return Code::unauthorized;
    case 403:
      return Code::forbidden;
    case 404:
      return Code::not_found;
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return Code::application;
    default:
      return Code::rejected;
  }
}

}  // namespace

Error status_error(int status) {
  return Error(status_code(status),
               "the server answered with HTTP status " + std::to_string(status),
               static_cast<std::uint64_t>(status));
}

std::string_view reason_of(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 13> kReasons = {{
      {101, "Switching Protocols"},
      {200, "OK"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {426, "Upgrade Required"},
      {431, "Request Header Fields Too Large"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  }};
  for (const auto& [known, reason] : kReasons) {
    if (known == status) return reason;
  }
  return "";
}

}  // namespace moq::http
