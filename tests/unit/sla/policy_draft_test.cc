#include "services/sla/policy_draft.h"

#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "services/sla/calendars/calendar_versions.h"
#include "tests/unit/sla/decider_desk.h"
#include "tests/unit/sla/sla_database.h"

namespace watchbell::sla::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kHour = int64_t{3'600'000'000};

v1::Calendar Calendar(const std::string& id, const std::string& from, const std::string& to) {
  v1::Calendar calendar = Office();
  calendar.set_calendar_id(id);
  for (v1::WeekdayHours& day : *calendar.mutable_weekly()) {
    day.mutable_intervals(0)->set_from(from);
    day.mutable_intervals(0)->set_to(to);
  }
  return calendar;
}

v1::Calendar Union(const std::string& id, const std::vector<std::string>& members) {
  v1::Calendar calendar;
  calendar.set_calendar_id(id);
  for (const std::string& member : members) calendar.add_union_of(member);
  return calendar;
}

// "standard" in two versions, of which the first is in force, and the calendars it counts by.
class PolicyDraftTest : public testing::Test {
 protected:
  PolicyDraftTest() {
    Store(Office());
    PutPolicy(Standard(), 1);
    v1::PolicySet newer = Standard();
    newer.mutable_targets(0)->mutable_duration()->set_seconds(60 * 45);
    PutPolicy(newer, 2);
    state::v1::PolicySchedule schedule;
    state::v1::ScheduledPolicy& entry = *schedule.add_entries();
    entry.set_policy_set_id("standard");
    entry.set_version(1);
    entry.set_effective_at(now_ - kHour);
    database_.Store(PolicyScheduleKey("acme"), schedule);
  }

  void Store(v1::Calendar calendar) {
    calendar.set_version(1);
    const std::string id = calendar.calendar_id();
    state::v1::StoredCalendar stored = ToStored(std::move(calendar));
    AddCalendarVersion(nullptr, 0, stored);
    database_.Store(CalendarKey("acme", id), stored);
    database_.Store(CalendarVersionKey("acme", id, 1), stored);
  }
  void PutPolicy(v1::PolicySet policy, int64_t version) {
    policy.set_version(version);
    const state::v1::StoredPolicySet stored = ToStored(std::move(policy));
    database_.Store(PolicySetKey("acme", "standard"), stored);
    database_.Store(PolicyVersionKey("acme", "standard", version), stored);
  }

  absl::StatusOr<std::unique_ptr<DraftJudge>> Read(const v1::PolicyDraft& draft,
                                                   const std::string& tenant = "acme") {
    return ReadDraft(*database_, tenant, draft, "policy", now_);
  }
  // Minutes of the draft's first target, and how many of them lie between 08:00 and 20:00 of a
  // Monday as it counts.
  std::string Shown(const v1::PolicyDraft& draft, const std::string& tenant = "acme") {
    const auto read = Read(draft, tenant);
    if (!read.ok()) return std::string(read.status().message());
    const Judge& judge = (*read)->judge();
    EXPECT_EQ(judge.eras(), 1);
    const v1::PolicySet& policy = (*read)->policy();
    if (policy.targets().empty()) return "nothing judges";
    const std::string own_zone;
    const int64_t from = absl::ToUnixMicros(T("2026-01-05T08:00:00Z"));
    return absl::StrCat(policy.policy_set_id(), "@", policy.version(), " ",
                        judge.target(0).duration().seconds() / 60, " min, ",
                        CountedTime(judge, {0, own_zone}, from, from + 12 * kHour) / kHour, " h");
  }
  std::vector<std::string> Faults(const v1::PolicyDraft& draft) {
    std::vector<std::string> faults;
    const auto read = Read(draft);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << read.status();
    for (const FieldViolation& fault : FieldViolations(read.status())) {
      faults.push_back(absl::StrCat(fault.field, ": ", fault.description));
    }
    return faults;
  }

