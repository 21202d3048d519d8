// Faults of policy sets, all at once and by path.
#include "services/sla/policies/policy_check.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policies/condition.h"
#include "tests/unit/sla/moments.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

bool IsOffice(const std::string& calendar_id) { return calendar_id == "office"; }

std::vector<std::string> Faults(const v1::PolicySet& policy) {
  std::vector<std::string> lines;
  for (const FieldViolation& fault : PolicyFaults(policy, "p", IsOffice)) {
    lines.push_back(absl::StrCat(fault.field, ": ", fault.description));
  }
  return lines;
}

v1::Target Sound(const std::string& id = "t", v1::Metric metric = v1::METRIC_RESOLUTION) {
  v1::Target target;
  target.set_target_id(id);
  target.set_metric(metric);
  target.mutable_duration()->set_seconds(3600);
  target.set_basis(v1::TIME_BASIS_BUSINESS);
  target.set_calendar_id("office");
  return target;
}

v1::PolicySet SetOf(std::vector<v1::Target> targets) {
  v1::PolicySet policy;
  for (v1::Target& target : targets) *policy.add_targets() = std::move(target);
  return policy;
}

// A sound target with these fields of `text` instead of its own.
v1::PolicySet With(const std::string& text) {
  v1::Target target = Sound();
  const v1::Target change = Parsed<v1::Target>(text);
  if (change.has_relative() && !change.has_duration()) target.clear_duration();
  target.MergeFrom(change);
  return SetOf({target});
}

TEST(PolicyFaults, ASoundSetHasNone) {
  const auto policy = Parsed<v1::PolicySet>(R"(
    policy_set_id: "all"
    targets {
      target_id: "answer" metric: METRIC_FIRST_RESPONSE duration { seconds: 1 }
      basis: TIME_BASIS_BUSINESS calendar_id: "office" zone_source: ZONE_SOURCE_SITE
      types: TICKET_TYPE_INCIDENT priorities: PRIORITY_HIGH categories: "network" sites: "berlin"
      services: "vpn" channels: CHANNEL_EMAIL vip: true tags: "red" groups: "network"
      pause_on: HOLD_REASON_USER warn_percent: 1 warn_percent: 99
      warn_time_left { nanos: 999999000 } warn_time_left { nanos: 1000 }
      on_rematch: REMATCH_MODE_RESTART on_reopen: REOPEN_MODE_FROM_CREATION
      when { compare { field: "impact" operator: OPERATOR_IS_SET } }
      cancel { compare { field: "event" operator: OPERATOR_IS values: "closed" } }
    }
    targets {
      target_id: "solve" metric: METRIC_RESOLUTION basis: TIME_BASIS_BUSINESS calendar_id: "office"
      relative { business_days: 1000 }
      warn_time_left { seconds: 999999 } warn_time_left { seconds: 1 }
    }
    targets {
      target_id: "by-date" metric: METRIC_RESOLUTION basis: TIME_BASIS_CALENDAR clock: "date"
      relative { due_date: true }
    }
    targets {
      target_id: "network" metric: METRIC_OPERATIONAL_LEVEL groups: "network"
      duration { seconds: 630720000 } basis: TIME_BASIS_CALENDAR
    }
    targets {
      target_id: "own" metric: METRIC_NAMED duration { seconds: 60 } basis: TIME_BASIS_CALENDAR
      start { compare { field: "group" operator: OPERATOR_IS_SET } }
      stop { compare { field: "assignee" operator: OPERATOR_IS_SET } }
    }
    site_time_zones { key: "berlin" value: "Europe/Berlin" })");
  EXPECT_THAT(Faults(policy), IsEmpty());
  EXPECT_THAT(Faults(SetOf({Sound()})), IsEmpty());
}

