#include "common/time/rfc3339.h"

#include "gtest/gtest.h"

namespace watchbell {
namespace {

TEST(Rfc3339, FormatsInMicrosecondsUtc) {
  EXPECT_EQ(FormatRfc3339(absl::UnixEpoch()), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(absl::FromUnixMicros(1'767'225'600'000'001)),
            "2026-01-01T00:00:00.000001Z");
  EXPECT_EQ(FormatRfc3339(absl::FromUnixMicros(-1)), "1969-12-31T23:59:59.999999Z");
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
  EXPECT_EQ(ParseRfc3339("2026-01-01T02:30:00+02:30"), absl::FromUnixSeconds(1'767'225'600));
  EXPECT_EQ(ParseRfc3339("2025-12-31t19:00:00.25-05:00"),
            absl::FromUnixMicros(1'767'225'600'250'000));
  EXPECT_EQ(ParseRfc3339("2026-01-01T00:00:00.123456789Z"),
            absl::FromUnixMicros(1'767'225'600'123'456));
}

TEST(Rfc3339, RefusesWhatIsNone) {
  for (const char* bad :
       {"", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:60Z", "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+0200",
        "2026-01-01T00:00:00Zx", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+24:00"}) {
    EXPECT_FALSE(ParseRfc3339(bad).has_value()) << bad;
  }
}

TEST(Rfc3339, WritesWhatItReads) {
  for (int64_t micros : {int64_t{0}, int64_t{-62'135'596'800'000'000},
                         int64_t{253'402'300'799'999'999}, int64_t{1'772'323'199'999'999}}) {
    const absl::Time t = absl::FromUnixMicros(micros);
    EXPECT_EQ(ParseRfc3339(FormatRfc3339(t)), t) << micros;
  }
}

}  // namespace
}  // namespace watchbell
