// What an explanation says of a clock, story by story.
#include "services/sla/explain/explain.h"

#include "absl/strings/str_join.h"
#include "common/base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/question.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

v1::Target Solve(const std::string& id, int minutes, std::vector<Priority> priorities = {}) {
  return PausedBy(MakeTarget(id, v1::METRIC_RESOLUTION, minutes, std::move(priorities)),
                  HOLD_REASON_USER);
}

std::vector<std::string> Lines(const v1::ClockExplanation& explanation) {
  std::vector<std::string> lines;
  for (const v1::ClockSegment& segment : explanation.segments()) lines.push_back(Line(segment));
  return lines;
}

std::vector<std::string> Lines(const google::protobuf::RepeatedPtrField<v1::TimeBurned>& burned) {
  std::vector<std::string> lines;
  for (const v1::TimeBurned& one : burned) {
    lines.push_back(absl::StrCat(one.value(), " ", Minutes(one.counted())));
  }
  return lines;
}

std::vector<std::string> Reasons(const v1::ClockExplanation& explanation) {
  std::vector<std::string> lines;
  for (const v1::TargetReason& reason : explanation.targets()) {
    lines.push_back(
        absl::StrCat(reason.target_id(), ": ", reason.applies() ? "applies" : reason.why_not()));
  }
  return lines;
}

TEST(ReadClockId, TakesThreeParts) {
  const auto id = ReadClockId("inc-1042/first-response/12");
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(id->ticket, "inc-1042");
  EXPECT_EQ(id->name, "first-response");
  EXPECT_EQ(id->cycle, 12);
}

TEST(ReadClockId, NamesTheFieldOfWhatIsMalformed) {
  for (const char* text : {"", "inc-1", "inc-1/a", "inc-1//1", "/a/1", "inc-1/a/", "inc-1/a/0",
                           "inc-1/a/-1", "inc-1/a/x", "inc-1/a/01", "inc-1/a/1/", "inc-1/a/b/1",
                           "inc-1/a/99999999999", "inc-1/a/ 1"}) {
    const auto id = ReadClockId(text);
    ASSERT_EQ(id.status().code(), absl::StatusCode::kInvalidArgument) << text;
    ASSERT_EQ(FieldViolations(id.status()).size(), 1u);
    EXPECT_EQ(FieldViolations(id.status())[0].field, "clock_id");
  }
}

