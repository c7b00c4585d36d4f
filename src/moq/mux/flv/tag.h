#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// Flash Video (Adobe Flash Video File Format 10.1, annex E; Enhanced RTMP v2 for later codecs).
namespace moq::mux::flv {

/// The body of a tag, as long as its field can say: 24 bits.
inline constexpr std::size_t kMaxTagBytes = (std::size_t{1} << 24) - 1;
/// The file's header, which says its own length; all have 9 bytes.
inline constexpr std::size_t kMaxHeaderBytes = 1024;

enum class Kind : std::uint8_t { audio = 8, video = 9 };

struct Tag {
  Kind kind = Kind::audio;
  std::uint32_t timestamp_ms = 0;
  Bytes body;
  bool operator==(const Tag&) const = default;
};

/// Cuts a file into its tags of audio and video.
class TagReader {
 public:
  /// Appends to the input.
  void push(ByteSpan data);
  /// The next tag; none until more input comes. `Code::decode` for what is no FLV; then the stream
  /// is of no use.
  Result<std::optional<Tag>> next();
  /// Whether the file's header says that there are tags of that kind. It may be wrong.
  [[nodiscard]] bool announces(Kind kind) const;
  /// Whether the input may end here: not within a tag.
  [[nodiscard]] Result<void> finish() const;

 private:
  [[nodiscard]] ByteSpan rest() const { return ByteSpan(input_).subspan(at_); }
  void consume(std::size_t size);
  /// Takes the file's header; false until it is there.
  Result<bool> begin();

  std::vector<std::uint8_t> input_;
  std::size_t at_ = 0;          ///< Bytes of `input_` that are done with.
  std::uint64_t position_ = 0;  ///< Of that place, in the stream.
  std::uint64_t tag_start_ = 0;
  std::size_t skip_ = 0;  ///< Bytes left of what is not for us.
  bool begun_ = false;
  std::uint8_t flags_ = 0;  ///< Of the file's header.
};

/// What the body of a tag holds.
struct Content {
  enum class Type : std::uint8_t {
    none,     ///< Nothing for us, such as the end of a sequence.
    unknown,  ///< Something of a codec, or in a form, that we do not know.
    config,   ///< What a decoder starts with.
    frame,
  };
  Type type = Type::none;
  std::string format;  ///< As `FoundTrack` names it; of `unknown`, for logs.
  Bytes payload;
  std::int32_t composition_ms = 0;  ///< From decoding to presentation.
  bool operator==(const Content&) const = default;
};

/// Reads the body of a tag, which `payload` shares. Cut ones are `none`.
Content parse_content(const Tag& tag);

}  // namespace moq::mux::flv
