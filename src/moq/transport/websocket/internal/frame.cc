#include "moq/transport/websocket/internal/frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "moq/base/wire.h"

namespace moq::transport::websocket::internal {
namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kSize16 = 126;  // The length is in the two bytes that follow,
constexpr std::uint8_t kSize64 = 127;  // or in the eight.

std::unexpected<FrameError> broken(std::string text) {
  return std::unexpected(FrameError{CloseCode::protocol_error, std::move(text)});
}

bool is_control(Opcode opcode) { return std::to_underlying(opcode) >= 8; }

std::uint64_t big_endian(ByteSpan bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

void mask(std::span<std::uint8_t> data, const MaskKey& key, std::size_t offset) {
  std::array<std::uint8_t, 8> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(offset + i) % key.size()];
  std::uint64_t wide = 0;
  std::memcpy(&wide, turned.data(), sizeof wide);
  while (data.size() >= sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, data.data(), sizeof word);
    word ^= wide;
    std::memcpy(data.data(), &word, sizeof word);
    data = data.subspan(sizeof wide);
  }
  for (std::size_t i = 0; i < data.size(); ++i) data[i] ^= turned[i];
}

Bytes encode_frame(Opcode opcode, ByteSpan payload, const std::optional<MaskKey>& key) {
  std::array<std::uint8_t, 14> head{};
  std::size_t size = 2;
  head[0] = kFin | std::to_underlying(opcode);
  const auto append = [&](std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) head[size++] = static_cast<std::uint8_t>(value >> (8 * i));
  };
  if (payload.size() < kSize16) {
    head[1] = static_cast<std::uint8_t>(payload.size());
  } else if (payload.size() <= UINT16_MAX) {
    head[1] = kSize16;
    append(payload.size(), 2);
  } else {
    head[1] = kSize64;
    append(payload.size(), 8);
  }
  if (key) {
    head[1] |= kMasked;
    std::ranges::copy(*key, head.begin() + static_cast<std::ptrdiff_t>(size));
    size += key->size();
  }
  Ref<Buffer> buffer = Buffer::allocate(size + payload.size());
  std::memcpy(buffer->data(), head.data(), size);
  if (!payload.empty()) std::memcpy(buffer->data() + size, payload.data(), payload.size());
  if (key) mask({buffer->data() + size, payload.size()}, *key, 0);
  return {buffer, 0, size + payload.size()};
}

std::string close_payload(CloseCode code, std::string_view reason) {
  const auto number = std::to_underlying(code);
  std::string payload = {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
  reason = reason.substr(0, kMaxControlBytes - payload.size());
  while (!is_utf8(as_bytes(reason))) reason.remove_suffix(1);  // Cut within a character.
  return payload.append(reason);
}

std::expected<Close, FrameError> parse_close(ByteSpan payload) {
  if (payload.empty()) return Close();
  if (payload.size() == 1) return broken("a close frame with half a code");
  Close close;
  close.code = static_cast<std::uint16_t>(big_endian(payload.first(2)));
  // Not 1005, 1006 and 1015, which are never sent, nor what nobody has defined. RFC 6455 §7.4.2.
  const bool known = (close.code >= 1000 && close.code < 1015 && close.code != 1004 &&
                      close.code != 1005 && close.code != 1006) ||
                     (close.code >= 3000 && close.code < 5000);
  if (!known) return broken("a close frame with code " + std::to_string(close.code));
  close.reason = as_text(payload.subspan(2));
  return close;
}

std::size_t FrameReader::head_size() const {
  if (head_bytes_ < 2) return 2;
  const std::uint8_t size = head_[1] & 0x7f;
  return 2U +
         (size == kSize16   ? 2U
          : size == kSize64 ? 8U
                            : 0U) +
         ((head_[1] & kMasked) != 0 ? sizeof(MaskKey) : 0U);
}

/// Whether the frame's head is whole.
bool FrameReader::fill_head() {
  while (head_bytes_ < head_size()) {
    if (input_.empty()) return false;
    const Bytes piece = input_.take_front(head_size() - head_bytes_);
    std::ranges::copy(piece, head_.begin() + static_cast<std::ptrdiff_t>(head_bytes_));
    head_bytes_ += piece.size();
  }
  return true;
}

FrameReader::Verdict FrameReader::check_opcode(Opcode opcode, bool fin, std::uint64_t size) const {
  switch (opcode) {
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!fin) return broken("a control frame in fragments");
      if (size > kMaxControlBytes) return broken("a control frame that is too long");
      return {};
    case Opcode::text:
    case Opcode::binary:
      if (message_) return broken("a message within another");
      return {};
    case Opcode::continuation:
      if (!message_) return broken("the continuation of nothing");
      return {};
  }
  return broken("an unknown kind of frame");
}

