// Calendars stored: unions, and holidays of an iCalendar file.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/time/rfc3339.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/calendars/holiday_import.h"
#include "services/sla/sla_decider.h"
#include "tests/support/decider_harness.h"
#include "tests/unit/sla/calendar_tools.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {
namespace {

using test::AddHoliday;
using test::Fields;
using test::OfficeCalendar;
using test::UnionCalendar;
using testing::ElementsAre;
using testing::HasSubstr;

absl::Time T(const std::string& text) { return ParseRfc3339(text).value(); }

class PutCalendarTest : public testing::Test {
 protected:
  absl::StatusOr<v1::Calendar> Put(const v1::Calendar& calendar, const std::string& ics = "") {
    v1::PutCalendarRequest request;
    *request.mutable_calendar() = calendar;
    request.set_holidays_ics(ics);
    const absl::StatusOr<v1::PutCalendarRequest> prepared = WithHolidays(request, desk.now);
    if (!prepared.ok()) return prepared.status();
    EXPECT_EQ(prepared->holidays_ics(), "") << "the engine would read it while its timers wait";
    return desk.Command<v1::Calendar>(*prepared);
  }
  std::vector<std::string> Refused(const v1::Calendar& calendar, const std::string& ics = "") {
    const auto reply = Put(calendar, ics);
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kInvalidArgument) << reply.status();
    return Fields(FieldViolations(reply.status()));
  }

  SlaDecider decider;
  watchbell::test::DeciderHarness desk{decider};
};

TEST_F(PutCalendarTest, UnionsOfStoredCalendars) {
  EXPECT_THAT(Refused(UnionCalendar("sun", {"tokyo", "berlin"})),
              ElementsAre("calendar.union_of[0]", "calendar.union_of[1]"));
  ASSERT_TRUE(Put(OfficeCalendar("tokyo", "Asia/Tokyo")).ok());
  ASSERT_TRUE(Put(OfficeCalendar("berlin", "Europe/Berlin")).ok());
  EXPECT_EQ(Put(UnionCalendar("sun", {"tokyo", "berlin"})).value().version(), 1);
  EXPECT_EQ(Put(UnionCalendar("sun", {"berlin", "tokyo"})).value().version(), 2);
  EXPECT_EQ(Put(UnionCalendar("sun", {"berlin", "tokyo"})).value().version(), 2);
}

// Which version of a member counts is the ticket's to say: all must be fit to be one.
TEST_F(PutCalendarTest, UnionsStayUnionsAndOthersStayNone) {
  ASSERT_TRUE(Put(OfficeCalendar("tokyo", "Asia/Tokyo")).ok());
  ASSERT_TRUE(Put(OfficeCalendar("berlin", "Europe/Berlin")).ok());
  ASSERT_TRUE(Put(UnionCalendar("sun", {"tokyo", "berlin"})).ok());
  EXPECT_THAT(Refused(UnionCalendar("tokyo", {"berlin"})), ElementsAre("calendar.union_of"));
  EXPECT_THAT(Refused(OfficeCalendar("sun", "UTC")), ElementsAre("calendar.union_of"));
  EXPECT_THAT(Refused(UnionCalendar("more", {"sun"})), ElementsAre("calendar.union_of[0]"));
}

std::string Ics(const std::string& events) {
  return absl::StrCat("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n", events, "END:VCALENDAR\n");
}

std::string Event(const std::string& name, const std::string& lines) {
  return absl::StrCat("BEGIN:VEVENT\nUID:", name, "\nSUMMARY:", name, "\n", lines,
                      "\nEND:VEVENT\n");
}

TEST_F(PutCalendarTest, HolidaysOfAnICalendarFileJoinTheCalendars) {
  desk.now = T("2026-06-01T00:00:00Z");
  v1::Calendar calendar = OfficeCalendar("office", "UTC");
  AddHoliday(calendar, "2026-05-14", "Our own name");
  AddHoliday(calendar, "2020-12-25", "Christmas");
  calendar.mutable_holidays(1)->set_yearly(true);
  const auto stored =
      Put(calendar, Ics(Event("Ascension", "DTSTART;VALUE=DATE:20260514") +
                        Event("Xmas", "DTSTART;VALUE=DATE:20211225\nRRULE:FREQ=YEARLY") +
                        Event("New Year", "DTSTART;VALUE=DATE:20210101\nRRULE:FREQ=YEARLY") +
                        Event("Long ago", "DTSTART;VALUE=DATE:20151231") +
                        Event("Far ahead", "DTSTART;VALUE=DATE:20461231") +
                        Event("Too far", "DTSTART;VALUE=DATE:20470101")));
  ASSERT_TRUE(stored.ok()) << stored.status();
  std::vector<std::string> holidays;
  for (const v1::Holiday& holiday : stored->holidays()) {
    holidays.push_back(
        absl::StrCat(holiday.date(), " ", holiday.name(), holiday.yearly() ? " yearly" : ""));
  }
  EXPECT_THAT(holidays, ElementsAre("2026-05-14 Our own name", "2020-12-25 Christmas yearly",
                                    "2021-01-01 New Year yearly", "2046-12-31 Far ahead"));
  // Put again as it came back: nothing new.
  EXPECT_EQ(Put(*stored).value().version(), 1);
}

TEST_F(PutCalendarTest, BadICalendarFilesAreRefused) {
  EXPECT_THAT(Refused(OfficeCalendar("office", "UTC"), "hello"), ElementsAre("holidays_ics"));
  EXPECT_THAT(
      Refused(OfficeCalendar("office", "UTC"), Ics(Event("Lunch", "DTSTART:20260101T120000Z"))),
      ElementsAre("holidays_ics.events[0]"));
  EXPECT_THAT(Refused(UnionCalendar("sun", {"office"}), Ics("")), ElementsAre("holidays_ics"));
  std::string many;
  for (int year = 2017; year <= 2025; ++year) {
    many += Event(absl::StrCat("Y", year),
                  absl::StrCat("DTSTART;VALUE=DATE:", year, "0101\nDURATION:P300D"));
  }
  const auto reply = Put(OfficeCalendar("office", "UTC"), Ics(many));
  EXPECT_THAT(FieldViolations(reply.status())[0].description, HasSubstr("at most 2000"));
}

}  // namespace
}  // namespace watchbell::sla
