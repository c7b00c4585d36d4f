#include "moq/net/moqt/token.h"

#include <utility>

namespace moq::net::moqt {
namespace {

bool has_alias(TokenAlias what) { return what != TokenAlias::use_value; }
bool has_value(TokenAlias what) {
  return what == TokenAlias::define || what == TokenAlias::use_value;
}

}  // namespace

Token Token::read(Reader& in) {
  Token token;
  const std::uint64_t what = in.varint();
  if (what > std::to_underlying(TokenAlias::use_value)) {
    in.fail(DecodeError::unknown);
    return token;
  }
  token.what = static_cast<TokenAlias>(what);
  if (has_alias(token.what)) token.alias = in.varint();
  if (has_value(token.what)) {
    token.type = in.varint();
    token.value = as_text(in.bytes(in.remaining()));
  }
  return token;
}

void Token::write(Writer& out) const {
  out.varint(std::to_underlying(what));
  if (has_alias(what)) out.varint(alias);
  if (has_value(what)) out.varint(type).bytes(as_bytes(value));
}

}  // namespace moq::net::moqt
