// The clocks a ticket would have: from a draft of it and a draft of the policy, over what is
// stored.
#include "services/sla/preview_clocks.h"

#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/service_core.h"
#include "services/sla/spec.h"
#include "tests/unit/sla/moments.h"
#include "tests/unit/sla/question.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kOffice[] = R"(
    calendars { calendar_id: "office" time_zone: "UTC"
      weekly { weekday: 1 intervals { from: "09:00" to: "17:00" } }
      weekly { weekday: 2 intervals { from: "09:00" to: "17:00" } } })";
constexpr char kSolve[] = R"(targets { target_id: "solve" metric: METRIC_RESOLUTION
    duration { seconds: 7200 } basis: TIME_BASIS_BUSINESS calendar_id: "office"
    pause_on: HOLD_REASON_VENDOR warn_percent: 50 warn_time_left { seconds: 600 } )";

class PreviewClocksTest : public testing::Test {
 protected:
  PreviewClocksTest() { EXPECT_TRUE(db::Migrate(*database_, runtime::AllMigrations(Spec())).ok()); }

  // `targets` over office hours; `ticket` as protobuf text beside a type and a priority.
  absl::StatusOr<v1::PreviewClocksResponse> Try(const std::string& ticket,
                                                const std::string& targets) {
    const auto request = Parsed<v1::PreviewClocksRequest>(
        absl::StrCat("ticket { ", ticket, " } policy { policy_set { policy_set_id: \"draft\" ",
                     targets, "} ", kOffice, "}"));
    return AnswerPreviewClocks(*database_, "acme", request, At("Mon 10:00"));
  }
  v1::PreviewClocksResponse Ask(const std::string& ticket, const std::string& targets) {
    const auto answer = Try(absl::StrCat("type: TICKET_TYPE_INCIDENT ", ticket), targets);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(v1::PreviewClocksResponse());
  }
  v1::PreviewedClock AskOne(const std::string& ticket, const std::string& target) {
    const v1::PreviewClocksResponse answer = Ask(ticket, absl::StrCat(target, "}"));
    EXPECT_EQ(answer.clocks_size(), 1);
    return answer.clocks_size() == 1 ? answer.clocks(0) : v1::PreviewedClock();
  }
  std::vector<std::string> Faults(const std::string& ticket) {
    const auto answer = Try(ticket, absl::StrCat(kSolve, "}"));
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument) << answer.status();
    std::vector<std::string> fields;
    for (const FieldViolation& fault : FieldViolations(answer.status())) {
      fields.push_back(fault.field);
    }
    return fields;
  }

  // "opened_at { ... }".
  static std::string OpenedAt(absl::string_view at) {
    return absl::StrCat("opened_at { seconds: ", At(at) / 1'000'000, " } ");
  }
  static std::string Shown(bool is_set, const google::protobuf::Timestamp& time) {
    return is_set ? Show(Micros(time)) : "never";
  }
  static std::string Due(const v1::PreviewedClock& clock) {
    return Shown(clock.clock().has_due_at(), clock.clock().due_at());
  }
  static std::string Opens(const v1::PreviewedClock& clock) {
    return Shown(clock.has_opens_at(), clock.opens_at());
  }

  const std::unique_ptr<db::Database> database_ = *db::OpenSqliteInMemory();
};

TEST_F(PreviewClocksTest, SaysWhenItOpensWhenItIsDueAndWhatIsCrossedUntilThen) {
  const auto clock = AskOne(OpenedAt("Mon 16:30"), kSolve);
  EXPECT_EQ(clock.clock().state(), v1::CLOCK_STATE_RUNNING);
  EXPECT_EQ(clock.clock().target_id(), "solve");
  EXPECT_EQ(Opens(clock), "Mon 16:30");
  EXPECT_EQ(Due(clock), "Tue 10:30");
  std::vector<std::string> warnings;
  for (const v1::PreviewedWarning& warning : clock.warnings()) {
    warnings.push_back(absl::StrCat(warning.percent(), "% ", Show(Micros(warning.at()))));
  }
  EXPECT_THAT(warnings, ElementsAre("50% Tue 09:30", "0% Tue 10:20"));
  EXPECT_FALSE(clock.warnings(0).has_time_left());
  EXPECT_EQ(clock.warnings(1).time_left().seconds(), 600);
}

TEST_F(PreviewClocksTest, OpenedOutsideHoursItCountsFromTheNextOpening) {
  const auto clock = AskOne(OpenedAt("Tue 20:00"), kSolve);
  EXPECT_EQ(Show(Micros(clock.clock().started_at())), "Tue 20:00");
  EXPECT_EQ(Opens(clock), "+Mon 09:00");
  EXPECT_EQ(Due(clock), "+Mon 11:00");
}

TEST_F(PreviewClocksTest, OfAllTimeItCountsAtOnce) {
  const auto clock = AskOne(OpenedAt("Sun 03:00"),
                            R"(targets { target_id: "a" metric: METRIC_RESOLUTION
                               duration { seconds: 60 } basis: TIME_BASIS_CALENDAR)");
  EXPECT_EQ(Opens(clock), "Sun 03:00");
}

