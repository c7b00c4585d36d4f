#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// The heads of HTTP/1.1 messages, RFC 9112: all that a relay's web listener and WebSocket's
/// handshake look at.
namespace moq::http {

/// The longest head that is read. The whole of it has no limit in HTTP; servers take 8 to 16 KiB.
inline constexpr std::size_t kMaxHeadBytes = 16 << 10;

/// The fields of a head, in their order.
class Fields {
 public:
  /// `name` in lower case.
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  /// The first value of `name` (in lower case); "" if there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  /// The members of a list field, over all its lines, without white space around them and without
  /// empty ones.
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  /// Whether a list field has `token`, in any case.
  [[nodiscard]] bool lists(std::string_view name, std::string_view token) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method;
  std::string path;    ///< As it was sent, so percent-encoded; with its leading slash.
  std::string query;   ///< What follows the question mark.
  bool http11 = true;  ///< Else 1.0, which knows no chunks.
  Fields fields;

  /// `text` is the head with the empty line at its end. Fails with `decode`.
  static Result<Request> parse(std::string_view text);
  /// The value of a parameter of the query, decoded; none if it is not there. Fails as
  /// `percent_decode`.
  [[nodiscard]] Result<std::optional<std::string>> parameter(std::string_view name) const;
  /// Path and query as they came.
  [[nodiscard]] std::string target() const { return query.empty() ? path : path + "?" + query; }
};

struct Response {
  int status = 0;
  Fields fields;

  /// `text` is the head with the empty line at its end. Fails with `decode`.
  static Result<Response> parse(std::string_view text);
};

/// Finds the end of a head in the bytes that come.
class HeadReader {
 public:
  /// The next bytes. Returns the head, with the empty line at its end, once it is there. Fails with
  /// `too_many` if it is longer than `kMaxHeadBytes`, and with `decode` as soon as it cannot be
  /// HTTP. Not after the head.
  Result<std::optional<std::string>> push(const Bytes& bytes);
  /// Whether anything has come.
  [[nodiscard]] bool begun() const { return !head_.empty() || !rest_.empty(); }
  /// What came behind the head.
  [[nodiscard]] const Bytes& rest() const { return rest_; }

 private:
  std::string head_;
  Bytes rest_;
};

/// Replaces each `%41`. Fails with `decode` for a percent sign without two digits behind it.
Result<std::string> percent_decode(std::string_view text);

/// What an answer other than the wanted one means, with the status in `Error::wire` and in the
/// text: `unauthorized` for 401, `forbidden` for 403, `not_found` for 404, `application` for those
/// that may pass (408, 429, 502, 503, 504), `rejected` for others. RFC 9110 §15.
Error status_error(int status);

/// The words for a status in a status line; "" for one that nobody here sends.
std::string_view reason_of(int status);

}  // namespace moq::http
