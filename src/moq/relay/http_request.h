#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"

namespace moq::relay {

/// The head of an HTTP request, as far as the web listener looks at it. RFC 9112.
struct HttpRequest {
  std::string method;
  std::string path;    ///< As it was sent, so percent-encoded; with its leading slash.
  std::string query;   ///< What follows the question mark.
  bool http11 = true;  ///< Else 1.0, which knows no chunks.

  /// `text` is the head with the empty line at its end. Fails with `decode`.
  static Result<HttpRequest> parse(std::string_view text);
  /// The value of a parameter of the query, decoded; none if it is not there. Fails as
  /// `percent_decode`.
  [[nodiscard]] Result<std::optional<std::string>> parameter(std::string_view name) const;
};

/// Replaces each `%41`. Fails with `decode` for a percent sign without two digits behind it.
Result<std::string> percent_decode(std::string_view text);

}  // namespace moq::relay
