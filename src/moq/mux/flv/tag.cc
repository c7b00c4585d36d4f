#include "moq/mux/flv/tag.h"

#include <algorithm>

#include "moq/base/wire.h"

namespace moq::mux::flv {
namespace {

constexpr std::size_t kFileHeader = 9;
constexpr std::size_t kTagHeader = 11;
/// The size of the tag before, behind the file's header and each tag.
constexpr std::size_t kBackPointer = 4;
constexpr std::uint8_t kScript = 18;
constexpr std::uint8_t kEncrypted = 0x20;
constexpr std::uint8_t kHasVideo = 0x01;
constexpr std::uint8_t kHasAudio = 0x04;

}  // namespace

void TagReader::push(ByteSpan data) {
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  input_.insert(input_.end(), data.begin(), data.end());
}

void TagReader::consume(std::size_t size) {
  at_ += size;
  position_ += size;
}

Result<bool> TagReader::begin() {
  if (rest().size() < kFileHeader) return false;
  Reader in(rest());
  const bool is_flv = as_text(in.bytes(3)) == "FLV";
  in.u8();  // The version.
  flags_ = in.u8();
  const std::uint32_t size = in.u32();
  if (!is_flv || size < kFileHeader || size > kMaxHeaderBytes) {
    return fail(Code::decode, "flv: the input is no FLV file");
  }
  skip_ = size + kBackPointer;
  begun_ = true;
  return true;
}

bool TagReader::announces(Kind kind) const {
  return (flags_ & (kind == Kind::video ? kHasVideo : kHasAudio)) != 0;
}

Result<std::optional<Tag>> TagReader::next() {
  if (!begun_) {
    MOQ_TRY(const bool begun, begin());
    if (!begun) return std::nullopt;
  }
  for (;;) {
    const std::size_t skipped = std::min(skip_, rest().size());
    consume(skipped);
    skip_ -= skipped;
    if (skip_ > 0 || rest().size() < kTagHeader) return std::nullopt;
    tag_start_ = position_;
    Reader in(rest());
    const std::uint8_t type = in.u8();
    const std::size_t size = in.u24();
    const std::uint32_t low = in.u24();
    const std::uint32_t high = in.u8();
    const bool is_media = type == static_cast<std::uint8_t>(Kind::audio) ||
                          type == static_cast<std::uint8_t>(Kind::video);
    if (!is_media && (type & ~kEncrypted) != kScript && (type & kEncrypted) == 0) {
      return fail(Code::decode,
                  "flv: neither audio nor video nor data, at byte " + std::to_string(tag_start_));
    }
    if (!is_media) {
      skip_ = kTagHeader + size + kBackPointer;
      continue;
    }
    if (rest().size() < kTagHeader + size) return std::nullopt;
    Tag tag{.kind = static_cast<Kind>(type),
            .timestamp_ms = high << 24 | low,
            .body = Bytes::copy(rest().subspan(kTagHeader, size))};
    consume(kTagHeader + size);
    skip_ = kBackPointer;
    return tag;
  }
}

Result<void> TagReader::finish() const {
  if (!begun_) return fail(Code::decode, "flv: the input ends within its header");
  if (rest().empty() && skip_ <= kBackPointer) return {};
  return fail(Code::decode,
              "flv: the input ends within a tag, at byte " + std::to_string(tag_start_));
}

}  // namespace moq::mux::flv
