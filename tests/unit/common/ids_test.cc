#include "common/base/ids.h"

#include <set>

#include "gtest/gtest.h"

namespace watchbell {
namespace {

TEST(FormatUuidV7Test, HasTheExampleOfTheStandard) {
  // RFC 9562, appendix A.6.
  EXPECT_EQ(FormatUuidV7(absl::FromUnixMillis(0x017F22E279B0), 0xCC3, 0x18C4DC0C0C07398F),
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(FormatUuidV7Test, KeepsVersionAndVariantWhateverTheRandomBits) {
  for (const uint64_t random : {uint64_t{0}, ~uint64_t{0}}) {
    const std::string id = FormatUuidV7(absl::FromUnixSeconds(1'767'225'600), random, random);
    EXPECT_EQ(id[14], '7');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    EXPECT_TRUE(IsUuid(id)) << id;
  }
}

TEST(FormatUuidV7Test, SortsByTime) {
  const absl::Time time = absl::FromUnixSeconds(1'767'225'600);
  EXPECT_LT(FormatUuidV7(time, ~uint64_t{0}, ~uint64_t{0}),
            FormatUuidV7(time + absl::Milliseconds(1), 0, 0));
}

TEST(IsUuidTest, RefusesWhatIsNone) {
  EXPECT_TRUE(IsUuid("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"));
  EXPECT_TRUE(IsUuid("017F22E2-79B0-4CC3-98C4-DC0C0C07398F"));
  for (const char* text :
       {"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2+79b0-7cc3-98c4-dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0"}) {
    EXPECT_FALSE(IsUuid(text)) << text;
  }
}

TEST(SeededIdSourceTest, SameSeedSameIds) {
  SeededIdSource one(7), same(7), other(8);
  const absl::Time now = absl::FromUnixSeconds(1'767'225'600);
  for (int i = 0; i < 100; ++i) {
    const std::string id = one.NewUuid(now);
    EXPECT_EQ(id, same.NewUuid(now));
    EXPECT_NE(id, other.NewUuid(now));
  }
}

TEST(SystemIdSourceTest, DoesNotRepeatItself) {
  SystemIdSource source;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(source.NewUuid(absl::UnixEpoch()));
  EXPECT_EQ(ids.size(), 1000u);
}

}  // namespace
}  // namespace watchbell