FrameReader::Verdict FrameReader::begin_frame() {
  if ((head_[0] & kReserved) != 0) return broken("a reserved bit is set");
  const bool masked = (head_[1] & kMasked) != 0;
  if (masked != (role_ == Role::server)) {
    return broken(masked ? "a server's frame is masked" : "a client's frame is not masked");
  }
  const ByteSpan head = ByteSpan(head_).first(head_bytes_);
  const std::size_t after_size = head_bytes_ - (masked ? sizeof(MaskKey) : 0);
  const std::uint64_t size =
      after_size == 2 ? head_[1] & 0x7f : big_endian(head.subspan(2, after_size - 2));
  const auto opcode = static_cast<Opcode>(head_[0] & 0x0f);
  const bool fin = (head_[0] & kFin) != 0;
  if (auto verdict = check_opcode(opcode, fin, size); !verdict) return verdict;
  const Opcode kind = opcode == Opcode::continuation ? *message_ : opcode;
  if (kind == Opcode::binary && size > max_message_bytes_ - data_.size()) {
    return std::unexpected(FrameError{
        CloseCode::too_big,
        "a message above the limit of " + std::to_string(max_message_bytes_) + " bytes"});
  }
  frame_opcode_ = opcode;
  fin_ = fin;
  left_ = size;
  masked_at_ = 0;
  key_.reset();
  if (masked) {
    key_.emplace();
    std::ranges::copy(head.last(sizeof(MaskKey)), key_->begin());
  }
  if (!is_control(opcode)) message_ = kind;
  head_bytes_ = 0;
  step_ = Step::payload;
  return {};
}

void FrameReader::take_payload() {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, SIZE_MAX));
  const Bytes piece = input_.take_front(wanted);
  left_ -= piece.size();
  const bool control = is_control(frame_opcode_);
  if (!control && message_ != Opcode::binary) return;  // Text is not kept.
  std::string& into = control ? control_ : data_;
  const std::size_t begin = into.size();
  into.append(piece.text());
  if (key_) {
    mask({reinterpret_cast<std::uint8_t*>(into.data()) + begin, piece.size()}, *key_, masked_at_);
    masked_at_ += piece.size();
  }
}

std::optional<Message> FrameReader::end_frame() {
  step_ = Step::head;
  if (is_control(frame_opcode_)) {
    Message message{frame_opcode_, Bytes::copy(control_)};
    control_.clear();
    return message;
  }
  if (!fin_) return std::nullopt;
  const Opcode kind = *std::exchange(message_, std::nullopt);
  if (kind != Opcode::binary) return std::nullopt;
  Message message{kind, Bytes::copy(data_)};
  data_.clear();
  if (data_.capacity() > 2 * kRecordBytes) data_.shrink_to_fit();
  return message;
}

std::expected<std::optional<Message>, FrameError> FrameReader::next() {
  while (!failed_) {
    if (step_ == Step::head) {
      if (!fill_head()) return std::nullopt;
      const Verdict verdict = begin_frame();
      if (!verdict) {
        failed_ = verdict.error();
        break;
      }
    }
    take_payload();
    if (left_ > 0) return std::nullopt;
    if (auto message = end_frame()) return message;
  }
  return std::unexpected(*failed_);
}

}  // namespace moq::transport::websocket::internal
