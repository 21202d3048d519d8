// Stretches without a change of a zone's offset.
#include "common/time/zone_spans.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/time/rfc3339.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

using testing::ElementsAre;

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

// "2026-01-01T00:00:00Z +3600" of each span of these years.
std::vector<std::string> SpansOf(const std::string& zone, int from_year, int to_year) {
  const auto at = [](int year) {
    return (absl::CivilDay(year, 1, 1) - kEpochDay) * kSecondsPerDay;
  };
  std::vector<std::string> lines;
  for (const ZoneSpan& span : ZoneSpans(Zone(zone), at(from_year), at(to_year + 1))) {
    lines.push_back(
        absl::StrCat(FormatRfc3339(absl::FromUnixSeconds(span.from)), " +", span.offset));
  }
  return lines;
}

TEST(ZoneSpans, AreCutWhereTheOffsetChanges) {
  EXPECT_THAT(SpansOf("Europe/Berlin", 2026, 2026),
              ElementsAre("2026-01-01T00:00:00Z +3600", "2026-03-29T01:00:00Z +7200",
                          "2026-10-25T01:00:00Z +3600"));
}

// The library lists transitions as far as 2437.
TEST(ZoneSpans, DaylightSavingGoesOnForEver) {
  for (const int later : {400, 800, 1600}) {
    EXPECT_THAT(SpansOf("Europe/Berlin", 2050 + later, 2050 + later),
                ElementsAre(absl::StrCat(2050 + later, "-01-01T00:00:00Z +3600"),
                            absl::StrCat(2050 + later, "-03-27T01:00:00Z +7200"),
                            absl::StrCat(2050 + later, "-10-30T01:00:00Z +3600")));
  }
}

// Its last change lies in 2016, where a cycle earlier there were two a year.
TEST(ZoneSpans, WhatHasEndedStaysEnded) {
  EXPECT_THAT(SpansOf("Europe/Istanbul", 2400, 2450), ElementsAre("2400-01-01T00:00:00Z +10800"));
}

}  // namespace
}  // namespace watchbell