TEST(PolicyFaults, OfOneTarget) {
  const struct {
    const char* change;
    std::vector<std::string> faults;  // as they begin
  } rows[] = {
      {"metric: 77", {"p.targets[0].metric: must be a known metric"}},
      {"types: 0 priorities: 77 channels: 0 pause_on: 77",
       {"p.targets[0].types[0]: must be a known ticket type",
        "p.targets[0].priorities[0]: must be a known priority",
        "p.targets[0].channels[0]: must be a known channel",
        "p.targets[0].pause_on[0]: must be a known hold reason"}},
      {"priorities: 1 priorities: 2 priorities: 1", {"p.targets[0].priorities[2]: is given twice"}},
      {"categories: '' sites: '' services: '' tags: '' groups: ''",
       {"p.targets[0].categories[0]: must not be empty", "p.targets[0].sites[0]: must not be",
        "p.targets[0].services[0]: must not be", "p.targets[0].tags[0]: must not be",
        "p.targets[0].groups[0]: must not be"}},
      {"sites: 'a' sites: 'a'", {"p.targets[0].sites[1]: \"a\" is given twice"}},
      {"tags: 'a\\nb'", {"p.targets[0].tags[0]: must be one line"}},
      {"metric: METRIC_OPERATIONAL_LEVEL", {"p.targets[0].groups: is required"}},
      {"metric: METRIC_NAMED", {"p.targets[0].start: is required", "p.targets[0].stop: is"}},
      {"duration { seconds: -3600 }", {"p.targets[0].duration: must be at least 1 s"}},
      {"duration { seconds: 630720001 }", {"p.targets[0].duration: must be at most 20 years"}},
      {"duration { seconds: 60 } relative { business_days: 1 }",
       {"p.targets[0].relative: must be left out where there is a duration"}},
      {"relative {}", {"p.targets[0].relative: needs one of business_days"}},
      {"relative { business_days: 0 }", {"p.targets[0].relative.business_days: must be 1 to 1000"}},
      {"relative { business_days: 1001 }", {"p.targets[0].relative.business_days: must be"}},
      {"relative { end_of_business_day: -1 }",
       {"p.targets[0].relative.end_of_business_day: must be 0 to 1000"}},
      {"relative { end_of_business_day: 1001 }",
       {"p.targets[0].relative.end_of_business_day: must be 0 to 1000"}},
      {"relative { due_date: false }", {"p.targets[0].relative.due_date: must be true"}},
      {"relative { due_date: true } pause_on: HOLD_REASON_USER "
       "pause { compare { field: 'site' operator: OPERATOR_IS_SET } } "
       "resume { compare { field: 'site' operator: OPERATOR_IS_NOT_SET } }",
       {"p.targets[0].pause_on: must be left out: the clock of a relative target cannot pause",
        "p.targets[0].pause: must be left out", "p.targets[0].resume: must be left out"}},
      {"basis: 77", {"p.targets[0].basis: must be BUSINESS or CALENDAR"}},
      {"calendar_id: 'moon'", {"p.targets[0].calendar_id: there is no calendar \"moon\""}},
      {"warn_percent: 0 warn_percent: 50 warn_percent: 50 warn_percent: 100",
       {"p.targets[0].warn_percent[0]: must be 1 to 99",
        "p.targets[0].warn_percent[2]: must be asc",
        "p.targets[0].warn_percent[3]: must be 1 to 99"}},
      {"warn_time_left { seconds: 3600 } warn_time_left { seconds: 60 } "
       "warn_time_left { seconds: 60 } warn_time_left {} warn_time_left { seconds: -1 }",
       {"p.targets[0].warn_time_left[0]: must be less than the duration",
        "p.targets[0].warn_time_left[2]: must be descending",
        "p.targets[0].warn_time_left[3]: must be more than 0",
        "p.targets[0].warn_time_left[4]: must be more than 0"}},
      {"zone_source: 77 on_rematch: 77 on_reopen: 77",
       {"p.targets[0].zone_source: must be a known mode", "p.targets[0].on_rematch: must be",
        "p.targets[0].on_reopen: must be"}},
      {"zone_source: ZONE_SOURCE_SITE", {"p.targets[0].zone_source: SITE needs the sites' zones"}},
      {"when { compare { field: 'event' operator: OPERATOR_IS values: 'commented' } }",
       {"p.targets[0].when.compare.field: \"event\" is of an event"}},
      {"start { compare { field: 'x' } }",
       {"p.targets[0].start.compare.field: there is no", "p.targets[0].start.compare.operator"}},
      {"stop {} reset {} cancel {} pause {} resume {}",
       {"p.targets[0].stop: needs one", "p.targets[0].reset: needs one",
        "p.targets[0].cancel: needs one", "p.targets[0].pause: needs one",
        "p.targets[0].resume: needs one"}},
      {"duration { seconds: 60 nanos: 1 }", {"p.targets[0].duration: must be whole microseconds"}},
      {"warn_time_left { seconds: 60 nanos: 999 }",
       {"p.targets[0].warn_time_left[0]: must be whole microseconds"}},
      {"stop { all { of { compare { field: 'vip' operator: OPERATOR_IS values: 'true' } } of { "
       "compare { field: 'vip' operator: OPERATOR_IS values: 'false' } } } }",
       {"p.targets[0].stop: can never hold: the clock would never stop"}},
      {"repeats: true", {"p.targets[0].repeats: must be left out: the start always holds"}},
      {"repeats: true start { compare { field: 'vip' operator: OPERATOR_IS values: 'true' } }", {}},
      {"resume { compare { field: 'event' operator: OPERATOR_IS values: 'commented' } }",
       {"p.targets[0].resume: must be left out where nothing pauses the clock"}},
      {"resume { compare { field: 'event' operator: OPERATOR_IS values: 'commented' } } "
       "pause_on: HOLD_REASON_USER",
       {}},
      {"pause { compare { field: 'event' operator: OPERATOR_IS values: 'commented' } }",
       {"p.targets[0].resume: is required where pause asks for an event"}},
  };
  for (const auto& row : rows) {
    std::vector<testing::Matcher<std::string>> expected;
    for (const std::string& fault : row.faults) expected.push_back(StartsWith(fault));
    EXPECT_THAT(Faults(With(row.change)), testing::ElementsAreArray(expected)) << row.change;
  }
}

