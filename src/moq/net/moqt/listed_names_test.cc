#include "moq/net/moqt/internal/listed_names.h"

#include <gtest/gtest.h>

#include <string>

#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

TEST(ListedNames, HasRoomForSoMany) {
  ListedNames names;
  for (std::size_t i = 0; i < kMaxListedNamespaces; ++i) {
    const Path path = Path::of(std::to_string(i));
    ASSERT_TRUE(names.check(path)) << i;
    names.insert(path);
  }
  const Path more = Path::of("more");
  ASSERT_FALSE(names.check(more));
  EXPECT_EQ(names.check(more).error().code, Code::too_many);
  EXPECT_TRUE(names.erase(Path::of("7")));
  EXPECT_FALSE(names.erase(Path::of("7")));
  EXPECT_TRUE(names.check(more));
}

TEST(ListedNames, HasRoomForSoMuchText) {
  ListedNames names;
  constexpr std::size_t kBytes = 4096;
  const auto name = [](std::size_t number) {
    std::string text = std::to_string(number);
    return Path::of(text + std::string(kBytes - text.size(), 'x'));
  };
  for (std::size_t i = 0; i < kMaxListedBytes / kBytes; ++i) {
    ASSERT_TRUE(names.check(name(i))) << i;
    names.insert(name(i));
    names.insert(name(i));  // Counts once.
  }
  EXPECT_FALSE(names.check(Path::of("a")));
  EXPECT_TRUE(names.erase(name(3)));
  EXPECT_TRUE(names.check(name(3)));
  EXPECT_EQ(names.take().size(), kMaxListedBytes / kBytes - 1);
  EXPECT_FALSE(names.contains(name(4)));
  EXPECT_TRUE(names.check(name(4)));
}

}  // namespace
}  // namespace moq::net::moqt
