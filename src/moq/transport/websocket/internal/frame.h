#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/transport/websocket/pipe.h"

/// Frames of RFC 6455 §5: bytes in, messages out, and the way back. No I/O.
namespace moq::transport::websocket::internal {

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

/// Why a WebSocket ends, RFC 6455 §7.4.1.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  no_status = 1005,  ///< A close frame without a code; never sent.
  too_big = 1009,
};

/// The largest payload of a control frame, RFC 6455 §5.5.
inline constexpr std::size_t kMaxControlBytes = 125;

using MaskKey = std::array<std::uint8_t, 4>;

/// XORs `data` with the key, which begins at its byte `offset % 4`. RFC 6455 §5.3.
void mask(std::span<std::uint8_t> data, const MaskKey& key, std::size_t offset);

/// One whole frame, masked if there is a key.
Bytes encode_frame(Opcode opcode, ByteSpan payload, const std::optional<MaskKey>& key);
/// The payload of a close frame; `reason` is cut to what fits.
std::string close_payload(CloseCode code, std::string_view reason);

struct Message {
  Opcode opcode;  ///< binary, close, ping or pong: text is nobody's business here.
  Bytes payload;
};

/// What a close frame says.
struct Close {
  std::uint16_t code = static_cast<std::uint16_t>(CloseCode::no_status);
  std::string reason;
};

/// How the peer broke the rules.
struct FrameError {
  CloseCode code;  ///< For the close frame.
  std::string text;
  bool operator==(const FrameError&) const = default;
};

/// A close frame's payload.
std::expected<Close, FrameError> parse_close(ByteSpan payload);

/// Finds messages in the bytes of a peer. Never holds more than one message of `max_message_bytes`
/// and what was pushed last.
class FrameReader {
 public:
  /// `role` is ours: a client's frames are masked, a server's are not.
  FrameReader(Role role, std::size_t max_message_bytes)
      : role_(role), max_message_bytes_(max_message_bytes) {}

  /// The next bytes. Only when `next` has said that there is no message.
  void push(Bytes bytes) { input_ = std::move(bytes); }
  /// The next message; none until more bytes come. An error is for good.
  std::expected<std::optional<Message>, FrameError> next();

 private:
  enum class Step : std::uint8_t { head, payload };
  using Verdict = std::expected<void, FrameError>;

  bool fill_head();
  Verdict begin_frame();
  [[nodiscard]] Verdict check_opcode(Opcode opcode, bool fin, std::uint64_t size) const;
  [[nodiscard]] std::size_t head_size() const;
  void take_payload();
  std::optional<Message> end_frame();

  Role role_;
  std::size_t max_message_bytes_;
  Bytes input_;

  Step step_ = Step::head;
  std::array<std::uint8_t, 14> head_{};
  std::size_t head_bytes_ = 0;

  Opcode frame_opcode_ = Opcode::binary;
  bool fin_ = false;
  std::optional<MaskKey> key_;
  std::uint64_t left_ = 0;     // Of the frame's payload.
  std::size_t masked_at_ = 0;  // Bytes of the frame's payload that are behind us.

  std::optional<Opcode> message_;  // What is being sent in fragments.
  std::string data_;               // Of the message.
  std::string control_;            // Of a control frame.
  std::optional<FrameError> failed_;
};

}  // namespace moq::transport::websocket::internal
