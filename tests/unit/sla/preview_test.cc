#include "services/sla/preview.h"

#include "common/base/proto_time.h"
#include "common/time/rfc3339.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla {
namespace {

absl::Time T(const std::string& text) { return ParseRfc3339(text).value(); }

TEST(Preview, SaysWhenItIsDueAndWhenItOpens) {
  const auto office = *BusinessCalendar::Compile(test::OfficeHours());
  const auto answer = Preview(*office, T("2026-01-10T12:00:00Z"), absl::Minutes(30));
  EXPECT_EQ(FromProto(answer.due_at()), T("2026-01-12T09:30:00Z"));
  EXPECT_EQ(FromProto(answer.opens_at()), T("2026-01-12T09:00:00Z"));
}

TEST(Preview, ZeroIsDueAtOnceAndNeverIsAbsent) {
  CalendarSpec empty;
  empty.time_zone = "UTC";
  const auto never = *BusinessCalendar::Compile(empty);
  const auto answer = Preview(*never, T("2026-01-10T12:00:00Z"), absl::Seconds(1));
  EXPECT_FALSE(answer.has_due_at());
  EXPECT_FALSE(answer.has_opens_at());
  const auto zero = Preview(*never, T("2026-01-10T12:00:00Z"), absl::ZeroDuration());
  EXPECT_EQ(FromProto(zero.due_at()), T("2026-01-10T12:00:00Z"));
}

// Timestamps end with the year 9999.
TEST(Preview, WhatNoTimestampCanTellIsNever) {
  const auto office = *BusinessCalendar::Compile(test::OfficeHours());
  const auto answer = Preview(*office, T("9999-12-31T16:00:00Z"), absl::Hours(1));  // a Friday
  EXPECT_EQ(FromProto(answer.due_at()), T("9999-12-31T17:00:00Z"));
  const auto beyond = Preview(*office, T("9999-12-31T18:00:00Z"), absl::Hours(1));
  EXPECT_FALSE(beyond.has_due_at());
  EXPECT_FALSE(beyond.has_opens_at());
}

}  // namespace
}  // namespace watchbell::sla
