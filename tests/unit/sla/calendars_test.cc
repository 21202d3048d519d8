// Calendars of the API: what is refused, unions, zones, and what is kept compiled.
#include "services/sla/calendars/calendars.h"

#include <map>
#include <string>
#include <vector>

#include "common/time/rfc3339.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/calendar_tools.h"

namespace watchbell::sla {
namespace {

using test::AddHoliday;
using test::Fields;
using test::OfficeCalendar;
using test::UnionCalendar;
using testing::ElementsAre;
using testing::IsEmpty;

absl::Time T(const std::string& text) { return ParseRfc3339(text).value(); }

// The calendars there are.
FindCalendar In(const std::map<std::string, v1::Calendar>& all) {
  return [&all](const std::string& id) -> const v1::Calendar* {
    const auto it = all.find(id);
    return it == all.end() ? nullptr : &it->second;
  };
}

TEST(Calendars, FaultsOfUnions) {
  const std::map<std::string, v1::Calendar> all = {{"tokyo", OfficeCalendar("tokyo", "Asia/Tokyo")},
                                                   {"sun", UnionCalendar("sun", {"tokyo"})}};
  EXPECT_THAT(CalendarFaults(UnionCalendar("all", {"tokyo"}), "calendar", In(all)), IsEmpty());
  v1::Calendar calendar = OfficeCalendar("all", "UTC");
  for (const char* member : {"tokyo", "tokyo", "sun", "nowhere", "all"}) {
    calendar.add_union_of(member);
  }
  AddHoliday(calendar, "2026-01-01", "New Year");
  calendar.add_overrides()->set_date("2026-01-01");
  calendar.add_breaks()->set_date("2026-01-01");
  EXPECT_THAT(Fields(CalendarFaults(calendar, "calendar", In(all))),
              ElementsAre("calendar.time_zone", "calendar.weekly", "calendar.holidays",
                          "calendar.overrides", "calendar.breaks", "calendar.union_of[1]",
                          "calendar.union_of[2]", "calendar.union_of[3]", "calendar.union_of[4]"));
  EXPECT_THAT(Fields(CalendarFaults(v1::Calendar(), "calendar", In(all))),
              ElementsAre("calendar.time_zone"));
}

// sla.md (b) 33: read in the zone it is asked for in; a union's members keep their own.
TEST(Calendars, AreReadInAnotherZone) {
  const std::map<std::string, v1::Calendar> all = {
      {"tokyo", OfficeCalendar("tokyo", "Asia/Tokyo")}};
  const auto opens = [&](const v1::Calendar& calendar, const std::string& zone) {
    const auto compiled = CompileCalendar(calendar, "calendar", In(all), zone);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return FormatRfc3339(*(*compiled)->NextOpen(T("2026-01-10T00:00:00Z")));
  };
  EXPECT_EQ(opens(all.at("tokyo"), ""), "2026-01-12T00:00:00Z");
  EXPECT_EQ(opens(all.at("tokyo"), "Europe/Berlin"), "2026-01-12T08:00:00Z");
  EXPECT_EQ(opens(UnionCalendar("all", {"tokyo"}), "Europe/Berlin"), "2026-01-12T00:00:00Z");
  EXPECT_FALSE(CompileCalendar(all.at("tokyo"), "calendar", In(all), "Mars/Olympus").ok());
}

TEST(Calendars, YearlyHolidaysAndNamesAreRead) {
  v1::Calendar calendar = OfficeCalendar("office", "UTC");
  AddHoliday(calendar, "2020-12-25", "Christmas");
  calendar.mutable_holidays(0)->set_yearly(true);
  const auto specs = CalendarSpecs(calendar, "calendar", In({}));
  ASSERT_TRUE(specs.ok()) << specs.status();
  ASSERT_EQ((*specs)[0].holidays.size(), 1u);
  EXPECT_EQ((*specs)[0].holidays[0].name, "Christmas");
  EXPECT_TRUE((*specs)[0].holidays[0].yearly);
}

TEST(CalendarCache, TellsZonesAndMembersVersionsApart) {
  CalendarCache cache;
  const auto tokyo = ToStored(OfficeCalendar("tokyo", "Asia/Tokyo"));
  const auto sun = ToStored(UnionCalendar("sun", {"tokyo"}));
  v1::Calendar moved = OfficeCalendar("tokyo", "Asia/Seoul");
  moved.set_version(2);
  const auto seoul = ToStored(moved);
  const auto get = [&](const auto& stored, std::vector<const state::v1::StoredCalendar*> members,
                       const std::string& zone) {
    const auto compiled = cache.Get("default", stored, members, zone);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return compiled.value_or(nullptr);
  };
  EXPECT_EQ(get(tokyo, {}, ""), get(tokyo, {}, ""));
  EXPECT_EQ(get(tokyo, {}, ""), *cache.Get("default", tokyo));
  EXPECT_NE(get(tokyo, {}, ""), get(tokyo, {}, "Europe/Berlin"));
  EXPECT_EQ(get(sun, {&tokyo}, ""), get(sun, {&tokyo}, ""));
  EXPECT_NE(get(sun, {&tokyo}, ""), get(sun, {&seoul}, ""));
  // A member that is not given, and a zone that is none.
  for (const auto& bad : {cache.Get("default", sun), cache.Get("default", tokyo, {}, "Mars/X")}) {
    EXPECT_EQ(bad.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ErrorReason(bad.status()), "CALENDAR_UNUSABLE");
  }
}

}  // namespace
}  // namespace watchbell::sla
