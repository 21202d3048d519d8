// Which version of a calendar counts: by the instant a ticket was opened at.
#include "services/sla/calendars/calendar_versions.h"

#include "common/base/errors.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/decider_desk.h"

namespace watchbell::sla {
namespace {

namespace ev = events::v1;
using namespace test;

TEST(CalendarVersions, TheLastInForceAtAnInstantCounts) {
  state::v1::StoredCalendar first;
  first.mutable_calendar()->set_version(1);
  AddCalendarVersion(nullptr, 500, first);
  state::v1::StoredCalendar later;
  later.mutable_calendar()->set_version(2);
  AddCalendarVersion(&first, 900, later);
  state::v1::StoredCalendar sooner;
  sooner.mutable_calendar()->set_version(3);
  AddCalendarVersion(&later, 700, sooner);
  EXPECT_EQ(CalendarVersionAt(sooner, 0), 1) << "the first counts from the beginning";
  EXPECT_EQ(CalendarVersionAt(sooner, 699), 1);
  EXPECT_EQ(CalendarVersionAt(sooner, 700), 3);
  EXPECT_EQ(CalendarVersionAt(sooner, 899), 3);
  EXPECT_EQ(CalendarVersionAt(sooner, 900), 2);
}

class CalendarVersionsTest : public DeciderDesk {
 protected:
  // The office, open until 18:00.
  absl::StatusOr<v1::Calendar> PutLonger(const std::string& effective_at) {
    v1::PutCalendarRequest request;
    *request.mutable_calendar() = Office();
    for (v1::WeekdayHours& hours : *request.mutable_calendar()->mutable_weekly()) {
      hours.mutable_intervals(0)->set_to("18:00");
    }
    *request.mutable_effective_at() = ToProto(T(effective_at));
    return desk.Command<v1::Calendar>(request);
  }
  // Of a ticket opened then.
  v1::Clock ClockOf(const std::string& id, const std::string& opened_at) {
    tickets::v1::Ticket ticket = Ticket(opened_at);
    ticket.set_ticket_id(id);
    Create(ticket);
    return Last<ev::ClockAttached>().clock();
  }
};

TEST_F(CalendarVersionsTest, ATicketTakesWhatCountedWhenItWasOpened) {
  SetUpStandard();
  ASSERT_TRUE(PutLonger("2026-01-07T00:00:00Z").ok());
  const v1::Clock before = ClockOf("inc-1", "2026-01-06T16:00:00Z");
  EXPECT_EQ(before.calendar_version(), 1);
  EXPECT_EQ(FromProto(before.due_at()), T("2026-01-07T12:00:00Z"));
  const v1::Clock after = ClockOf("inc-2", "2026-01-07T16:00:00Z");
  EXPECT_EQ(after.calendar_version(), 2);
  EXPECT_EQ(FromProto(after.due_at()), T("2026-01-08T11:00:00Z"));
}

TEST_F(CalendarVersionsTest, ThePastIsNotTouched) {
  SetUpStandard();
  const auto refused = PutLonger("2026-01-04T00:00:00Z").status();
  ASSERT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(FieldViolations(refused).size(), 1u);
  EXPECT_EQ(FieldViolations(refused)[0].field, "effective_at");
}

TEST_F(CalendarVersionsTest, TheSameContentIsNewIfItDoesNotCountYet) {
  SetUpStandard();
  const int64_t scheduled = PutLonger("2026-02-05T00:00:00Z").value().version();
  const int64_t at_once = PutLonger("2026-01-05T08:00:00Z").value().version();
  EXPECT_EQ(at_once, scheduled + 1);
  EXPECT_EQ(ClockOf("inc-1", "2026-01-06T16:00:00Z").calendar_version(), at_once);
}

TEST_F(CalendarVersionsTest, TheFirstCountsFromTheBeginning) {
  desk.now = T("2026-01-05T08:00:00Z");
  SetUpStandard();
  tickets::v1::Ticket ticket = Ticket("2026-01-05T07:00:00Z");
  Create(ticket);
  EXPECT_EQ(Heard().size(), 0u) << "no policy judged then";
  const auto& stored = *desk.State<state::v1::StoredCalendar>(CalendarKey("default", "office"));
  EXPECT_EQ(stored.versions(0).effective_at(), 0);
}

}  // namespace
}  // namespace watchbell::sla
