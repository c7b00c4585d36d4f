#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The few forms of HTTP structured fields that WebTransport's protocol negotiation uses.
/// RFC 8941.
namespace moq::transport::webtransport {

/// Parses a list whose members are all strings: `"moq-lite-06", "moq-lite-05"`. Parameters of
/// members are checked and left out. None if it is no such list: a token, an inner list, a trailing
/// comma. At most `max_members` members.
std::optional<std::vector<std::string>> parse_string_list(std::string_view field,
                                                          std::size_t max_members);
/// Parses one item that is a string, e.g. `"moq-lite-06"`.
std::optional<std::string> parse_string_item(std::string_view field);

/// Whether a structured-field string can hold `text`: printable ASCII.
bool is_field_string(std::string_view text);
/// `"text"` with quotes and backslashes escaped. `text` must be a field string.
std::string format_string(std::string_view text);
/// The members as strings, joined by ", ".
std::string format_string_list(const std::vector<std::string>& members);

}  // namespace moq::transport::webtransport
