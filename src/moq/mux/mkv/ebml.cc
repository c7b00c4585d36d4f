#include "moq/mux/mkv/ebml.h"

#include <bit>

namespace moq::mux::mkv {
namespace {

constexpr std::size_t kMaxIdBytes = 4;

/// How many bytes a number has that begins with `first`, which is not 0.
std::size_t length_of(std::uint8_t first) {
  return static_cast<std::size_t>(std::countl_zero(first)) + 1;
}

}  // namespace

std::optional<VariableInt> read_variable_int(ByteSpan in) {
  if (in.empty() || in[0] == 0) return std::nullopt;
  const std::size_t size = length_of(in[0]);
  if (size > in.size()) return std::nullopt;
  const std::uint64_t marker = std::uint64_t{1} << 7 * size;
  return VariableInt{.value = *read_uint(in.first(size)) & (marker - 1), .size = size};
}

Result<std::optional<ElementHeader>> read_element_header(ByteSpan in) {
  if (in.empty()) return std::nullopt;
  if (in[0] == 0 || length_of(in[0]) > kMaxIdBytes) {
    return fail(Code::decode, "mkv: no element begins here");
  }
  const std::size_t id_size = length_of(in[0]);
  if (in.size() <= id_size) return std::nullopt;
  const ByteSpan rest = in.subspan(id_size);
  if (rest[0] == 0) return fail(Code::decode, "mkv: an element without a size");
  const std::optional<VariableInt> size = read_variable_int(rest);
  if (!size) return std::nullopt;
  ElementHeader out{.id = static_cast<std::uint32_t>(*read_uint(in.first(id_size))),
                    .header_size = id_size + size->size};
  if (!size->all_ones()) out.size = size->value;
  return out;
}

std::optional<Element> ElementReader::next() {
  const auto header = read_element_header(in_);
  if (!header || !*header || !(*header)->size) return std::nullopt;
  const ByteSpan rest = in_.subspan((*header)->header_size);
  if (*(*header)->size > rest.size()) return std::nullopt;
  const auto size = static_cast<std::size_t>(*(*header)->size);
  in_ = rest.subspan(size);
  return Element{.id = (*header)->id, .body = rest.first(size)};
}

std::optional<std::uint64_t> read_uint(ByteSpan body) {
  if (body.size() > 8) return std::nullopt;
  std::uint64_t value = 0;
  for (const std::uint8_t byte : body) value = value << 8 | byte;
  return value;
}

std::optional<double> read_float(ByteSpan body) {
  const std::optional<std::uint64_t> bits = read_uint(body);
  if (!bits) return std::nullopt;
  if (body.empty()) return 0.0;
  if (body.size() == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(*bits));
  if (body.size() == 8) return std::bit_cast<double>(*bits);
  return std::nullopt;
}

}  // namespace moq::mux::mkv
