// Input: two paths, parted by a zero byte.
#include <algorithm>
#include <cstdint>

#include "moq/net/path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using moq::net::Path;
  const std::string_view input = moq::as_text({data, size});
  const std::size_t parting = std::min(input.find('\0'), input.size());
  const auto a = Path::normalise(input.substr(0, parting));
  const auto b = Path::normalise(input.substr(std::min(parting + 1, input.size())));
  if (!a || !b) return 0;
  MOQ_ASSERT(Path::normalise(a->text()) == a);
  MOQ_ASSERT(a->segment_count() <= Path::kMaxSegments && a->text().size() <= Path::kMaxBytes);
  const std::size_t common = a->common_segments(*b);
  MOQ_ASSERT(a->first(common) == b->first(common));
  MOQ_ASSERT(a->has_prefix(*b) == (common == b->segment_count()));
  if (const auto whole = a->join(*b)) {
    MOQ_ASSERT(whole->segment_count() == a->segment_count() + b->segment_count());
    MOQ_ASSERT(whole->strip_prefix(*a) == *b);
  }
  return 0;
}
