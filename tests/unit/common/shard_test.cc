#include "common/base/shard.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

TEST(Murmur2Test, AgreesWithKafka) {
  // org.apache.kafka.common.utils.UtilsTest.testMurmur2.
  const std::map<std::string, int32_t> cases = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [text, hash] : cases) {
    EXPECT_EQ(static_cast<int32_t>(Murmur2(text)), hash) << text;
  }
}

TEST(ShardOfTest, ClearsTheSignBeforeTheRemainder) {
  // toPositive(murmur2("21")) = -973932308 & 0x7fffffff = 1173551340.
  EXPECT_EQ(ShardOf("21", 16), 1173551340 % 16);
  EXPECT_EQ(ShardOf("21", 1000), 340);
  EXPECT_EQ(ShardOf("abc", 1000), 107);
}

TEST(ShardOfTest, SpreadsTicketLikeKeys) {
  std::map<int, int> counts;
  for (int i = 0; i < 16'000; ++i) {
    const int shard = ShardOf(absl::StrCat("inc-", i), kDefaultShards);
    ASSERT_GE(shard, 0);
    ASSERT_LT(shard, kDefaultShards);
    ++counts[shard];
  }
  ASSERT_EQ(counts.size(), 16u);
  for (const auto& [shard, count] : counts) EXPECT_NEAR(count, 1000, 150) << shard;
}

}  // namespace
}  // namespace watchbell