TEST(Explain, UnknownClockIsNotFound) {
  Question ask({Solve("solve", 60)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  const auto code = [&](const std::string& name, int cycle) {
    return Explain(ask.judge, ask.ticket, {"inc-1", name, cycle}, At("Mon 10:00")).status().code();
  };
  EXPECT_EQ(code("resolution", 1), absl::StatusCode::kOk);
  EXPECT_EQ(code("resolution", 2), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("first-response", 1), absl::StatusCode::kNotFound);
}

TEST(Explain, SegmentsLeadFromTheStartToTheDeadline) {
  Question ask({Business(Solve("solve", 240))});
  ask.Do("Mon 15:30", Opened(PRIORITY_LOW)).Do("Mon 16:30", Held()).Do("Tue 10:00", Resumed());
  const auto told = ask.Ask("Tue 10:30");
  EXPECT_THAT(Lines(told),
              ElementsAre("Mon 15:30 - Mon 16:30 counted 60",
                          "Mon 16:30 - Tue 10:00 paused by held 2 at Mon 16:30 ACTOR_KIND_AGENT",
                          "Tue 10:00 - Tue 10:30 counted 30",
                          "Tue 10:30 - Tue 13:00 counted 150 expected"));
  EXPECT_EQ(told.segments(1).hold_reason(), HOLD_REASON_USER);
  EXPECT_EQ(Show(Micros(told.clock().due_at())), "Tue 13:00");
  EXPECT_EQ(Show(Micros(told.as_of())), "Tue 10:30");
  EXPECT_EQ(Minutes(told.counted().allowed()), 240);
  EXPECT_EQ(Minutes(told.counted().elapsed()), 90);
  EXPECT_EQ(Minutes(told.counted().remaining()), 150);
  EXPECT_EQ(told.counted().percent(), 37);  // 37.5
  EXPECT_EQ(Minutes(told.calendar().allowed()), 21 * 60 + 30);
  EXPECT_EQ(Minutes(told.calendar().elapsed()), 19 * 60);
  EXPECT_EQ(Minutes(told.calendar().remaining()), 150);
  EXPECT_EQ(told.calendar().percent(), 88);
}

TEST(Explain, OverdueClockGoesOnToNow) {
  Question ask({Business(Solve("solve", 60))});
  ask.Do("Mon 16:30", Opened(PRIORITY_LOW));
  const auto told = ask.Ask("Tue 10:00");
  EXPECT_THAT(Lines(told),
              ElementsAre("Mon 16:30 - Mon 17:00 counted 30", "Mon 17:00 - Tue 09:00 outside_hours",
                          "Tue 09:00 - Tue 09:30 counted 30", "Tue 09:30 - Tue 10:00 counted 30"));
  EXPECT_TRUE(told.clock().breached());  // though no timer has told so yet
  EXPECT_EQ(Minutes(told.counted().remaining()), -30);
  EXPECT_EQ(told.counted().percent(), 150);
}

TEST(Explain, HolidaysAreNamedAndBreaksAndOverridesShown) {
  Question ask({Business(Solve("solve", 10 * 60))});
  CalendarSpec spec = OfficeHours();
  spec.holidays.push_back({absl::CivilDay(2026, 1, 6), "Epiphany"});
  spec.overrides.push_back({absl::CivilDay(2026, 1, 7), {{9 * 60, 10 * 60}}});
  spec.breaks.push_back({absl::CivilDay(2026, 1, 8), {{9 * 60, 12 * 60}}});
  ask.Count(spec);
  ask.Do("Mon 12:00", Opened(PRIORITY_LOW));
  EXPECT_THAT(Lines(ask.Ask("Mon 12:00")),
              ElementsAre("Mon 12:00 - Mon 17:00 counted 300 expected",
                          "Mon 17:00 - Tue 09:00 outside_hours expected",
                          "Tue 09:00 - Tue 17:00 holiday (Epiphany) expected",
                          "Tue 17:00 - Wed 09:00 outside_hours expected",
                          "Wed 09:00 - Wed 10:00 counted 60 expected",
                          "Wed 10:00 - Wed 17:00 override expected",
                          "Wed 17:00 - Thu 09:00 outside_hours expected",
                          "Thu 09:00 - Thu 12:00 break expected",
                          "Thu 12:00 - Thu 16:00 counted 240 expected"));
}

TEST(Explain, ReopenedClockShowsWhatEndedIt) {
  Question ask({Solve("solve", 180)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW))
      .Do("Mon 10:00", Resolved())
      .Do("Mon 12:00", Reopened())
      .Do("Mon 13:00", Resolved());
  const auto told = ask.Ask("Tue 09:00");
  EXPECT_THAT(Lines(told), ElementsAre("Mon 09:00 - Mon 10:00 counted 60",
                                       "Mon 10:00 - Mon 12:00 not_running by resolved 2 at Mon "
                                       "10:00 ACTOR_KIND_AGENT",
                                       "Mon 12:00 - Mon 13:00 counted 60"));
  EXPECT_EQ(Minutes(told.counted().elapsed()), 120);
  EXPECT_EQ(Minutes(told.calendar().elapsed()), 240);
  EXPECT_THAT(told.priorities(), IsEmpty());
  EXPECT_THAT(told.pausing_hold_reasons(), IsEmpty());
}

TEST(Explain, ClockAttachedLateKnowsThePausesBeforeIt) {
  Question ask({Solve("solve", 300, {PRIORITY_HIGH})});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW))
      .Do("Mon 10:00", Held())
      .Do("Mon 10:30", GiveTo("net"))
      .Do("Mon 11:00", Resumed())
      .Do("Mon 12:00", Raise(PRIORITY_HIGH));
  const auto told = ask.Ask("Mon 12:30");
  EXPECT_THAT(Lines(told),
              ElementsAre("Mon 09:00 - Mon 10:00 counted 60",
                          "Mon 10:00 - Mon 10:30 paused by held 2 at Mon 10:00 ACTOR_KIND_AGENT",
                          "Mon 10:30 - Mon 11:00 paused by held 2 at Mon 10:00 ACTOR_KIND_AGENT",
                          "Mon 11:00 - Mon 12:30 counted 90",
                          "Mon 12:30 - Mon 15:00 counted 150 expected"));
  EXPECT_EQ(told.segments(1).group(), "");
  EXPECT_EQ(told.segments(2).group(), "net");
}

TEST(Explain, ClockTakenUpAgainKnowsThePausesInBetween) {
  Question ask({Solve("high", 300, {PRIORITY_HIGH})});
  ask.Do("Mon 09:00", Opened(PRIORITY_HIGH))
      .Do("Mon 10:00", Raise(PRIORITY_LOW))  // cancels
      .Do("Mon 11:00", Held())
      .Do("Mon 12:00", Resumed())
      .Do("Mon 13:00", Raise(PRIORITY_HIGH));
  EXPECT_THAT(Lines(ask.Ask("Mon 13:00")),
              ElementsAre("Mon 09:00 - Mon 11:00 counted 120",
                          "Mon 11:00 - Mon 12:00 paused by held 3 at Mon 11:00 ACTOR_KIND_AGENT",
                          "Mon 12:00 - Mon 13:00 counted 60",
                          "Mon 13:00 - Mon 15:00 counted 120 expected"));
}

