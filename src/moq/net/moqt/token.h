#pragma once

#include <cstdint>
#include <string>

#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"

namespace moq::net::moqt {

/// What an AUTHORIZATION_TOKEN says to do.
enum class TokenAlias : std::uint8_t {
  remove = 0,     ///< DELETE: forget what `alias` stands for.
  define = 1,     ///< REGISTER: use the token, and remember it as `alias`.
  use_alias = 2,  ///< Use what `alias` stands for.
  use_value = 3,  ///< Use the token, once.
};

/// An authorization token. draft-ietf-moq-transport-21, Authorization Token.
struct Token {
  TokenAlias what = TokenAlias::use_value;
  std::uint64_t alias = 0;  ///< All but `use_value`.
  std::uint64_t type = 0;   ///< With a value: 0 = agreed out of band, such as a JWT; 1 = CAT.
  std::string value;        ///< `define` and `use_value`.

  /// Reads up to the end of `in`. Fails with `unknown` for another alias type.
  static Token read(Reader& in);
  void write(Writer& out) const;
  bool operator==(const Token&) const = default;
};

}  // namespace moq::net::moqt
