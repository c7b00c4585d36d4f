#pragma once

#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "moq/mux/mp4/fragment.h"

namespace moq::mux::mp4 {

/// One `moov`.
inline constexpr std::size_t kMaxMovieBytes = std::size_t{16} << 20;
/// One `moof` or `mdat`, held whole: what a moq frame may carry, so larger ones help nobody.
inline constexpr std::size_t kMaxFragmentBytes = std::size_t{32} << 20;

/// Takes a fragmented MP4 file apart while it comes, in pieces of any size. Payloads are slices of
/// the input where a box came in one piece, else of one copy of the box.
class Demuxer {
 public:
  /// The tracks, once at the start; then the samples of one track at a time, in file order.
  using Event = std::variant<Movie, Fragment>;

  /// Appends to the input.
  void push(const Bytes& data);
  /// The next event; none until more input comes. An error stays, and says at which byte of the
  /// input its box begins.
  Result<std::optional<Event>> next();
  /// Whether the input may end here. Fails within a box, and between a `moof` and its `mdat`.
  [[nodiscard]] Result<void> finish() const;

 private:
  enum class Step : std::uint8_t { again, starved };
  Result<Step> advance();
  Result<Step> begin_box();
  Result<void> check_header(const BoxHeader& header) const;
  Result<void> take_box(FourCc type, const Bytes& box, std::size_t header_size);
  Result<void> take_media(const Bytes& data, std::uint64_t position);
  Bytes consume(std::size_t size);

  /// A box whose header came and whose end did not.
  struct Partial {
    Ref<Buffer> buffer;
    std::size_t filled = 0;
  };

  Bytes input_;
  std::uint64_t position_ = 0;   ///< In the file, of the start of `input_`.
  BoxHeader box_;                ///< The newest box,
  std::uint64_t box_start_ = 0;  ///< and where it begins in the file.
  std::uint64_t skip_ = 0;       ///< Bytes left of a box that is not for us.
  std::optional<Partial> partial_;
  std::optional<Movie> movie_;
  std::vector<PlacedFragment> pending_;  ///< Of the newest `moof`, until their `mdat` comes.
  std::deque<Event> events_;
  std::optional<Error> error_;
};

}  // namespace moq::mux::mp4