TEST(Explain, ClockThatBeginsPausedNamesWhatBeganIt) {
  v1::Target ola = PausedBy(MakeTarget("ola", v1::METRIC_OPERATIONAL_LEVEL, 60), HOLD_REASON_USER);
  ola.add_groups("net");
  Question ask({ola});
  TicketInput given = Told(GiveTo("net"), state::v1::TICKET_EVENT_KIND_ASSIGNED);
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW)).Do("Mon 10:00", Held()).Do("Mon 11:00", given);
  const auto told = ask.Ask("Mon 12:00", "ola");
  EXPECT_THAT(Lines(told), ElementsAre("Mon 11:00 - Mon 12:00 paused by assigned 3 at Mon 11:00 "
                                       "ACTOR_KIND_AGENT"));
  EXPECT_EQ(told.segments(0).hold_reason(), HOLD_REASON_USER);
}

TEST(Explain, PauseOutlivesAChangeOfTarget) {
  Question ask({Solve("fast", 120, {PRIORITY_HIGH}), Solve("slow", 300)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW))
      .Do("Mon 10:00", Held())
      .Do("Mon 11:00", Raise(PRIORITY_HIGH));
  const auto told = ask.Ask("Mon 12:00");
  EXPECT_THAT(
      Lines(told),
      ElementsAre("Mon 09:00 - Mon 10:00 counted 60",
                  "Mon 10:00 - Mon 11:00 paused by held 2 at Mon 10:00 ACTOR_KIND_AGENT",
                  "Mon 11:00 - Mon 12:00 paused by held 2 at Mon 10:00 ACTOR_KIND_AGENT leg 2 "
                  "fast"));
  EXPECT_FALSE(told.clock().has_due_at());
  EXPECT_EQ(Minutes(told.counted().remaining()), 60);
  EXPECT_EQ(told.counted().percent(), 50);
  EXPECT_FALSE(told.calendar().has_allowed());
  EXPECT_FALSE(told.calendar().has_percent());
}

TEST(Explain, WhatARestartSetsAsideIsShownAndNotAddedUp) {
  v1::Target fast = Solve("fast", 120, {PRIORITY_HIGH});
  fast.set_on_rematch(v1::REMATCH_MODE_RESTART);
  Question ask({fast, Solve("slow", 300)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW)).Do("Mon 10:00", Raise(PRIORITY_HIGH));
  const auto told = ask.Ask("Mon 10:30");
  EXPECT_THAT(Lines(told), ElementsAre("Mon 09:00 - Mon 10:00 counted 60 set aside",
                                       "Mon 10:00 - Mon 10:30 counted 30 leg 2 fast",
                                       "Mon 10:30 - Mon 12:00 counted 90 leg 2 fast expected"));
  EXPECT_EQ(Minutes(told.counted().elapsed()), 30);
  EXPECT_THAT(Lines(told.by_group()), ElementsAre(" 30"));
}

TEST(Explain, TimeBurnedAddsUpByGroupAssigneeAndHoldReason) {
  Question ask({Solve("solve", 600)});
  TicketInput taken = GiveTo("desk");
  taken.mutable_change()->set_assignee("ana");
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW))
      .Do("Mon 09:10", taken)
      .Do("Mon 09:40", GiveTo("net"))
      .Do("Mon 10:00", Held(HOLD_REASON_USER))  // pauses
      .Do("Mon 11:00", Held(HOLD_REASON_VENDOR))
      .Do("Mon 13:00", GiveTo("desk"));
  const auto told = ask.Ask("Mon 13:01");
  EXPECT_THAT(Lines(told.by_group()), ElementsAre("net 140", "desk 31", " 10"));
  EXPECT_THAT(Lines(told.by_assignee()), ElementsAre("ana 171", " 10"));
  EXPECT_THAT(Lines(told.by_hold_reason()), ElementsAre("HOLD_REASON_VENDOR 121", " 60"));
  EXPECT_EQ(Minutes(told.counted().elapsed()), 181);
}

