#include "moq/capi/internal/table.h"

#include <gtest/gtest.h>

namespace moq::capi {
namespace {

TEST(Table, GivesEachNumberOnceInAllFamilies) {
  HandleNumbers numbers;
  Table<int> odd(numbers, -1, "odd");
  Table<int> even(numbers, -2, "even");
  EXPECT_EQ(odd.add(std::make_shared<int>(7)), 1);
  EXPECT_EQ(even.add(std::make_shared<int>(8)), 2);
  EXPECT_EQ(*odd.take(1), 7);
  EXPECT_EQ(odd.add(std::make_shared<int>(9)), 3);
  EXPECT_EQ(odd.find(1), nullptr);
  EXPECT_EQ(odd.find(2), nullptr);
  EXPECT_EQ(*even.find(2), 8);
}

TEST(Table, HasNoNumberAfterTheLast) {
  HandleNumbers numbers;
  numbers.start_at(HandleNumbers::kMax);
  Table<int> table(numbers, -1, "thing");
  EXPECT_EQ(table.add(std::make_shared<int>(1)), HandleNumbers::kMax);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(table.add(std::make_shared<int>(2)), 0);
  EXPECT_EQ(*table.take(HandleNumbers::kMax), 1);
  EXPECT_EQ(table.add(std::make_shared<int>(3)), 0);
  EXPECT_EQ(table.size(), 0U);
}

/// Asks its own table when it goes.
struct Nosy {
  explicit Nosy(Table<Nosy>& home) : table(home) {}
  ~Nosy() { EXPECT_EQ(table.size(), 0U); }
  Table<Nosy>& table;
};

TEST(Table, RunsNoDestructorUnderItsLock) {
  HandleNumbers numbers;
  Table<Nosy> table(numbers, -1, "nosy");
  table.add(std::make_shared<Nosy>(table));
  EXPECT_NE(table.take(1), nullptr);
}

}  // namespace
}  // namespace moq::capi
