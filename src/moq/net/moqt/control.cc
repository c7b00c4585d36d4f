#include "moq/net/moqt/control.h"

#include <algorithm>
#include <array>
#include <utility>

#include "moq/net/moqt/fields.h"
#include "moq/net/moqt/key_value.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

enum class Option : std::uint64_t {
  path = 0x01,
  max_request_id = 0x02,
  token = 0x03,
  max_token_cache_bytes = 0x04,
  authority = 0x05,
  max_filter_ranges = 0x06,
  implementation = 0x07,
  max_updates = 0x08,
  solicit = 0x40b5a,
  hidden = 0x40b5c,
};

/// Whether `draft` knows the option; others are passed over, and may repeat.
bool is_known(std::uint64_t type, Draft draft) {
  switch (static_cast<Option>(type)) {
    case Option::path:
    case Option::token:
    case Option::max_token_cache_bytes:
    case Option::authority:
    case Option::implementation:
    case Option::solicit:
    case Option::hidden:
      return true;
    case Option::max_request_id:
      return has_max_request_id(draft);
    case Option::max_filter_ranges:
    case Option::max_updates:
      return has_range_filters(draft);
  }
  return false;
}

void check_text(Reader& in, std::string_view text) {
  if (!is_utf8(as_bytes(text))) in.fail(DecodeError::bad_utf8);
}

void read_token(Reader& in, Setup& setup, std::string_view bytes) {
  if (setup.tokens.size() == kMaxTokens) in.fail(DecodeError::too_many);
  Reader inner(as_bytes(bytes), in.varint_kind());
  auto token = inner.finish(Token::read(inner));
  if (!token) return in.fail(token.error());
  setup.tokens.push_back(*std::move(token));
}

void read_option(Reader& in, Setup& setup, KeyValue option) {
  if (!option.is_number() && static_cast<Option>(option.type) != Option::token) {
    check_text(in, option.bytes);
  }
  switch (static_cast<Option>(option.type)) {
    case Option::path:
      setup.path = std::move(option.bytes);
      return;
    case Option::max_request_id:
      setup.max_request_id = option.number;
      return;
    case Option::token:
      read_token(in, setup, option.bytes);
      return;
    case Option::max_token_cache_bytes:
      setup.max_token_cache_bytes = option.number;
      return;
    case Option::authority:
      setup.authority = std::move(option.bytes);
      return;
    case Option::max_filter_ranges:
      setup.max_filter_ranges = option.number;
      return;
    case Option::implementation:
      setup.implementation = std::move(option.bytes);
      return;
    case Option::max_updates:
      setup.max_updates = option.number;
      return;
    case Option::solicit:
      setup.solicit = option.number;
      return;
    case Option::hidden:
      setup.hidden = option.number;
      return;
  }
}

void read_options(Reader& in, Setup& setup, Draft draft) {
  std::vector<KeyValue> options = has_setup_count(draft)
                                      ? read_counted_pairs(in, draft, kMaxSetupOptions)
                                      : read_pairs(in, draft, kMaxSetupOptions);
  std::vector<std::uint64_t> seen;
  for (KeyValue& option : options) {
    if (!is_known(option.type, draft)) continue;
    const bool repeats = static_cast<Option>(option.type) == Option::token;
    if (!repeats && std::ranges::find(seen, option.type) != seen.end()) {
      in.fail(DecodeError::duplicate);
    }
    seen.push_back(option.type);
    read_option(in, setup, std::move(option));
  }
}

/// The options of a SETUP that say something.
class OptionList {
 public:
  void number(Option option, std::optional<std::uint64_t> value) {
    if (value) options_.push_back({.type = std::to_underlying(option), .number = *value});
  }
  /// As `number`, where 0 is what is so without the option.
  void positive(Option option, std::uint64_t value) {
    if (value > 0) number(option, value);
  }
  void text(Option option, std::string_view value) {
    options_.push_back({.type = std::to_underlying(option), .bytes = std::string(value)});
  }
  std::vector<KeyValue> take() { return std::move(options_); }

 private:
  std::vector<KeyValue> options_;
};

std::vector<KeyValue> options_of(const Setup& setup, Draft draft) {
  OptionList options;
  if (setup.path) options.text(Option::path, *setup.path);
  if (has_max_request_id(draft)) options.positive(Option::max_request_id, setup.max_request_id);
  for (const Token& token : setup.tokens) {
    Writer value = writer_of(draft);
    token.write(value);
    options.text(Option::token, as_text(value.span()));
  }
  options.positive(Option::max_token_cache_bytes, setup.max_token_cache_bytes);
  if (setup.authority) options.text(Option::authority, *setup.authority);
  if (has_range_filters(draft)) {
    options.positive(Option::max_filter_ranges, setup.max_filter_ranges);
    options.positive(Option::max_updates, setup.max_updates);
  }
  if (!setup.implementation.empty()) options.text(Option::implementation, setup.implementation);
  options.number(Option::solicit, setup.solicit);
  options.number(Option::hidden, setup.hidden);
  return options.take();
}

}  // namespace

Result<Setup, DecodeError> Setup::decode(Reader& in, Draft draft, Role sender) {
  Setup setup{.sender = sender};
  if (has_version_list(draft)) {
    std::uint64_t count = sender == Role::client ? in.count(kMaxSetupVersions) : 1;
    for (; count > 0 && in.ok(); --count) setup.versions.push_back(in.varint());
  }
  read_options(in, setup, draft);
  return in.finish(std::move(setup));
}

void Setup::encode(Writer& out, Draft draft) const {
  if (has_version_list(draft)) {
    if (sender == Role::client) out.varint(versions.size());
    const std::size_t count = sender == Role::client ? versions.size() : 1;
    for (std::size_t i = 0; i < count; ++i) {
      out.varint(i < versions.size() ? versions[i] : version_number(draft));
    }
  }
  if (has_setup_count(draft)) {
    write_counted_pairs(out, options_of(*this, draft), draft);
  } else {
    write_pairs(out, options_of(*this, draft), draft);
  }
}

Result<Goaway, DecodeError> Goaway::decode(Reader& in, Draft draft) {
  Goaway goaway{.uri = std::string(in.text(kMaxUriBytes))};
  if (has_goaway_timeout(draft)) goaway.timeout = read_optional_ms(in);
  if (has_goaway_request_id(draft) && in.remaining() > 0) goaway.request_id = in.varint();
  return in.finish(std::move(goaway));
}

void Goaway::encode(Writer& out, Draft draft) const {
  out.text(uri);
  if (has_goaway_timeout(draft)) write_optional_ms(out, timeout);
  if (has_goaway_request_id(draft) && request_id) out.varint(*request_id);
}

Result<MaxRequestId, DecodeError> MaxRequestId::decode(Reader& in, Draft) {
  return in.finish(MaxRequestId{.limit = in.varint()});
}

void MaxRequestId::encode(Writer& out, Draft) const { out.varint(limit); }

Result<RequestsBlocked, DecodeError> RequestsBlocked::decode(Reader& in, Draft) {
  return in.finish(RequestsBlocked{.limit = in.varint()});
}

void RequestsBlocked::encode(Writer& out, Draft) const { out.varint(limit); }

}  // namespace moq::net::moqt
