// The one function of fmt that libmoq calls, with what it needs, so that neither libmoq.so nor a
// program with libmoq.a loads libfmt. This file is compiled by fmt's header-only way; all others
// include fmt as usual, which takes half the time.
#undef FMT_SHARED
#include <fmt/format.h>

namespace moq::internal {

// Inline as it is, it is compiled only if something uses it.
[[gnu::used]] static std::string (*const kFormat)(fmt::string_view,
                                                  fmt::format_args) = &fmt::vformat;

}  // namespace moq::internal
