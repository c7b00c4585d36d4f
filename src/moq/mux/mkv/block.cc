#include "moq/mux/mkv/block.h"

namespace moq::mux::mkv {
namespace {

enum class Lacing : std::uint8_t { none, xiph, fixed, ebml };

/// Takes a number off the front.
std::optional<VariableInt> take_int(Bytes& in) {
  const std::optional<VariableInt> out = read_variable_int(in.span());
  if (out) in.take_front(out->size);
  return out;
}

/// The size of a frame in bytes of 255 and a last one, summed; none if it is cut.
std::optional<std::uint64_t> take_xiph_size(Bytes& in) {
  std::uint64_t sum = 0;
  for (;;) {
    if (in.empty()) return std::nullopt;
    const std::uint8_t byte = in.take_front(1)[0];
    sum += byte;
    if (byte != 255) return sum;
  }
}

/// The first size as it is, each other one as its difference to the one before. §10.3.3.
std::optional<std::uint64_t> take_ebml_size(Bytes& in, std::optional<std::uint64_t> before) {
  const std::optional<VariableInt> number = take_int(in);
  if (!number) return std::nullopt;
  if (!before) return number->value;
  const auto bias = static_cast<std::int64_t>((std::uint64_t{1} << (7 * number->size - 1)) - 1);
  const std::int64_t size =
      static_cast<std::int64_t>(*before) + static_cast<std::int64_t>(number->value) - bias;
  if (size < 0) return std::nullopt;
  return static_cast<std::uint64_t>(size);
}

/// The sizes of all frames but the last; none if they are cut or add up to more than there is.
std::optional<std::vector<std::uint64_t>> take_sizes(Bytes& in, Lacing lacing, std::size_t frames) {
  std::vector<std::uint64_t> out;
  std::uint64_t sum = 0;
  while (out.size() + 1 < frames) {
    std::optional<std::uint64_t> size;
    if (lacing == Lacing::xiph) size = take_xiph_size(in);
    if (lacing == Lacing::fixed) size = in.size() / frames;
    if (lacing == Lacing::ebml) {
      size = take_ebml_size(in, out.empty() ? std::nullopt : std::optional(out.back()));
    }
    // What is left shrinks while sizes are read, so each sum is checked anew.
    if (!size || *size > in.size() || sum + *size > in.size()) return std::nullopt;
    sum += *size;
    out.push_back(*size);
  }
  if (sum > in.size() || (lacing == Lacing::fixed && in.size() % frames != 0)) return std::nullopt;
  return out;
}

}  // namespace

Result<Block> parse_block(const Bytes& body) {
  const auto broken = [] { return fail(Code::decode, "mkv: a broken block"); };
  Bytes in = body;
  const std::optional<VariableInt> track = take_int(in);
  if (!track || in.size() < 3) return broken();
  const Bytes fixed = in.take_front(3);
  Block out{
      .track = track->value,
      .time = static_cast<std::int16_t>(static_cast<std::uint16_t>(fixed[0] << 8 | fixed[1]))};
  const auto lacing = static_cast<Lacing>(fixed[2] >> 1 & 3);
  if (lacing == Lacing::none) {
    out.frames.push_back(in);
    return out;
  }
  if (in.empty()) return broken();
  const std::size_t frames = std::size_t{in.take_front(1)[0]} + 1;
  const auto sizes = take_sizes(in, lacing, frames);
  if (!sizes) return broken();
  for (const std::uint64_t size : *sizes) {
    out.frames.push_back(in.take_front(static_cast<std::size_t>(size)));
  }
  out.frames.push_back(in);
  return out;
}

}  // namespace moq::mux::mkv
