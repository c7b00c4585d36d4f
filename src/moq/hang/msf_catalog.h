#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/hang/catalog.h"

/// The MSF catalog: another JSON that says which tracks a broadcast has, a list of tracks with
/// roles. draft-ietf-moq-msf-01 with the cmaf packaging of draft-ietf-moq-cmsf, and what moq-dev
/// adds to them. It is read and written as what it has in common with hang's.
namespace moq::hang::msf {

/// Tracks of one catalog, of any role: those that we do not read are kept for delta updates.
inline constexpr std::size_t kMaxTracks = 256;
/// Entries of `initDataList`: as many as tracks.
inline constexpr std::size_t kMaxInits = kMaxTracks;

/// The media renditions of `catalog`, and the sections of applications at its root. Left out is
/// what MSF does not know (text, data tracks, rotation, ...), renditions of other broadcasts, and
/// those of unknown containers.
[[nodiscard]] std::string encode(const Catalog& catalog);

/// Follows the objects of one group: a complete catalog, then delta updates.
class Decoder {
 public:
  Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// The next object must be complete.
  void start_group();
  /// `Code::decode` if the object is no catalog, or an update of what is not there, naming the key;
  /// `Code::too_many` if it is above `kMaxCatalogBytes`, or leads above a limit. Then the
  /// group is of no use.
  Result<void> apply(ByteSpan object);
  /// The tracks of role video and audio in packagings that hang has; others are skipped. An audio
  /// track that leaves its rate or its channels to its init data has 0 there. `Code::decode` if one
  /// of them lacks what it needs, `Code::too_many` above `kMaxRenditions`.
  [[nodiscard]] Result<Catalog> catalog() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One complete catalog.
Result<Catalog> decode(std::string_view text);

}  // namespace moq::hang::msf
