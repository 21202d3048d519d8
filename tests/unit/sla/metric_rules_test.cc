// What each metric makes of a ticket's history, and what targets replace.
#include "services/sla/policies/metric_rules.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policies/clock_name.h"
#include "services/sla/policies/condition_check.h"
#include "tests/unit/sla/moments.h"

namespace watchbell::sla::test {
namespace {

using testing::IsEmpty;

// The ticket just opened, at work, ... and what was said on it.
Happened Opened() {
  return {Parsed<state::v1::Facts>("type: TICKET_TYPE_INCIDENT state: STATE_NEW"),
          state::v1::TICKET_EVENT_KIND_CREATED, events::v1::ACTOR_KIND_REQUESTER, false};
}
Happened AtWork() { return Facts("state: STATE_IN_PROGRESS responded: true group: 'network'"); }
Happened HandedOn() { return Facts("state: STATE_IN_PROGRESS responded: true group: 'mail'"); }
Happened AwaitsUser() { return Facts("state: STATE_ON_HOLD hold_reason: HOLD_REASON_USER"); }
Happened AwaitsVendor() { return Facts("state: STATE_ON_HOLD hold_reason: HOLD_REASON_VENDOR"); }
Happened Resolved() { return Facts("state: STATE_RESOLVED responded: true group: 'network'"); }
Happened ClosedUnread() { return Facts("state: STATE_CLOSED"); }
Happened Asked() { return Comment("state: STATE_NEW", events::v1::ACTOR_KIND_REQUESTER, true); }
Happened Answered() {
  return Comment("state: STATE_IN_PROGRESS responded: true", events::v1::ACTOR_KIND_AGENT, true);
}
Happened Noted() { return Comment("state: STATE_NEW", events::v1::ACTOR_KIND_AGENT, false); }
Happened AutoReply() {
  return Comment("state: STATE_NEW", events::v1::ACTOR_KIND_AUTOMATION, true);
}
Happened Thanks() {
  return Comment("state: STATE_RESOLVED", events::v1::ACTOR_KIND_REQUESTER, true);
}

v1::Target Measuring(v1::Metric metric) {
  v1::Target target;
  target.set_target_id("t");
  target.set_metric(metric);
  return target;
}

// Which of a metric's conditions hold, in the order in which they are asked.
std::string Held(const Rules& rules, const Happened& happened) {
  std::string held;
  const auto add = [&](const CompiledCondition& condition, const char* name) {
    if (condition.Holds(happened.Now())) held += name;
  };
  add(rules.stop, "stop ");
  add(rules.reset, "reset ");
  add(rules.cancel, "cancel ");
  add(rules.pause, "pause ");
  add(rules.start, "start ");
  return held;
}

struct Row {
  Happened happened;
  const char* held;
};

void ExpectHeld(const v1::Target& target, const std::vector<Row>& rows) {
  const Rules rules = CompileRules(target);
  for (const Row& row : rows) {
    EXPECT_EQ(Held(rules, row.happened), row.held)
        << v1::Metric_Name(target.metric()) << " " << row.happened.facts.ShortDebugString()
        << " event " << row.happened.event << " by " << row.happened.actor;
  }
}

TEST(MetricRules, FirstResponse) {
  ExpectHeld(Measuring(v1::METRIC_FIRST_RESPONSE), {{Opened(), "start "},
                                                    {AtWork(), "stop start "},
                                                    {Answered(), "stop start "},
                                                    {Noted(), "start "},
                                                    {AutoReply(), "start "},
                                                    {AwaitsUser(), "start "},
                                                    {Resolved(), "stop cancel start "},
                                                    {ClosedUnread(), "cancel start "}});
}

TEST(MetricRules, ResolutionAndFulfilment) {
  for (const v1::Metric metric : {v1::METRIC_RESOLUTION, v1::METRIC_FULFILMENT}) {
    ExpectHeld(Measuring(metric), {{Opened(), "start "},
                                   {AtWork(), "start "},
                                   {AwaitsUser(), "start "},
                                   {Answered(), "start "},
                                   {Resolved(), "stop start "},
                                   {ClosedUnread(), "stop start "}});
  }
}

TEST(MetricRules, NextResponse) {
  ExpectHeld(Measuring(v1::METRIC_NEXT_RESPONSE), {{Opened(), ""},
                                                   {Asked(), "start "},
                                                   {Noted(), ""},
                                                   {AutoReply(), ""},
                                                   {Answered(), "stop "},
                                                   {AtWork(), ""},
                                                   {Resolved(), "cancel "},
                                                   {Thanks(), "cancel "}});
}

TEST(MetricRules, PeriodicUpdate) {
  ExpectHeld(Measuring(v1::METRIC_PERIODIC_UPDATE), {{Opened(), "start "},
                                                     {Asked(), "start "},
                                                     {Noted(), "start "},
                                                     {AutoReply(), "start "},
                                                     {Answered(), "reset start "},
                                                     {Resolved(), "cancel "},
                                                     {ClosedUnread(), "cancel "}});
}

TEST(MetricRules, OperationalLevel) {
  v1::Target target = Measuring(v1::METRIC_OPERATIONAL_LEVEL);
  target.add_groups("network");
  target.add_groups("routers");
  ExpectHeld(target, {{Opened(), "stop "},
                      {AtWork(), "start "},
                      {HandedOn(), "stop "},
                      {Facts("state: STATE_NEW group: 'routers'"), "start "},
                      {Resolved(), "stop "}});
  // To leave the groups stops the clock; it does not take the ticket out of the target's sight.
  EXPECT_TRUE(CompileRules(target).selector.Holds(HandedOn().Now()));
}

TEST(MetricRules, UnderpinningContract) {
  ExpectHeld(Measuring(v1::METRIC_UNDERPINNING_CONTRACT), {{Opened(), "stop "},
                                                           {AwaitsUser(), "stop "},
                                                           {AwaitsVendor(), "start "},
                                                           {Resolved(), "stop "}});
}

TEST(MetricRules, NamedHasNoneOfItsOwn) {
  v1::Target target = Measuring(v1::METRIC_NAMED);
  ExpectHeld(target, {{Opened(), ""}, {AtWork(), ""}, {Answered(), ""}, {Resolved(), ""}});
  *target.mutable_start() = Is("group", {"network"});
  *target.mutable_stop() = Is("group", {"mail"});
  ExpectHeld(target, {{Opened(), ""}, {AtWork(), "start "}, {HandedOn(), "stop "}});
}

TEST(MetricRules, TargetsReplaceConditionsOneByOne) {
  v1::Target target = Measuring(v1::METRIC_FIRST_RESPONSE);
  *target.mutable_cancel() = Is("state", {"STATE_CLOSED"});
  *target.mutable_reset() = Is("event", {"reopened"});
  ExpectHeld(target, {{Resolved(), "stop start "}, {ClosedUnread(), "cancel start "}});
  Happened reopened = Opened();
  reopened.event = state::v1::TICKET_EVENT_KIND_REOPENED;
  ExpectHeld(target, {{reopened, "reset start "}});
  *target.mutable_start() = Is("group", {"network"});
  *target.mutable_stop() = Is("group", {"mail"});
  ExpectHeld(target, {{AtWork(), "start "}, {HandedOn(), "stop "}, {Resolved(), "start "}});
}

TEST(MetricRules, PausesByHoldReasonAndByCondition) {
  v1::Target target = Measuring(v1::METRIC_RESOLUTION);
  target.add_pause_on(tickets::v1::HOLD_REASON_USER);
  const Happened resumed = Facts("state: STATE_IN_PROGRESS hold_reason: HOLD_REASON_USER");
  ExpectHeld(target,
             {{AwaitsUser(), "pause start "}, {AwaitsVendor(), "start "}, {resumed, "start "}});
  *target.mutable_pause() = Is("group", {"mail"});
  ExpectHeld(target,
             {{AwaitsUser(), "pause start "}, {HandedOn(), "pause start "}, {AtWork(), "start "}});
  EXPECT_FALSE(CompileRules(target).has_resume);
  *target.mutable_resume() = Is("group", {"network"});
  const Rules rules = CompileRules(target);
  EXPECT_TRUE(rules.has_resume);
  EXPECT_TRUE(rules.resume.Holds(AtWork().Now()));
  EXPECT_FALSE(rules.resume.Holds(HandedOn().Now()));
}

TEST(MetricRules, WhatRepeats) {
  for (const v1::Metric metric :
       {v1::METRIC_NEXT_RESPONSE, v1::METRIC_OPERATIONAL_LEVEL, v1::METRIC_UNDERPINNING_CONTRACT}) {
    EXPECT_TRUE(CompileRules(Measuring(metric)).repeats) << metric;
  }
  for (const v1::Metric metric :
       {v1::METRIC_FIRST_RESPONSE, v1::METRIC_RESOLUTION, v1::METRIC_PERIODIC_UPDATE,
        v1::METRIC_FULFILMENT, v1::METRIC_NAMED}) {
    EXPECT_FALSE(CompileRules(Measuring(metric)).repeats) << metric;
  }
  v1::Target target = Measuring(v1::METRIC_NEXT_RESPONSE);
  target.set_repeats(false);
  EXPECT_FALSE(CompileRules(target).repeats);
  target = Measuring(v1::METRIC_NAMED);
  target.set_repeats(true);
  EXPECT_TRUE(CompileRules(target).repeats);
}

TEST(MetricRules, EverySelectorFieldNarrows) {
  const std::string matching =
      "type: TICKET_TYPE_INCIDENT state: STATE_NEW priority: PRIORITY_HIGH category: 'network' "
      "site: 'berlin' service: 'vpn' channel: CHANNEL_EMAIL vip: true tags: 'blue\\nred' "
      "group: 'network' impact: IMPACT_HIGH due_at: 7 ";
  const struct {
    const char* target;
    const char* other;  // facts it does not select
  } rows[] = {
      {"types: TICKET_TYPE_INCIDENT", "type: TICKET_TYPE_SERVICE_REQUEST"},
      {"priorities: PRIORITY_LOW priorities: PRIORITY_HIGH", "priority: PRIORITY_MODERATE"},
      {"categories: 'network'", "category: 'mail'"},
      {"sites: 'berlin' sites: 'bonn'", "site: ''"},
      {"services: 'vpn'", "service: 'vpn2'"},
      {"channels: CHANNEL_EMAIL", "channel: CHANNEL_PHONE"},
      {"vip: true", "vip: false"},
      {"tags: 'red' tags: 'green'", "tags: 'blue'"},
      {"groups: 'network'", "group: 'mail'"},
      {"when { compare { field: 'impact' operator: OPERATOR_IS values: 'IMPACT_HIGH' } }",
       "impact: IMPACT_LOW"},
      {"relative { due_date: true }", "due_at: 0"},
  };
  for (const auto& row : rows) {
    v1::Target target = Parsed<v1::Target>(row.target);
    target.set_metric(v1::METRIC_RESOLUTION);
    const CompiledCondition selector = CompileRules(target).selector;
    EXPECT_TRUE(selector.Holds(Facts(matching).Now())) << row.target;
    Happened other = Facts(matching);
    other.facts.MergeFrom(Parsed<state::v1::Facts>(row.other));
    EXPECT_FALSE(selector.Holds(other.Now())) << row.target;
    EXPECT_FALSE(selector.AsksForEvent());
  }
  EXPECT_TRUE(CompileRules(Measuring(v1::METRIC_RESOLUTION)).selector.Holds(Opened().Now()));
}

TEST(MetricRules, FulfilmentIsOfServiceRequestsUnlessTheTargetNamesTypes) {
  v1::Target target = Measuring(v1::METRIC_FULFILMENT);
  const Happened request = Facts("type: TICKET_TYPE_SERVICE_REQUEST");
  EXPECT_TRUE(CompileRules(target).selector.Holds(request.Now()));
  EXPECT_FALSE(CompileRules(target).selector.Holds(Opened().Now()));
  target.add_types(tickets::v1::TICKET_TYPE_INCIDENT);
  EXPECT_FALSE(CompileRules(target).selector.Holds(request.Now()));
  EXPECT_TRUE(CompileRules(target).selector.Holds(Opened().Now()));
}

// A name mistyped in a default would be found by nobody else.
TEST(MetricRules, DefaultsHaveNoFaults) {
  for (int metric = 1; v1::Metric_IsValid(metric); ++metric) {
    v1::Target target = Measuring(static_cast<v1::Metric>(metric));
    target.add_groups("network");
    target.add_pause_on(tickets::v1::HOLD_REASON_USER);
    target.add_priorities(tickets::v1::PRIORITY_HIGH);
    target.set_vip(true);
    const RuleConditions rules = ConditionsOf(target);
    for (const v1::Condition* condition :
         {&rules.selector, &rules.start, &rules.stop, &rules.reset, &rules.cancel, &rules.pause}) {
      if (condition->kind_case() == v1::Condition::KIND_NOT_SET) continue;
      if (condition->all().of().empty() && condition->has_all()) continue;  // always
      EXPECT_THAT(ConditionFaults(*condition, "c", condition != &rules.selector), IsEmpty())
          << v1::Metric_Name(metric) << " " << condition->ShortDebugString();
      SearchBudget budget;
      EXPECT_TRUE(CanHold(*condition, budget)) << condition->ShortDebugString();
    }
  }
}

TEST(ClockName, IsGivenOrTheMetricsOrTheTargets) {
  const std::pair<v1::Metric, const char*> rows[] = {
      {v1::METRIC_FIRST_RESPONSE, "first-response"},
      {v1::METRIC_RESOLUTION, "resolution"},
      {v1::METRIC_NEXT_RESPONSE, "next-response"},
      {v1::METRIC_PERIODIC_UPDATE, "periodic-update"},
      {v1::METRIC_FULFILMENT, "fulfilment"},
      {v1::METRIC_OPERATIONAL_LEVEL, "t"},
      {v1::METRIC_UNDERPINNING_CONTRACT, "t"},
      {v1::METRIC_NAMED, "t"}};
  for (const auto& [metric, name] : rows) {
    v1::Target target = Measuring(metric);
    EXPECT_EQ(ClockName(target), name);
    target.set_clock("given");
    EXPECT_EQ(ClockName(target), "given");
  }
}

}  // namespace
}  // namespace watchbell::sla::test
