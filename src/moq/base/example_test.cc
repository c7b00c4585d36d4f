// The example of README.md.
#include <gtest/gtest.h>

#include "moq/base/wire.h"

namespace moq {
namespace {

/// A chat line: a room number and its text.
struct Line {
  static constexpr std::uint64_t kMaxTextBytes = 1024;  ///< A screen of text.
  std::uint64_t room = 0;
  std::string text;

  static Result<Line, DecodeError> decode(ByteSpan bytes) {
    Reader in(bytes);
    // Braces read the fields in order. A failed read yields 0 and sticks; finish() reports it.
    return in.finish(Line{.room = in.varint(), .text = std::string(in.text(kMaxTextBytes))});
  }
  [[nodiscard]] Bytes encode() const { return Writer().varint(room).text(text).take(); }
};

Result<std::string> text_of(const Bytes& received) {
  const auto line = Line::decode(received);
  if (!line) return std::unexpected(to_error(line.error(), "chat line"));
  return line->text;
}

TEST(Example, DecodesWhatItEncoded) {
  const Bytes sent = Line{.room = 7, .text = "hello"}.encode();
  EXPECT_EQ(text_of(sent).value(), "hello");
  EXPECT_EQ(text_of(sent.slice(0, 3)).error().describe(),
            "undecodable message: chat line: a field runs past the end");
}

}  // namespace
}  // namespace moq
