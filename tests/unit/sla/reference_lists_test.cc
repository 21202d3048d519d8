#include "services/sla/reference_lists.h"

#include "common/base/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/calendars/calendar_versions.h"
#include "services/sla/policies/policy_schedule.h"
#include "tests/unit/sla/sla_database.h"

namespace watchbell::sla {
namespace {

using test::SlaDatabase;

state::v1::StoredPolicySet Set(const std::string& id, int64_t version) {
  state::v1::StoredPolicySet stored;
  stored.mutable_policy_set()->set_policy_set_id(id);
  stored.mutable_policy_set()->set_version(version);
  return stored;
}

TEST(ReferenceLists, PolicySetsAndWhichOneJudges) {
  const SlaDatabase database;
  EXPECT_EQ(ListPolicySets(*database, "acme", 1000).value().policy_sets_size(), 0);
  SlaDatabase stored;
  stored.Store(PolicySetKey("acme", "gold"), Set("gold", 2));
  stored.Store(PolicySetKey("acme", "plain"), Set("plain", 1));
  stored.Store(PolicySetKey("other", "theirs"), Set("theirs", 1));
  stored.Store(PolicyVersionKey("acme", "gold", 1), Set("gold", 1));
  state::v1::PolicySchedule schedule;
  state::v1::ScheduledPolicy entry;
  entry.set_policy_set_id("gold");
  entry.set_version(1);
  entry.set_effective_at(500);
  AddEntry(schedule, entry);
  stored.Store(PolicyScheduleKey("acme"), schedule);

  const auto list = ListPolicySets(*stored, "acme", 1000).value();
  ASSERT_EQ(list.policy_sets_size(), 2);
  EXPECT_EQ(list.policy_sets(0).policy_set_id(), "gold");
  EXPECT_EQ(list.policy_sets(0).version(), 2);
  EXPECT_EQ(list.policy_sets(0).stage(), v1::POLICY_STAGE_DRAFT);
  EXPECT_EQ(list.policy_sets(1).policy_set_id(), "plain");
  EXPECT_EQ(list.in_force().policy_set_id(), "gold");
  EXPECT_EQ(list.in_force().version(), 1);
  EXPECT_FALSE(ListPolicySets(*stored, "acme", 499).value().has_in_force());
}

TEST(ReferenceLists, CalendarsWithTheVersionThatCounts) {
  SlaDatabase stored;
  state::v1::StoredCalendar first;
  first.mutable_calendar()->set_calendar_id("office");
  first.mutable_calendar()->set_version(1);
  AddCalendarVersion(nullptr, 0, first);
  state::v1::StoredCalendar second = first;
  second.mutable_calendar()->set_version(2);
  second.clear_versions();
  AddCalendarVersion(&first, 5'000'000, second);
  stored.Store(CalendarKey("acme", "office"), second);

  const auto list = ListCalendars(*stored, "acme", 1'000'000).value();
  ASSERT_EQ(list.calendars_size(), 1);
  const v1::CalendarVersions& office = list.calendars(0);
  EXPECT_EQ(office.calendar_id(), "office");
  ASSERT_EQ(office.versions_size(), 2);
  EXPECT_TRUE(office.versions(0).in_force());
  EXPECT_FALSE(office.versions(0).has_effective_at());
  EXPECT_FALSE(office.versions(1).in_force());
  EXPECT_EQ(office.versions(1).effective_at().seconds(), 5);
  EXPECT_TRUE(
      ListCalendars(*stored, "acme", 5'000'000).value().calendars(0).versions(1).in_force());
}

}  // namespace
}  // namespace watchbell::sla