TEST(PolicyFaults, WhatATargetNeeds) {
  EXPECT_THAT(Faults(v1::PolicySet()), ElementsAre("p.targets: at least one target is required"));
  v1::Target bare;
  bare.set_target_id("t");
  bare.set_metric(v1::METRIC_RESOLUTION);
  EXPECT_THAT(Faults(SetOf({bare})), ElementsAre(StartsWith("p.targets[0].duration: is required"),
                                                 StartsWith("p.targets[0].basis: must be")));
  v1::Target business = Sound();
  business.clear_calendar_id();
  business.set_zone_source(v1::ZONE_SOURCE_REQUESTER);
  EXPECT_THAT(Faults(SetOf({business})),
              ElementsAre("p.targets[0].calendar_id: is required with business time",
                          "p.targets[0].zone_source: must be left out without a calendar"));
  business = Sound();
  business.clear_calendar_id();
  business.clear_duration();
  business.set_basis(v1::TIME_BASIS_CALENDAR);
  business.mutable_relative()->set_end_of_business_day(0);
  EXPECT_THAT(Faults(SetOf({business})),
              ElementsAre("p.targets[0].basis: must be BUSINESS where business days are counted",
                          "p.targets[0].calendar_id: is required with business days"));
}

TEST(PolicyFaults, FaultsOfSeveralTargetsAtOnce) {
  v1::Target second = Sound("t");
  second.add_sites("a");
  second.mutable_duration()->set_seconds(0);
  second.mutable_when()->mutable_compare()->set_field("sit");
  v1::Target third = Sound("");
  third.set_metric(v1::METRIC_UNSPECIFIED);
  v1::PolicySet policy = SetOf({Sound("t"), second, third});
  (*policy.mutable_site_time_zones())["berlin"] = "Europe/Bonn";
  (*policy.mutable_site_time_zones())["tokyo"] = "Asia/Tokyo";
  (*policy.mutable_site_time_zones())[""] = "UTC";
  EXPECT_THAT(
      Faults(policy),
      ElementsAre("p.targets[1].when.compare.field: there is no field \"sit\", did you mean "
                  "\"site\"?",
                  "p.targets[1].when.compare.operator: is required",
                  "p.targets[1].duration: must be at least 1 s",
                  "p.targets[1].target_id: \"t\" is given twice",
                  "p.targets[2].target_id: is required",
                  "p.targets[2].metric: must be a known metric",
                  "p.site_time_zones[\"\"]: a site must not be empty",
                  "p.site_time_zones[\"berlin\"]: unknown time zone \"Europe/Bonn\""));
}

