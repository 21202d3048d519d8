#include "common/time/zone_data.h"

#include <fstream>

#include "gtest/gtest.h"
#include "tests/support/temp_folder.h"

namespace watchbell {
namespace {

TEST(ZoneDataVersion, IsTheFirstLineOfTheSource) {
  const test::TempFolder folder;
  std::ofstream(folder.path() + "/tzdata.zi") << "# version 2031c\n# rest\n";
  EXPECT_EQ(ZoneDataVersionIn(folder.path()), "2031c");
}

TEST(ZoneDataVersion, IsUnknownWithoutOne) {
  const test::TempFolder folder;
  EXPECT_EQ(ZoneDataVersionIn(folder.path()), "unknown");
  std::ofstream(folder.path() + "/tzdata.zi") << "Z Europe/Berlin\n";
  EXPECT_EQ(ZoneDataVersionIn(folder.path()), "unknown");
}

TEST(ZoneDataVersion, OfThisProcessIsKnown) { EXPECT_NE(ZoneDataVersion(), "unknown"); }

}  // namespace
}  // namespace watchbell