TEST_F(PreviewClocksTest, WithoutAnOpeningItIsOpenedNowAndNew) {
  const std::string of_new = absl::StrCat(
      kSolve, R"(when { compare { field: "state" operator: OPERATOR_IS values: "STATE_NEW" } })");
  EXPECT_EQ(Due(AskOne("", of_new)), "Mon 12:00");
}

TEST_F(PreviewClocksTest, OpenedOnHoldItIsPausedAndNobodyKnowsWhenItCounts) {
  const auto held = AskOne("state: STATE_ON_HOLD hold_reason: HOLD_REASON_VENDOR", kSolve);
  EXPECT_EQ(held.clock().state(), v1::CLOCK_STATE_PAUSED);
  EXPECT_EQ(Minutes(held.clock().remaining()), 120);
  EXPECT_EQ(Due(held), "never");
  EXPECT_EQ(Opens(held), "never");
  EXPECT_THAT(held.warnings(), IsEmpty());
  const auto waits = AskOne("state: STATE_ON_HOLD hold_reason: HOLD_REASON_USER", kSolve);
  EXPECT_EQ(waits.clock().state(), v1::CLOCK_STATE_RUNNING);
}

TEST_F(PreviewClocksTest, OpenedResolvedItIsMetAtOnce) {
  const auto clock = AskOne("state: STATE_RESOLVED", kSolve);
  EXPECT_EQ(clock.clock().verdict(), v1::VERDICT_MET);
  EXPECT_EQ(Opens(clock), "never");
}

TEST_F(PreviewClocksTest, TheZoneOfTheRequesterDecidesWhenItOpens) {
  const auto clock =
      AskOne(absl::StrCat(OpenedAt("Mon 10:00"), "requester_time_zone: \"America/New_York\""),
             absl::StrCat(kSolve, "zone_source: ZONE_SOURCE_REQUESTER"));
  EXPECT_EQ(clock.clock().time_zone(), "America/New_York");
  EXPECT_EQ(Opens(clock), "Mon 14:00");
}

TEST_F(PreviewClocksTest, WhatItWentThroughIsIgnored) {
  const auto clock = AskOne(absl::StrCat(OpenedAt("Mon 10:00"),
                                         "ticket_id: \"inc-7\" version: 9 reopen_count: 2 "
                                         "acknowledged_at { seconds: 1767600000 }"),
                            R"(targets { target_id: "a" metric: METRIC_FIRST_RESPONSE
                               duration { seconds: 60 } basis: TIME_BASIS_CALENDAR)");
  EXPECT_EQ(clock.clock().state(), v1::CLOCK_STATE_RUNNING);
  EXPECT_EQ(clock.clock().clock_id(), "draft/first-response/1");
}

TEST_F(PreviewClocksTest, TargetsByRankAndNoneIfNoneSelects) {
  const std::string by_priority =
      absl::StrCat(kSolve, "priorities: PRIORITY_HIGH } ",
                   R"(targets { target_id: "low" metric: METRIC_RESOLUTION duration { seconds: 60 }
         basis: TIME_BASIS_CALENDAR priorities: PRIORITY_LOW })");
  const auto low = Ask("priority: PRIORITY_LOW", by_priority);
  ASSERT_EQ(low.clocks_size(), 1);
  EXPECT_EQ(low.clocks(0).clock().target_id(), "low");
  EXPECT_EQ(low.policy_set_id(), "draft");
  EXPECT_EQ(low.policy_version(), 0);
  EXPECT_THAT(Ask("priority: PRIORITY_PLANNING", by_priority).clocks(), IsEmpty());
}

TEST_F(PreviewClocksTest, WithoutAPolicyThereAreNoClocks) {
  const auto request = Parsed<v1::PreviewClocksRequest>("ticket { type: TICKET_TYPE_INCIDENT }");
  const auto answer = AnswerPreviewClocks(*database_, "acme", request, At("Mon 10:00"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->ByteSizeLong(), 0u);
}

TEST_F(PreviewClocksTest, WhatNoTicketCanBeIsRefusedByPath) {
  EXPECT_THAT(Faults(""), ElementsAre("ticket.type"));
  EXPECT_THAT(Faults("state: STATE_ON_HOLD"), ElementsAre("ticket.type", "ticket.hold_reason"));
  EXPECT_THAT(Faults("type: TICKET_TYPE_INCIDENT hold_reason: HOLD_REASON_USER"),
              ElementsAre("ticket.hold_reason"));
  EXPECT_THAT(Faults(R"(type: TICKET_TYPE_INCIDENT tags: "a" tags: "b\nc" tags: "")"),
              ElementsAre("ticket.tags[1]", "ticket.tags[2]"));
  EXPECT_THAT(Faults("type: TICKET_TYPE_INCIDENT opened_at { seconds: 253402300799 }"),
              ElementsAre("ticket.opened_at"));
}

TEST_F(PreviewClocksTest, FaultsOfThePolicyAreNamedBelowIt) {
  const auto answer = Try("type: TICKET_TYPE_INCIDENT", "targets { target_id: \"a\" }");
  ASSERT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(FieldViolations(answer.status())[0].field,
              testing::StartsWith("policy.policy_set.targets[0]."));
}

}  // namespace
}  // namespace watchbell::sla::test