TEST(PolicyFaults, ASelectorThatCanNeverMatch) {
  EXPECT_THAT(
      Faults(With("sites: 'a' when { compare { field: 'site' operator: OPERATOR_IS_NOT "
                  "values: 'a' } }")),
      ElementsAre("p.targets[0].when: no ticket can ever match this and the target's lists"));
  EXPECT_THAT(Faults(With("when { compare { field: 'state' operator: OPERATOR_IS_NOT_SET } }")),
              ElementsAre("p.targets[0].when: no ticket can ever match this"));
  EXPECT_THAT(Faults(With("metric: METRIC_FULFILMENT when { compare { field: 'type' "
                          "operator: OPERATOR_IS values: 'TICKET_TYPE_INCIDENT' } }")),
              ElementsAre(StartsWith("p.targets[0].when: no ticket can ever match this and")));
  EXPECT_THAT(Faults(With("metric: METRIC_OPERATIONAL_LEVEL groups: 'a' when { compare { "
                          "field: 'group' operator: OPERATOR_IS values: 'b' } }")),
              ElementsAre(StartsWith("p.targets[0].when: no ticket can ever match this and")));
  EXPECT_THAT(Faults(With("relative { due_date: true } when { compare { field: 'due_at' "
                          "operator: OPERATOR_IS_NOT_SET } }")),
              ElementsAre(StartsWith("p.targets[0].when: no ticket can ever match this and")));
  EXPECT_THAT(Faults(With("start { none { of { any { of { compare { field: 'vip' operator: "
                          "OPERATOR_IS values: 'true' } } of { compare { field: 'vip' operator: "
                          "OPERATOR_IS values: 'false' } } } } } }")),
              ElementsAre("p.targets[0].start: can never hold: the clock would never begin"));
}

