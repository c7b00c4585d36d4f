#pragma once

#include <string>
#include <string_view>

#include "moq/base/result.h"

namespace moq::hang {

/// `codec` as catalogs write it. What begins with `avc1.`, `avc3.`, `hvc1.`, `hev1.`, `vp09.`,
/// `av01.` or `mp4a.40.` is parsed: hex digits get their case, numbers their width, and optional
/// fields that say no more than their defaults are left out. Fails with `invalid_argument` if it is
/// malformed. Anything else is kept.
///
/// ISO/IEC 14496-15 annex E (H.264, H.265); VP Codec ISO Media File Format Binding; AV1 Codec ISO
/// Media File Format Binding §5; RFC 6381 (AAC).
Result<std::string> canonical_codec(std::string_view codec);

}  // namespace moq::hang
