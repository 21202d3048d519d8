// Versions of policy sets: drafts, in force from an instant on, retired; who and why.
#include "services/sla/policies/policy_schedule.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/time/rfc3339.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/sla_decider.h"
#include "services/sla/sla_store.h"
#include "tests/support/decider_harness.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {
namespace {

using testing::HasSubstr;
using watchbell::test::DeciderHarness;

absl::Time T(const std::string& text) { return ParseRfc3339(text).value(); }

class PolicyVersionsTest : public testing::Test {
 protected:
  PolicyVersionsTest() : desk(decider) { desk.now = T("2026-01-05T08:00:00Z"); }

  // A set whose target allows so many minutes.
  v1::PolicySet Put(const std::string& id, int minutes, const std::string& reason = "") {
    v1::PutPolicySetRequest request;
    request.mutable_policy_set()->set_policy_set_id(id);
    v1::Target& target = *request.mutable_policy_set()->add_targets();
    target.set_target_id("solve");
    target.set_metric(v1::METRIC_RESOLUTION);
    target.mutable_duration()->set_seconds(minutes * 60);
    target.set_basis(v1::TIME_BASIS_CALENDAR);
    request.set_reason(reason);
    const auto reply = desk.Command<v1::PolicySet>(request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(v1::PolicySet());
  }
  absl::StatusOr<v1::PolicyVersion> Activate(const std::string& id, int64_t version = 0,
                                             const std::string& at = "") {
    v1::ActivatePolicySetRequest request;
    request.set_policy_set_id(id);
    request.set_version(version);
    request.set_reason("as agreed");
    if (!at.empty()) *request.mutable_effective_at() = ToProto(T(at));
    return desk.Command<v1::PolicyVersion>(request);
  }
  absl::StatusOr<v1::PolicyVersion> Retire(const std::string& id, const std::string& at = "") {
    v1::RetirePolicySetRequest request;
    request.set_policy_set_id(id);
    if (!at.empty()) *request.mutable_effective_at() = ToProto(T(at));
    return desk.Command<v1::PolicyVersion>(request);
  }
  // "set@version" in force for tickets opened then.
  std::string InForceAt(const std::string& at) {
    const auto* schedule = desk.State<state::v1::PolicySchedule>(PolicyScheduleKey("default"));
    if (schedule == nullptr) return "none";
    const auto* entry = InForce(*schedule, absl::ToUnixMicros(T(at)));
    return entry == nullptr ? "none" : absl::StrCat(entry->policy_set_id(), "@", entry->version());
  }
  // Stage of a version now.
  v1::PolicyStage StageOf(const std::string& id, int64_t version) {
    const auto* schedule = desk.State<state::v1::PolicySchedule>(PolicyScheduleKey("default"));
    const auto* stored =
        desk.State<state::v1::StoredPolicySet>(PolicyVersionKey("default", id, version));
    return VersionView(schedule == nullptr ? state::v1::PolicySchedule() : *schedule, *stored,
                       absl::ToUnixMicros(desk.now))
        .stage();
  }

  SlaDecider decider;
  DeciderHarness desk;
};

TEST_F(PolicyVersionsTest, AVersionIsADraftUntilItIsActivated) {
  Put("std", 60, "first try");
  EXPECT_EQ(StageOf("std", 1), v1::POLICY_STAGE_DRAFT);
  EXPECT_EQ(InForceAt("2027-01-01T00:00:00Z"), "none");
  const auto active = Activate("std");
  ASSERT_TRUE(active.ok()) << active.status();
  EXPECT_EQ(active->stage(), v1::POLICY_STAGE_ACTIVE);
  EXPECT_EQ(active->create_reason(), "first try");
  EXPECT_EQ(active->activate_reason(), "as agreed");
  EXPECT_EQ(active->activated_by(), active->created_by());
  EXPECT_NE(active->created_by(), "");
  EXPECT_EQ(FormatRfc3339(FromProto(active->effective_at())), "2026-01-05T08:00:00Z");
  EXPECT_FALSE(active->has_retired_at());
}

TEST_F(PolicyVersionsTest, TheInstantATicketWasOpenedAtDecides) {
  Put("std", 60);
  Put("std", 90);
  ASSERT_TRUE(Activate("std", 1).ok());
  ASSERT_TRUE(Activate("std", 2, "2026-02-01T00:00:00Z").ok());
  EXPECT_EQ(InForceAt("2026-01-05T07:59:59Z"), "none");
  EXPECT_EQ(InForceAt("2026-01-05T08:00:00Z"), "std@1");
  EXPECT_EQ(InForceAt("2026-01-31T23:59:59Z"), "std@1");
  EXPECT_EQ(InForceAt("2026-02-01T00:00:00Z"), "std@2");
  EXPECT_EQ(StageOf("std", 1), v1::POLICY_STAGE_ACTIVE);
  EXPECT_EQ(StageOf("std", 2), v1::POLICY_STAGE_SCHEDULED);
  desk.now = T("2026-02-01T00:00:00Z");
  EXPECT_EQ(StageOf("std", 1), v1::POLICY_STAGE_RETIRED);
  EXPECT_EQ(StageOf("std", 2), v1::POLICY_STAGE_ACTIVE);
}

TEST_F(PolicyVersionsTest, OfOneInstantTheLastCounts) {
  Put("std", 60);
  Put("other", 90);
  ASSERT_TRUE(Activate("std", 0, "2026-02-01T00:00:00Z").ok());
  ASSERT_TRUE(Activate("other", 0, "2026-02-01T00:00:00Z").ok());
  EXPECT_EQ(InForceAt("2026-02-01T00:00:00Z"), "other@1");
  EXPECT_EQ(StageOf("std", 1), v1::POLICY_STAGE_DRAFT) << "it was overruled before it began";
}

TEST_F(PolicyVersionsTest, WhatJudgesAlreadyIsNotActivatedAgain) {
  Put("std", 60);
  ASSERT_TRUE(Activate("std").ok());
  desk.now = T("2026-01-06T08:00:00Z");
  const auto again = Activate("std");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(FormatRfc3339(FromProto(again->effective_at())), "2026-01-05T08:00:00Z");
  const auto* schedule = desk.State<state::v1::PolicySchedule>(PolicyScheduleKey("default"));
  EXPECT_EQ(schedule->entries_size(), 1);
}

TEST_F(PolicyVersionsTest, WhatFollowsItselfDoesNotEnd) {
  Put("std", 60);
  ASSERT_TRUE(Activate("std", 1, "2026-03-01T00:00:00Z").ok());
  const auto now = Activate("std", 1);
  ASSERT_TRUE(now.ok());
  EXPECT_EQ(now->stage(), v1::POLICY_STAGE_ACTIVE);
  EXPECT_FALSE(now->has_retired_at()) << now->ShortDebugString();
  desk.now = T("2026-04-01T00:00:00Z");
  const auto later = Activate("std", 1);
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(FormatRfc3339(FromProto(later->effective_at())), "2026-01-05T08:00:00Z");
}

TEST_F(PolicyVersionsTest, WhatComesNextIsNamedAndCanBeTakenBack) {
  Put("std", 60);
  ASSERT_TRUE(Activate("std", 1, "2026-03-01T00:00:00Z").ok());
  Put("std", 90);
  const auto now = Activate("std", 2);
  ASSERT_TRUE(now.ok());
  EXPECT_EQ(FormatRfc3339(FromProto(now->retired_at())), "2026-03-01T00:00:00Z");
  EXPECT_EQ(now->next_policy_set_id(), "std");
  EXPECT_EQ(now->next_version(), 1);
  const auto kept = Activate("std", 2, "2026-03-01T00:00:00Z");
  ASSERT_TRUE(kept.ok());
  EXPECT_FALSE(kept->has_retired_at());
  EXPECT_EQ(InForceAt("2026-03-15T00:00:00Z"), "std@2");
  EXPECT_EQ(StageOf("std", 1), v1::POLICY_STAGE_DRAFT) << "it never judged, and will not";
}

TEST_F(PolicyVersionsTest, WhoEndedAVersionAndWhyIsKept) {
  Put("std", 60);
  ASSERT_TRUE(Activate("std").ok());
  desk.now = T("2026-01-06T08:00:00Z");
  v1::RetirePolicySetRequest request;
  request.set_policy_set_id("std");
  request.set_reason("the contract ends");
  const auto retired = desk.Command<v1::PolicyVersion>(request);
  ASSERT_TRUE(retired.ok()) << retired.status();
  EXPECT_EQ(retired->retired_by(), "ana");
  EXPECT_EQ(retired->retire_reason(), "the contract ends");
}

TEST_F(PolicyVersionsTest, AnEarlierActivationEndsWhereTheNextBegins) {
  Put("a", 60);
  Put("b", 60);
  ASSERT_TRUE(Activate("a", 0, "2026-03-01T00:00:00Z").ok());
  const auto before = Activate("b", 0, "2026-02-01T00:00:00Z");
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(FormatRfc3339(FromProto(before->retired_at())), "2026-03-01T00:00:00Z");
  EXPECT_EQ(InForceAt("2026-02-15T00:00:00Z"), "b@1");
  EXPECT_EQ(InForceAt("2026-03-15T00:00:00Z"), "a@1");
}

TEST_F(PolicyVersionsTest, RetiredItJudgesNoNewTickets) {
  Put("std", 60);
  ASSERT_TRUE(Activate("std").ok());
  const auto retired = Retire("std", "2026-02-01T00:00:00Z");
  ASSERT_TRUE(retired.ok()) << retired.status();
  EXPECT_EQ(retired->stage(), v1::POLICY_STAGE_ACTIVE);
  EXPECT_EQ(FormatRfc3339(FromProto(retired->retired_at())), "2026-02-01T00:00:00Z");
  EXPECT_EQ(InForceAt("2026-01-31T00:00:00Z"), "std@1");
  EXPECT_EQ(InForceAt("2026-02-01T00:00:00Z"), "none");
  const auto again = Retire("std", "2026-02-02T00:00:00Z");
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(again.status().message(), HasSubstr("no policy set is in force then"));
}

TEST_F(PolicyVersionsTest, ThePastIsNotTouched) {
  Put("std", 60);
  const auto past = Activate("std", 0, "2026-01-05T07:59:00Z");
  EXPECT_EQ(past.status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(FieldViolations(past.status()).size(), 1u);
  EXPECT_EQ(FieldViolations(past.status())[0].field, "effective_at");
  EXPECT_TRUE(Activate("std", 0, "2026-01-05T07:59:57Z").ok()) << "clocks differ a little";
  EXPECT_EQ(InForceAt("2026-01-05T07:59:59Z"), "none");
}

TEST_F(PolicyVersionsTest, UnknownOnesAreNotFound) {
  EXPECT_TRUE(absl::IsNotFound(Activate("std").status()));
  Put("std", 60);
  const auto version = Activate("std", 7);
  EXPECT_TRUE(absl::IsNotFound(version.status()));
  EXPECT_THAT(version.status().message(), HasSubstr("policySets/std@7"));
  EXPECT_TRUE(absl::IsNotFound(Retire("other").status()));
}

}  // namespace
}  // namespace watchbell::sla