TEST(PolicyFaults, ATargetThatNoTicketReaches) {
  v1::Target narrow = Sound("narrow");
  narrow.add_priorities(tickets::v1::PRIORITY_HIGH);
  EXPECT_THAT(Faults(SetOf({narrow, Sound("rest")})), IsEmpty());
  EXPECT_THAT(Faults(SetOf({Sound("all"), narrow, Sound("rest")})),
              ElementsAre("p.targets[1]: can never be reached: targets[0], which has no selector, "
                          "comes first on the clock \"resolution\"",
                          StartsWith("p.targets[2]: can never be reached: targets[0]")));
  v1::Target beside = narrow;
  beside.set_clock("beside");
  EXPECT_THAT(Faults(SetOf({Sound("all"), beside})), IsEmpty());
  // One that selects is not weighed against those after it.
  v1::Target vip = Sound("vip");
  *vip.mutable_when() =
      Parsed<v1::Condition>("compare { field: 'vip' operator: OPERATOR_IS values: 'true' }");
  v1::Target vip_high = vip;
  vip_high.set_target_id("vip-high");
  vip_high.add_priorities(tickets::v1::PRIORITY_HIGH);
  EXPECT_THAT(Faults(SetOf({vip, vip_high})), IsEmpty());
  // Groups tell operational levels apart, each with a clock of its own.
  v1::Target mail = Sound("mail", v1::METRIC_OPERATIONAL_LEVEL);
  mail.set_clock("level");
  mail.add_groups("mail");
  v1::Target network = mail;
  network.set_target_id("network");
  network.set_groups(0, "network");
  EXPECT_THAT(Faults(SetOf({mail, network})),
              ElementsAre("p.targets[1].groups: must be those of targets[0], which gives the same "
                          "clock \"level\""));
  network.set_groups(0, "mail");
  EXPECT_THAT(Faults(SetOf({mail, network})),
              ElementsAre(StartsWith("p.targets[1]: can never be reached: targets[0]")));
  *mail.mutable_when() = vip.when();
  EXPECT_THAT(Faults(SetOf({mail, network})), IsEmpty());
  // A fulfilment target without a selector leaves what is no service request.
  v1::Target incidents = Sound("incidents", v1::METRIC_FULFILMENT);
  incidents.add_types(tickets::v1::TICKET_TYPE_INCIDENT);
  const v1::Target requests = Sound("requests", v1::METRIC_FULFILMENT);
  EXPECT_THAT(Faults(SetOf({requests, incidents})), IsEmpty());
  EXPECT_THAT(Faults(SetOf({requests, incidents, Sound("more", v1::METRIC_FULFILMENT)})),
              ElementsAre(StartsWith("p.targets[2]: can never be reached: targets[0]")));
}

TEST(PolicyFaults, TargetsOfOneClockMeasureTheSame) {
  v1::Target response = Sound("response", v1::METRIC_FIRST_RESPONSE);
  response.set_clock("resolution");
  v1::Target named = Sound("first-response", v1::METRIC_UNDERPINNING_CONTRACT);
  EXPECT_THAT(
      Faults(SetOf({Sound("solve"), response, Sound("answer", v1::METRIC_FIRST_RESPONSE), named})),
      ElementsAre("p.targets[1].clock: the clock \"resolution\" is given by targets[0], which has "
                  "another metric",
                  "p.targets[3].clock: the clock \"first-response\" is given by targets[2], which "
                  "has another metric"));
}

// One budget for all of a set: many conditions that are long to look through are as bad as one.
TEST(PolicyFaults, ConditionsThatTakeTooLongToLookThrough) {
  const auto slow = [](int target) {
    std::vector<v1::Condition> parts;
    for (int i = 0; i < 9; ++i) {
      const auto tag = [&](int k) { return Is("tags", {absl::StrCat(target, ".", i, ".", k)}); };
      parts.push_back(Any({tag(0), tag(1)}));
    }
    // Seen last, after every choice.
    const auto both = [](const char* field) { return All({Is(field, {"a"}), Is(field, {"b"})}); };
    parts.push_back(Any({both("site"), both("service")}));
    return All(parts);
  };
  std::vector<v1::Target> targets;
  for (int i = 0; i < 40; ++i) {
    targets.push_back(Sound(absl::StrCat("t", i)));
    *targets.back().mutable_when() = slow(i);
  }
  const std::vector<std::string> faults = Faults(SetOf(targets));
  ASSERT_GE(faults.size(), 2u);
  EXPECT_LT(faults.size(), 40u);
  EXPECT_EQ(faults[0], "p.targets[0].when: no ticket can ever match this");
  EXPECT_THAT(faults.back(), testing::HasSubstr("]: the conditions of the set, up to here, are too "
                                                "many"));
}

TEST(PolicyFaults, MostTargets) {
  std::vector<v1::Target> targets;
  for (int i = 0; i < 501; ++i) {
    targets.push_back(Sound(absl::StrCat("t", i)));
    targets.back().set_clock(targets.back().target_id());
  }
  EXPECT_THAT(Faults(SetOf(targets)), ElementsAre("p.targets: has 501 items, at most 500"));
  targets.pop_back();
  EXPECT_THAT(Faults(SetOf(targets)), IsEmpty());
}

}  // namespace
}  // namespace watchbell::sla::test
