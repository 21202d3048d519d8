#include "services/tickets/priority_matrix.h"

#include <gtest/gtest.h>

namespace watchbell::tickets {
namespace {

TEST(PriorityMatrix, IsItils) {
  const int expected[3][3] = {{1, 2, 3}, {2, 3, 4}, {3, 4, 5}};
  for (int impact = 1; impact <= 3; ++impact) {
    for (int urgency = 1; urgency <= 3; ++urgency) {
      EXPECT_EQ(PriorityOf(static_cast<v1::Impact>(impact), static_cast<v1::Urgency>(urgency)),
                expected[impact - 1][urgency - 1])
          << impact << "," << urgency;
    }
  }
}

TEST(PriorityMatrix, KnowsNothingWithoutBoth) {
  EXPECT_EQ(PriorityOf(v1::IMPACT_UNSPECIFIED, v1::URGENCY_HIGH), v1::PRIORITY_UNSPECIFIED);
  EXPECT_EQ(PriorityOf(v1::IMPACT_HIGH, v1::URGENCY_UNSPECIFIED), v1::PRIORITY_UNSPECIFIED);
  EXPECT_EQ(PriorityOf(static_cast<v1::Impact>(9), v1::URGENCY_LOW), v1::PRIORITY_UNSPECIFIED);
}

}  // namespace
}  // namespace watchbell::tickets