TEST(Explain, TargetsSayWhyTheyDoNotApply) {
  v1::Target vip = Solve("vip", 30);
  vip.set_vip(true);
  Question ask({Solve("high", 60, {PRIORITY_HIGH}), vip, Solve("low", 120, {PRIORITY_LOW}),
                Solve("any", 300), Solve("critical", 20, {PRIORITY_CRITICAL}),
                MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 15)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  EXPECT_THAT(
      Reasons(ask.Ask("Mon 09:30")),
      ElementsAre("high: priority is PRIORITY_LOW, not PRIORITY_HIGH",
                  "vip: vip is false, not true", "low: applies", "any: a target before it matched",
                  "critical: priority is PRIORITY_LOW, not PRIORITY_CRITICAL"));
  // Once it has ended, what it was last chosen by counts.
  ask.Do("Mon 10:00", Resolved()).Do("Mon 11:00", Raise(PRIORITY_HIGH));
  EXPECT_EQ(Reasons(ask.Ask("Mon 12:00"))[2], "low: applies");
}

TEST(Explain, CancelledForWantOfATargetSaysSo) {
  Question ask({Solve("high", 60, {PRIORITY_HIGH})});
  ask.Do("Mon 09:00", Opened(PRIORITY_HIGH)).Do("Mon 09:20", Raise(PRIORITY_LOW));
  const auto told = ask.Ask("Mon 09:30");
  EXPECT_THAT(Lines(told), ElementsAre("Mon 09:00 - Mon 09:20 counted 20"));
  EXPECT_THAT(Reasons(told), ElementsAre("high: priority is PRIORITY_LOW, not PRIORITY_HIGH"));
}

TEST(Explain, OtherPrioritiesAndHoldReasonsSayWhatTheyWouldDo) {
  Question ask({Solve("fast", 60, {PRIORITY_CRITICAL}), Solve("high", 120, {PRIORITY_HIGH}),
                PausedBy(Solve("low", 300, {PRIORITY_LOW}), HOLD_REASON_VENDOR)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  const auto told = ask.Ask("Mon 10:30");
  std::vector<std::string> outcomes;
  for (const v1::PriorityOutcome& outcome : told.priorities()) {
    outcomes.push_back(absl::StrCat(Priority_Name(outcome.priority()), " ", outcome.target_id(),
                                    " ", v1::ClockState_Name(outcome.state()), " ",
                                    outcome.has_due_at() ? Show(Micros(outcome.due_at())) : "never",
                                    outcome.breached() ? " breached" : ""));
  }
  EXPECT_THAT(outcomes, testing::UnorderedElementsAre(
                            "PRIORITY_CRITICAL fast CLOCK_STATE_RUNNING Mon 10:00 breached",
                            "PRIORITY_HIGH high CLOCK_STATE_RUNNING Mon 11:00",
                            "PRIORITY_MODERATE  CLOCK_STATE_CANCELLED never",
                            "PRIORITY_PLANNING  CLOCK_STATE_CANCELLED never"));
  EXPECT_THAT(told.pausing_hold_reasons(), ElementsAre(HOLD_REASON_USER, HOLD_REASON_VENDOR));
  EXPECT_EQ(told.clock().target_id(), "low");  // nothing of it has happened
}

// By an agent's hand, as a hold is made: that is a response.
TEST(Explain, AHoldThatStopsTheClockDoesNotPauseIt) {
  Question ask({PausedBy(MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 60), HOLD_REASON_VENDOR)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  EXPECT_THAT(ask.Ask("Mon 09:30", "first-response").pausing_hold_reasons(), IsEmpty());
}

TEST(Explain, ADueDateThatPassedInAGapIsUsedUp) {
  v1::Target target = MakeTarget("by-date", v1::METRIC_RESOLUTION, 0);
  target.clear_duration();
  target.mutable_relative()->set_due_date(true);
  Question ask({target});
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_due_at(At("Mon 14:00"));
  ask.Do("Mon 09:00", opened).Do("Mon 11:00", Resolved()).Do("Mon 15:00", Reopened());
  const v1::TimeUse use = ask.Ask("Mon 16:00").counted();
  EXPECT_EQ(Minutes(use.elapsed()), 180);
  EXPECT_EQ(Minutes(use.allowed()), 120) << "two hours counted until it was due";
  EXPECT_EQ(Minutes(use.remaining()), -60);
  EXPECT_EQ(use.percent(), 150);
}

TEST(Explain, ZoneSaysWhereItComesFrom) {
  v1::Target site = Business(Solve("solve", 60));
  site.set_zone_source(v1::ZONE_SOURCE_SITE);
  v1::Target requester = Business(Solve("solve", 60));
  requester.set_zone_source(v1::ZONE_SOURCE_REQUESTER);
  const auto zone = [](const v1::Target& target, const std::string& of_site,
                       const std::string& of_requester) {
    Question ask({target}, {{"lyon", "Europe/Paris"}});
    TicketInput opened = Opened(PRIORITY_LOW);
    opened.mutable_change()->set_site(of_site);
    opened.mutable_change()->set_requester_time_zone(of_requester);
    ask.Do("Mon 09:00", opened);
    const auto told = ask.Ask("Mon 09:00");
    return absl::StrCat(v1::ZoneOrigin_Name(told.zone_origin()), " ",
                        absl::StrJoin(told.time_zones(), ","));
  };
  EXPECT_EQ(zone(Solve("solve", 60), "lyon", ""), "ZONE_ORIGIN_UNSPECIFIED ");
  EXPECT_EQ(zone(Business(Solve("solve", 60)), "lyon", ""), "ZONE_ORIGIN_POLICY UTC");
  EXPECT_EQ(zone(site, "lyon", ""), "ZONE_ORIGIN_SITE Europe/Paris");
  EXPECT_EQ(zone(site, "rome", ""), "ZONE_ORIGIN_FALLBACK UTC");
  EXPECT_EQ(zone(requester, "lyon", "Asia/Tokyo"), "ZONE_ORIGIN_REQUESTER Asia/Tokyo");
  EXPECT_EQ(zone(requester, "lyon", ""), "ZONE_ORIGIN_FALLBACK UTC");
}

TEST(Explain, VersionsOfItsCalendarsAreNamed) {
  Question ask({Business(Solve("solve", 60))});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  const auto told = ask.Ask("Mon 09:00");
  ASSERT_EQ(told.calendars_size(), 1);
  EXPECT_EQ(told.calendars(0).calendar_id(), "office");
  EXPECT_EQ(told.calendars(0).version(), 1);
  Question all_time({Solve("solve", 60)});
  all_time.Do("Mon 09:00", Opened(PRIORITY_LOW));
  EXPECT_EQ(all_time.Ask("Mon 09:00").calendars_size(), 0);
}

TEST(Explain, AMoveToAnotherVersionIsALegWithItsOwnTarget) {
  const Bench next({PausedBy(MakeTarget("sooner", v1::METRIC_RESOLUTION, 90), HOLD_REASON_USER)});
  Question ask({Solve("solve", 240)});
  ask.judge.Add(next.judge().era(0));
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW)).Do("Mon 09:30", Held());
  TicketInput move;
  move.set_era(1);
  ask.Do("Mon 10:00", move).Do("Mon 10:30", Told(Work(), state::v1::TICKET_EVENT_KIND_RESUMED));
  const v1::ClockExplanation explained = ask.Ask("Mon 10:45");
  std::vector<std::string> lines;
  for (const v1::ClockSegment& segment : explained.segments()) lines.push_back(Line(segment));
  EXPECT_THAT(lines, ElementsAre("Mon 09:00 - Mon 09:30 counted 30",
                                 "Mon 09:30 - Mon 10:00 paused by held 2 at Mon 09:30 "
                                 "ACTOR_KIND_AGENT",
                                 "Mon 10:00 - Mon 10:30 paused by held 2 at Mon 09:30 "
                                 "ACTOR_KIND_AGENT leg 2 sooner",
                                 "Mon 10:30 - Mon 10:45 counted 15 leg 2 sooner",
                                 "Mon 10:45 - Mon 11:30 counted 45 leg 2 sooner expected"));
  EXPECT_THAT(Reasons(explained), ElementsAre("sooner: applies"));
}

TEST(Explain, ImportedTicketIsExplainedInItsOwnTime) {
  Question ask({Solve("solve", 60)});
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  ask.ticket.set_historic(true);
  ask.ticket.set_decided_before(At("Mon 09:40"));
  EXPECT_EQ(Show(Micros(ask.Ask("+Fri 12:00").as_of())), "Mon 09:40");
}

TEST(Explain, SegmentsAreAtMostTenThousand) {
  Question ask({Business(Solve("solve", 19 * 250 * 8 * 60))});
  CalendarSpec spec = OfficeHours();
  for (auto& day : spec.weekly) day.intervals = {{9 * 60, 13 * 60}, {14 * 60, 18 * 60}};
  ask.Count(spec);
  ask.Do("Mon 09:00", Opened(PRIORITY_LOW));
  const auto told = ask.Ask("Mon 12:00");
  EXPECT_TRUE(told.more_segments());
  EXPECT_EQ(told.segments_size(), 10'000);
  EXPECT_LT(told.ByteSizeLong(), 3'000'000u);
  EXPECT_EQ(Minutes(told.counted().elapsed()), 180);
}

}  // namespace
}  // namespace watchbell::sla::test
