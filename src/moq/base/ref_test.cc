#include "moq/base/ref.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <utility>
#include <vector>

namespace moq {
namespace {

class Counted : public RefCounted<Counted> {
 public:
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  ~Counted() { --alive_; }

 private:
  int& alive_;
};

TEST(Ref, LastOwnerDestroys) {
  int alive = 0;
  {
    auto first = Ref<Counted>::make(alive);
    EXPECT_TRUE(first->unique());
    {
      const Ref<Counted> second = first;  // NOLINT(performance-unnecessary-copy-initialization)
      EXPECT_EQ(second, first);
      EXPECT_FALSE(first->unique());
    }
    EXPECT_TRUE(first->unique());
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Ref, MoveLeavesNull) {
  int alive = 0;
  auto first = Ref<Counted>::make(alive);
  const Ref<Counted> second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(second->unique());
}

TEST(Ref, AssignmentReleasesTheOldObject) {
  int old_alive = 0;
  int new_alive = 0;
  auto ref = Ref<Counted>::make(old_alive);
  ref = Ref<Counted>::make(new_alive);
  EXPECT_EQ(old_alive, 0);
  EXPECT_EQ(new_alive, 1);
  const Ref<Counted>& same = ref;
  ref = same;
  EXPECT_EQ(new_alive, 1);
  ref = nullptr;
  EXPECT_EQ(new_alive, 0);
}

TEST(Ref, ShareAddsAnOwner) {
  int alive = 0;
  auto ref = Ref<Counted>::make(alive);
  Counted* raw = ref.get();
  auto shared = Ref<Counted>::share(raw);
  ref = nullptr;
  EXPECT_EQ(alive, 1);
  EXPECT_TRUE(shared->unique());
  EXPECT_FALSE(Ref<Counted>::share(nullptr));
}

TEST(Ref, IsOnePointerThatVectorsMove) {
  static_assert(sizeof(Ref<Counted>) == sizeof(void*));
  static_assert(std::is_nothrow_move_constructible_v<Ref<Counted>>);
  int alive = 0;
  std::vector<Ref<Counted>> refs;
  for (int i = 0; i < 100; ++i) refs.push_back(Ref<Counted>::make(alive));
  refs.erase(refs.begin(), refs.begin() + 40);
  EXPECT_EQ(alive, 60);
}

}  // namespace
}  // namespace moq