  const int64_t now_ = absl::ToUnixMicros(T("2026-01-05T08:00:00Z"));
  SlaDatabase database_;
};

TEST_F(PolicyDraftTest, NothingGivenIsWhatIsInForceNow) {
  EXPECT_EQ(Shown({}), "standard@1 30 min, 8 h");
  EXPECT_EQ(Shown({}, "rival"), "nothing judges");
}

TEST_F(PolicyDraftTest, StoredSetsByVersion) {
  v1::PolicyDraft draft;
  draft.set_policy_set_id("standard");
  EXPECT_EQ(Shown(draft), "standard@2 45 min, 8 h");
  draft.set_version(1);
  EXPECT_EQ(Shown(draft), "standard@1 30 min, 8 h");
  draft.set_version(3);
  EXPECT_EQ(Read(draft).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Shown(draft), HasSubstr("policySets/standard@3"));
  draft.set_policy_set_id("other");
  draft.clear_version();
  EXPECT_EQ(Read(draft).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PolicyDraftTest, WhatIsSentAlongHasNoVersion) {
  v1::PolicyDraft draft;
  *draft.mutable_policy_set() = Standard();
  draft.mutable_policy_set()->set_version(7);
  draft.mutable_policy_set()->mutable_targets(0)->mutable_duration()->set_seconds(600);
  EXPECT_EQ(Shown(draft), "standard@0 10 min, 8 h");
  // Nothing of it stays.
  EXPECT_EQ(Shown({}), "standard@1 30 min, 8 h");
}

TEST_F(PolicyDraftTest, CalendarsSentAlongGoBeforeStoredOnes) {
  v1::PolicyDraft draft;
  *draft.add_calendars() = Calendar("office", "08:00", "18:00");
  EXPECT_EQ(Shown(draft), "standard@1 30 min, 10 h");
  draft.set_policy_set_id("standard");
  EXPECT_EQ(Shown(draft), "standard@2 45 min, 10 h");
  draft.clear_policy_set_id();
  *draft.mutable_policy_set() = Standard();
  EXPECT_EQ(Shown(draft), "standard@0 30 min, 10 h");
  EXPECT_EQ(Shown({}), "standard@1 30 min, 8 h");
}

TEST_F(PolicyDraftTest, CalendarsCountAsTheyAreInForceNow) {
  const auto first =
      runtime::ReadEntity<state::v1::StoredCalendar>(*database_, kCalendarClass, "acme", "office");
  ASSERT_TRUE(first.ok() && *first != nullptr);
  v1::Calendar longer = Calendar("office", "08:00", "20:00");
  longer.set_version(2);
  state::v1::StoredCalendar next = ToStored(longer);
  AddCalendarVersion(first->get(), now_ + 1, next);
  database_.Store(CalendarKey("acme", "office"), next);
  EXPECT_EQ(Shown({}), "standard@1 30 min, 8 h");
  next = ToStored(longer);
  AddCalendarVersion(first->get(), now_, next);
  database_.Store(CalendarKey("acme", "office"), next);
  EXPECT_EQ(Shown({}), "standard@1 30 min, 12 h");
}

TEST_F(PolicyDraftTest, UnionsOfSentAndStoredCalendars) {
  v1::PolicyDraft draft;
  *draft.mutable_policy_set() = Standard();
  for (v1::Target& target : *draft.mutable_policy_set()->mutable_targets()) {
    target.set_calendar_id("sun");
  }
  *draft.add_calendars() = Union("sun", {"office", "late"});
  *draft.add_calendars() = Calendar("late", "16:00", "20:00");
  EXPECT_EQ(Shown(draft), "standard@0 30 min, 11 h");
  // A stored union with a member sent along.
  Store(Calendar("late", "16:00", "18:00"));
  Store(Union("sun", {"office", "late"}));
  draft.mutable_calendars()->Clear();
  EXPECT_EQ(Shown(draft), "standard@0 30 min, 9 h");
  *draft.add_calendars() = Calendar("late", "16:00", "19:00");
  EXPECT_EQ(Shown(draft), "standard@0 30 min, 10 h");
}

TEST_F(PolicyDraftTest, AllFaultsAtOnceByPath) {
  v1::PolicyDraft draft;
  draft.set_policy_set_id("standard");
  *draft.mutable_policy_set() = Standard();
  draft.mutable_policy_set()->mutable_targets(1)->set_calendar_id("nowhere");
  draft.mutable_policy_set()->mutable_targets(0)->clear_duration();
  *draft.add_calendars() = Calendar("office", "08:00", "18:00");
  *draft.add_calendars() = Calendar("office", "08:00", "18:00");
  draft.mutable_calendars(1)->mutable_weekly(0)->mutable_intervals(0)->set_to("08:00");
  *draft.add_calendars() = Union("sun", {"office", "moon"});
  EXPECT_THAT(Faults(draft),
              ElementsAre(HasSubstr("policy.policy_set_id: give either"),
                          HasSubstr("policy.calendars[1].calendar_id: \"office\" is given twice"),
                          HasSubstr("policy.calendars[1].weekly[0].intervals[0]"),
                          HasSubstr("policy.calendars[2].union_of[1]: there is no calendar"),
                          HasSubstr("policy.policy_set.targets[0].duration"),
                          HasSubstr("policy.policy_set.targets[1].calendar_id")));
}

TEST_F(PolicyDraftTest, AVersionIsOfAStoredSet) {
  v1::PolicyDraft draft;
  draft.set_version(1);
  EXPECT_THAT(Faults(draft), ElementsAre(HasSubstr("policy.version: ")));
}

TEST_F(PolicyDraftTest, UnionsStayUnionsAndOthersStayNone) {
  Store(Calendar("late", "16:00", "20:00"));
  Store(Union("sun", {"late"}));
  v1::PolicyDraft draft;
  *draft.add_calendars() = Union("office", {"late"});
  *draft.add_calendars() = Calendar("sun", "08:00", "18:00");
  EXPECT_THAT(Faults(draft), ElementsAre(HasSubstr("policy.calendars[0].union_of: "),
                                         HasSubstr("policy.calendars[1].union_of: ")));
}

}  // namespace
}  // namespace watchbell::sla::test
