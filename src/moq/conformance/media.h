#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What clients under test take for a broadcast of video: a hang catalog of one rendition, and
/// frames in its container. Nobody looks at the pictures. draft-lcurley-moq-hang.
namespace moq::conformance::media {

inline constexpr std::string_view kCatalogTrack = "catalog.json";
inline constexpr std::string_view kVideoTrack = "video";

/// One H.264 rendition, `kVideoTrack`, in the `legacy` container.
std::string catalog();
/// A frame of that: its time in front, then one slice of H.264 that holds `content`.
std::string frame(std::uint64_t time_us, bool key, std::string_view content);

/// The first track that a catalog names; none if it names none, or is no catalog.
std::optional<std::string> first_track(std::string_view catalog);

}  // namespace moq::conformance::media
