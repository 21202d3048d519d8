#include "services/tickets/dating.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/base/proto_time.h"

namespace watchbell::tickets {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);
constexpr absl::Duration kTick = absl::Microseconds(1);

struct Case {
  const char* what;
  absl::Duration given;        // from now
  absl::Duration last_change;  // from now
  bool may_backdate;
  absl::StatusCode code;
};

TEST(Dating, ACallersDate) {
  const Case cases[] = {
      {"now", absl::ZeroDuration(), -absl::Hours(1), false, absl::StatusCode::kOk},
      {"5 s ahead", absl::Seconds(5), -absl::Hours(1), false, absl::StatusCode::kOk},
      {"more than 5 s ahead", absl::Seconds(5) + kTick, -absl::Hours(1), true,
       absl::StatusCode::kInvalidArgument},
      {"at the last change", -absl::Seconds(9), -absl::Seconds(9), false, absl::StatusCode::kOk},
      {"before the last change", -absl::Seconds(9) - kTick, -absl::Seconds(9), true,
       absl::StatusCode::kInvalidArgument},
      {"5 minutes old", -absl::Minutes(5), -absl::Hours(1), false, absl::StatusCode::kOk},
      {"older", -absl::Minutes(5) - kTick, -absl::Hours(1), false,
       absl::StatusCode::kPermissionDenied},
      {"older, by an integration", -absl::Minutes(50), -absl::Hours(1), true,
       absl::StatusCode::kOk},
  };
  for (const Case& c : cases) {
    const auto given = ToProto(kNow + c.given);
    const auto at = DateCommand(&given, kNow, kNow + c.last_change, c.may_backdate);
    EXPECT_EQ(at.status().code(), c.code) << c.what << ": " << at.status();
    if (at.ok()) {
      EXPECT_EQ(*at, kNow + c.given) << c.what;
    } else if (at.status().code() == absl::StatusCode::kInvalidArgument) {
      EXPECT_EQ(FieldViolations(at.status())[0].field, "occurred_at") << c.what;
    }
  }
}

TEST(Dating, TheServersDateNeverGoesBack) {
  EXPECT_EQ(*DateCommand(nullptr, kNow, kNow - absl::Hours(1), false), kNow);
  EXPECT_EQ(*DateCommand(nullptr, kNow, kNow + absl::Hours(1), false), kNow + absl::Hours(1));
  EXPECT_EQ(*DateCommand(nullptr, kNow, absl::InfinitePast(), false), kNow);
}

TEST(Dating, KeepsWholeMicroseconds) {
  google::protobuf::Timestamp given = ToProto(kNow);
  given.set_nanos(1'999);
  EXPECT_EQ(*DateCommand(&given, kNow, absl::InfinitePast(), false), kNow + kTick);
}

TEST(Dating, RefusesWhatIsNoDate) {
  for (const auto& [seconds, nanos] : std::vector<std::pair<int64_t, int>>{
           {0, -1}, {0, 1'000'000'000}, {-62'135'596'801, 0}, {253'402'300'800, 0}, {-1, 0}}) {
    google::protobuf::Timestamp given;
    given.set_seconds(seconds);
    given.set_nanos(nanos);
    const auto at = DateCommand(&given, kNow, absl::InfinitePast(), true);
    EXPECT_EQ(at.status().code(), absl::StatusCode::kInvalidArgument) << seconds << " " << nanos;
  }
}

TEST(Dating, Clamps) {
  const absl::Time early = kNow - absl::Hours(2);
  const absl::Time change = kNow - absl::Hours(1);
  EXPECT_EQ(ClampedTime(early, kNow, change), change);
  EXPECT_EQ(ClampedTime(kNow + absl::Hours(1), kNow, change), kNow);
  EXPECT_EQ(ClampedTime(kNow - absl::Minutes(1), kNow, change), kNow - absl::Minutes(1));
  EXPECT_EQ(ClampedTime(early, kNow, kNow + absl::Hours(1)), kNow + absl::Hours(1));
  EXPECT_EQ(ImportTime(early, change, absl::InfinitePast()), change);
  EXPECT_EQ(ImportTime(early, absl::InfinitePast(), change), change);
  EXPECT_EQ(ImportTime(kNow, change, early), kNow);
}

}  // namespace
}  // namespace watchbell::tickets
