// Clocks, previews and what-ifs as the command line prints them.
#include "services/watchbell/clock_text.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/watchbell/message_json.h"
#include "services/watchbell/running_clocks.h"
#include "services/watchbell/what_if.h"

namespace watchbell::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

template <typename Message>
Message Read(const std::string& json) {
  Message message;
  EXPECT_TRUE(ParseJson(json, &message).ok()) << json;
  return message;
}

TEST(ExplanationText, SaysAllThatIsToldOfAClock) {
  EXPECT_EQ(ExplanationText(Read<sla::v1::ClockExplanation>(R"({
      "clock": {"clock_id": "inc-7/resolution/1", "state": "CLOCK_STATE_RUNNING",
                "target_id": "solve", "policy_set_id": "desk", "policy_version": 3,
                "calendar_id": "office", "calendar_version": 2, "leg": 2,
                "started_at": "2026-01-05T15:30:00Z", "due_at": "2026-01-06T13:00:00Z",
                "leg_started_at": "2026-01-06T10:00:00Z",
                "earlier_breaches": 1},
      "as_of": "2026-01-06T10:30:00Z",
      "segments": [
        {"from": "2026-01-05T15:30:00Z", "to": "2026-01-05T16:30:00Z", "target_id": "solve",
         "kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "3600s"},
        {"from": "2026-01-05T16:30:00Z", "to": "2026-01-06T10:00:00Z", "target_id": "solve",
         "kind": "CLOCK_SEGMENT_KIND_PAUSED", "hold_reason": "HOLD_REASON_USER",
         "cause": {"event": "held", "at": "2026-01-05T16:30:00Z"}},
        {"from": "2026-01-06T10:30:00Z", "to": "2026-01-06T13:00:00Z", "target_id": "solve",
         "kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "9000s", "expected": true}],
      "counted": {"allowed": "14400s", "elapsed": "5400s", "remaining": "9000s", "percent": 37},
      "calendar": {"allowed": "3600s", "elapsed": "5400s", "remaining": "-1800s", "percent": 150},
      "time_zones": ["Europe/Rome"], "zone_origin": "ZONE_ORIGIN_SITE",
      "targets": [{"target_id": "high", "why_not": "priority is PRIORITY_LOW"},
                  {"target_id": "solve", "applies": true}],
      "priorities": [{"priority": "PRIORITY_HIGH", "target_id": "high", "breached": true,
                      "state": "CLOCK_STATE_RUNNING", "due_at": "2026-01-05T16:00:00Z"},
                     {"priority": "PRIORITY_PLANNING", "state": "CLOCK_STATE_CANCELLED"}],
      "pausing_hold_reasons": ["HOLD_REASON_USER", "HOLD_REASON_VENDOR"],
      "by_group": [{"value": "db", "counted": "3600s"}, {"counted": "1800s"}],
      "by_hold_reason": [{"counted": "5400s"}]})")),
            R"(inc-7/resolution/1: running, due 2026-01-06T13:00:00Z
  as of 2026-01-06T10:30:00Z, started 2026-01-05T15:30:00Z
  target solve of policy set desk version 3, leg 2 of the clock, since 2026-01-06T10:00:00Z
  calendar office version 2, in Europe/Rome (the site's zone)
  counted: 1 h 30 min of 4 h, 37 %; 2 h 30 min left
  all time: 1 h 30 min of 1 h, 150 %; 30 min over
  breached before, under earlier targets: 1

from                        to                          what           counted         target              why
2026-01-05T15:30:00Z        2026-01-05T16:30:00Z        counted        1 h             solve
2026-01-05T16:30:00Z        2026-01-06T10:00:00Z        paused         0 s             solve               since held at 2026-01-05T16:30:00Z, on hold for user
2026-01-06T10:30:00Z        2026-01-06T13:00:00Z        counted        2 h 30 min      solve               to come

Targets of this clock, by rank
  high: priority is PRIORITY_LOW
  solve: applies

What would change it now
  priority high: running, target high, due 2026-01-05T16:00:00Z, which is over
  priority planning: cancelled
  on hold for user or vendor: paused

Time counted
  by group: db 1 h, none 30 min
  by hold reason: none 1 h 30 min
)");
}

TEST(ClockStandsText, VerdictsRemaindersAndBreaches) {
  const auto stands = [](const std::string& json) {
    return ClockStandsText(Read<sla::v1::Clock>(json));
  };
  EXPECT_EQ(stands(R"({"state": "CLOCK_STATE_STOPPED", "verdict": "VERDICT_MISSED",
                       "breached": true, "due_at": "2026-01-05T16:00:00Z"})"),
            "stopped, missed, due 2026-01-05T16:00:00Z");
  EXPECT_EQ(stands(R"({"state": "CLOCK_STATE_PAUSED", "remaining": "-60s", "breached": true,
                       "breached_at": "2026-01-05T16:00:00Z"})"),
            "paused, -1 min left, breached at 2026-01-05T16:00:00Z");
  EXPECT_EQ(stands(R"({"state": "CLOCK_STATE_RUNNING", "due_at": "2026-01-05T16:00:00Z",
                       "breached": true, "breached_at": "2026-01-05T16:00:00Z"})"),
            "running, due 2026-01-05T16:00:00Z, breached at 2026-01-05T16:00:00Z");
}

TEST(ExplanationText, AWaiverSaysWhatItMakesOfTheMiss) {
  const auto told = [](const std::string& counts) {
    return ExplanationText(Read<sla::v1::ClockExplanation>(absl::StrCat(
        R"({"clock": {"clock_id": "inc-7/resolution/1", "state": "CLOCK_STATE_STOPPED",
            "verdict": "VERDICT_MISSED", "effective_verdict": ")",
        counts, R"(", "waiver": {"excused": "89s", "approved_by": "ana", "reason": "power cut",
            "approved_at": "2026-01-05T16:00:00Z"}}})")));
  };
  EXPECT_THAT(told("VERDICT_MET"), HasSubstr("\n  excused: 1 min 29 s by ana at "
                                             "2026-01-05T16:00:00Z: power cut; counts as met\n"));
  EXPECT_THAT(told("VERDICT_MISSED"), HasSubstr(": power cut; counts as missed still\n"));
}

TEST(ExplanationText, TheZoneOfTheCalendarIsItsOwn) {
  const auto told = [](const std::string& origin) {
    return ExplanationText(Read<sla::v1::ClockExplanation>(
        absl::StrCat(R"({"clock": {"calendar_id": "office", "calendar_version": 2},
                         "time_zones": ["Europe/Berlin"], "zone_origin": "ZONE_ORIGIN_)",
                     origin, "\"}")));
  };
  EXPECT_THAT(told("POLICY"), HasSubstr("in Europe/Berlin (the calendar's own zone)\n"));
  EXPECT_THAT(told("FALLBACK"), HasSubstr("in Europe/Berlin (the calendar's own zone: the "));
  EXPECT_THAT(told("REQUESTER"), HasSubstr("in Europe/Berlin (the requester's zone)\n"));
}

TEST(ExplanationText, ShortStretchesAddUp) {
  const std::string told = ExplanationText(Read<sla::v1::ClockExplanation>(R"({
      "segments": [{"kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "0.4s"},
                   {"kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "0.649999s"},
                   {"kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "12s"},
                   {"kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "59.960s"},
                   {"kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "61.5s"}],
      "counted": {"allowed": "12s", "elapsed": "13.05s", "remaining": "-1.05s", "percent": 108}})"));
  for (const char* span : {"0.4 s", "0.6 s", "12 s", "1 min", "1 min 1 s"}) {
    EXPECT_THAT(told, HasSubstr(absl::StrCat("counted        ", span, "\n"))) << told;
  }
  EXPECT_THAT(told, HasSubstr("counted: 13.1 s of 12 s, 108 %; 1.1 s over\n"));
}

TEST(ExplanationText, ColumnsNeverTouch) {
  const std::string told = ExplanationText(Read<sla::v1::ClockExplanation>(R"({
      "segments": [{"from": "2026-01-05T15:30:00.123456Z", "to": "2026-01-08T12:25:51.123456Z",
                    "kind": "CLOCK_SEGMENT_KIND_COUNTED", "counted": "248151s",
                    "target_id": "due"},
                   {"from": "2026-01-08T12:25:51.123456Z", "to": "2026-01-08T12:25:51.123456Z",
                    "kind": "CLOCK_SEGMENT_KIND_COUNTED", "expected": true,
                    "target_id": "second-line-of-the-desk"}]})"));
  EXPECT_THAT(told, HasSubstr("counted        68 h 55 min 51 s  due\n"));
  EXPECT_THAT(told,
              HasSubstr("counted        0 s               second-line-of-the-desk  to come\n"));
  EXPECT_THAT(told, HasSubstr("what           counted           target                   why\n"));
}

TEST(ExplanationText, OfNothingThereIsNoPercentage) {
  EXPECT_THAT(ExplanationText(Read<sla::v1::ClockExplanation>(R"({
                  "counted": {"allowed": "0s", "elapsed": "122s", "remaining": "-122s",
                              "percent": 100}})")),
              HasSubstr("  counted: 2 min 2 s of 0 s; 2 min 2 s over\n"));
}

TEST(PreviewedClocksText, OneClockAfterTheOther) {
  EXPECT_EQ(PreviewedClocksText(Read<sla::v1::PreviewClocksResponse>(R"({
      "policy_set_id": "desk", "clocks": [
        {"clock": {"clock": "resolution", "state": "CLOCK_STATE_RUNNING", "target_id": "solve",
                   "due_at": "2026-01-12T11:00:00Z"},
         "opens_at": "2026-01-12T09:00:00Z",
         "warnings": [{"percent": 50, "at": "2026-01-12T10:00:00Z"},
                      {"time_left": "900s", "at": "2026-01-12T10:45:00Z"}]}]})"),
                                {}),
            "by a draft of policy set desk: 1 clock\n"
            "resolution: running, due 2026-01-12T11:00:00Z, by solve\n"
            "  counts from 2026-01-12T09:00:00Z\n"
            "  warns at 2026-01-12T10:00:00Z, 50 % used\n"
            "  warns at 2026-01-12T10:45:00Z, 15 min left\n");
}

TEST(PreviewedClocksText, WhyThereAreNone) {
  EXPECT_EQ(PreviewedClocksText({}, {}), "no clocks: no policy set is in force\n");
  EXPECT_EQ(PreviewedClocksText(Read<sla::v1::PreviewClocksResponse>(
                                    R"({"policy_set_id": "desk", "policy_version": 3})"),
                                {}),
            "no clocks: no target of policy set desk version 3 selects the ticket\n");
}

TEST(PreviewedClocksText, AMissingPriorityIsToldWhereATicketWouldGetOne) {
  tickets::v1::Ticket ticket;
  ticket.set_impact(tickets::v1::IMPACT_HIGH);
  EXPECT_THAT(PreviewedClocksText({}, ticket), Not(HasSubstr("priority")));
  ticket.set_urgency(tickets::v1::URGENCY_HIGH);
  EXPECT_THAT(PreviewedClocksText({}, ticket), HasSubstr("\npriority is not given: "));
  ticket.set_priority(tickets::v1::PRIORITY_LOW);
  EXPECT_THAT(PreviewedClocksText({}, ticket), Not(HasSubstr("priority")));
}

// Answers page after page; tokens are their numbers.
template <typename Response>
CallSla Pages(std::vector<std::string> pages) {
  return [pages](const std::string&, const google::protobuf::Message& request,
                 google::protobuf::Message* response) {
    const auto* token = request.GetDescriptor()->FindFieldByName("page_token");
    const std::string at = request.GetReflection()->GetString(request, token);
    const size_t page = at.empty() ? 0 : static_cast<size_t>(std::stoi(at));
    auto* answer = static_cast<Response*>(response);
    *answer = Read<Response>(pages[page]);
    if (page + 1 < pages.size()) answer->set_next_page_token(absl::StrCat(page + 1));
    return absl::OkStatus();
  };
}

TEST(WhatIfText, CountsOfPagesAddUp) {
  const auto tally = AskWhatIf({}, Pages<sla::v1::WhatIfResponse>({R"({"tickets": 1500, "counts": [
      {"clock": "resolution", "priority": "PRIORITY_HIGH", "met_before": 1000, "met_after": 1003,
       "missed_before": 500, "missed_after": 497, "gained": 4, "lost": 1}],
      "changes": [{"ticket_id": "inc-1", "clock": "answer", "cycle": 1, "before": "VERDICT_MET",
                   "after": "VERDICT_MISSED"},
                  {"ticket_id": "inc-1", "clock": "resolution", "cycle": 2,
                   "before": "VERDICT_MISSED", "after": "VERDICT_MET"},
                  {"ticket_id": "inc-2", "external_id": "INC0000045", "clock": "answer",
                   "cycle": 1, "after": "VERDICT_MET"}]})",
                                                                   R"({"tickets": 2, "counts": [
      {"clock": "resolution", "priority": "PRIORITY_HIGH", "met_before": 1, "missed_after": 1,
       "lost": 1, "open_breached_after": 2},
      {"clock": "answer", "priority": "PRIORITY_LOW", "met_before": 1, "met_after": 1}],
      "changes": [{"ticket_id": "inc-3", "clock": "answer", "before": "VERDICT_MET"}]})"}));
  ASSERT_TRUE(tally.ok()) << tally.status();
  EXPECT_EQ(WhatIfText(*tally, {}),
            R"(1,502 tickets judged again

clock                   priority                     met            missed     open and over   gained     lost
answer                  low                        1 > 1             0 > 0             0 > 0        0        0
resolution              high               1,001 > 1,003         500 > 498             0 > 2        4        2

3 tickets with another verdict, 4 clocks:
  inc-1 answer met -> missed
  inc-1 resolution (cycle 2) missed -> met
  inc-2 (INC0000045) answer none -> met
  inc-3 answer met -> none
)");
}

TEST(WhatIfText, WithoutTickets) {
  const auto told = [](const std::string& asked) {
    return WhatIfText({}, Read<sla::v1::WhatIfRequest>(asked));
  };
  EXPECT_EQ(told("{}"), "there are no tickets\n");
  EXPECT_EQ(told(R"({"from": "2200-01-01T00:00:00Z"})"), "no ticket was opened then\n");
  EXPECT_EQ(told(R"({"to": "2000-01-01T00:00:00Z"})"), "no ticket was opened then\n");
  EXPECT_EQ(told(R"({"import_source": "nope"})"), "no ticket of the import nope is known\n");
  EXPECT_EQ(told(R"({"import_source": "nope", "to": "2000-01-01T00:00:00Z"})"),
            "no ticket of the import nope was opened then\n");
}

TEST(WhatIfText, OfManyChangedClocksTheFirstAreNamed) {
  sla::v1::WhatIfResponse page;
  page.set_tickets(30);
  for (int i = 0; i < 25; ++i) page.add_changes()->set_ticket_id(absl::StrCat("inc-", i));
  const auto tally = AskWhatIf({}, [&](const std::string& method, const auto&, auto* response) {
    EXPECT_EQ(method, "WhatIf");
    *static_cast<sla::v1::WhatIfResponse*>(response) = page;
    return absl::OkStatus();
  });
  ASSERT_TRUE(tally.ok());
  EXPECT_THAT(WhatIfText(*tally, {}), HasSubstr("25 tickets with another verdict, 25 clocks:\n"));
  EXPECT_THAT(WhatIfText(*tally, {}), HasSubstr("\n  inc-19 "));
  EXPECT_THAT(WhatIfText(*tally, {}), Not(HasSubstr("\n  inc-20 ")));
  EXPECT_THAT(WhatIfText(*tally, {}), HasSubstr("\n  and 5 more\n"));
}

TEST(RunningMovesText, PagesAddUpAndOnlyWhatChangesIsTold) {
  const auto call =
      Pages<sla::v1::ApplyPolicyVersionResponse>({R"({"tickets": 100, "moved_tickets": 2, "moves": [
         {"changed": true,
          "before": {"clock_id": "inc-1/resolution/1", "state": "CLOCK_STATE_PAUSED",
                     "remaining": "60s", "target_id": "a"},
          "after": {"clock_id": "inc-1/resolution/1", "state": "CLOCK_STATE_RUNNING",
                    "due_at": "2026-01-05T16:00:00Z", "target_id": "b"}},
         {"before": {"clock_id": "inc-2/resolution/1"}}]})",
                                                  R"({"tickets": 1, "moved_tickets": 1, "moves": [
         {"changed": true, "after": {"clock_id": "inc-3/answer/1", "target_id": "c",
                                     "state": "CLOCK_STATE_RUNNING"}}],
          "failed": ["inc-9: there is no calendar \"office\""]})"});
  RunningMoves moves;
  ASSERT_TRUE(ApplyToRunning({}, call, &moves).ok());
  EXPECT_EQ(RunningMovesText(moves, true),
            "open tickets: 101 looked at, 3 would be moved; 2 clocks would change\n"
            "  inc-1/resolution/1: paused, 1 min left, by a; then running, due "
            "2026-01-05T16:00:00Z, by b\n"
            "  inc-3/answer/1: not there; then running, by c\n"
            "  cannot be moved: inc-9: there is no calendar \"office\"\n");
  EXPECT_THAT(RunningMovesText(moves, false),
              StartsWith("open tickets: 101 looked at, 3 moved; 2 clocks changed\n"));
}

TEST(ExplanationText, AUnionsMembersAreNamedWithTheirVersions) {
  EXPECT_THAT(ExplanationText(Read<sla::v1::ClockExplanation>(
                  R"({"clock": {"calendar_id": "sun", "calendar_version": 1},
                      "calendars": [{"calendar_id": "sun", "version": 1},
                                    {"calendar_id": "berlin", "version": 2},
                                    {"calendar_id": "tokyo", "version": 1}]})")),
              HasSubstr("  calendar sun version 1 of berlin version 2, tokyo version 1, in "));
}

TEST(RunningMovesText, WhatWasDoneBeforeAnErrorIsKnown) {
  int calls = 0;
  const CallSla call = [&calls](const std::string&, const google::protobuf::Message&,
                                google::protobuf::Message* response) -> absl::Status {
    if (++calls == 2) return absl::UnavailableError("gone");
    auto* page = dynamic_cast<sla::v1::ApplyPolicyVersionResponse*>(response);
    page->set_tickets(100);
    page->set_moved_tickets(7);
    page->set_next_page_token("more");
    return absl::OkStatus();
  };
  RunningMoves moves;
  EXPECT_TRUE(absl::IsUnavailable(ApplyToRunning({}, call, &moves)));
  EXPECT_EQ(RunningMovesText(moves, false),
            "open tickets: 100 looked at, 7 moved; 0 clocks changed\n");
}

TEST(ClockMoveText, VersionsWhereTheyDiffer) {
  const auto told = [](const std::string& before, const std::string& after) {
    return ClockMoveText(Read<sla::v1::ClockMove>(absl::StrCat(
        R"({"before": {"clock_id": "inc-1/resolution/1", "state": "CLOCK_STATE_RUNNING",
             "target_id": "a", "policy_set_id": "desk", "policy_version": 1)",
        before, R"(}, "after": {"state": "CLOCK_STATE_RUNNING", "target_id": "b",
             "policy_set_id": "desk")",
        after, "}}")));
  };
  EXPECT_EQ(told("", R"(, "policy_version": 1)"),
            "inc-1/resolution/1: running, by a; then running, by b");
  EXPECT_EQ(told(R"(, "calendar_id": "office", "calendar_version": 1)",
                 R"(, "policy_version": 1, "calendar_id": "office", "calendar_version": 2)"),
            "inc-1/resolution/1: running, by a, calendar office version 1; then running, by b, "
            "calendar office version 2");
  EXPECT_EQ(told(R"(, "calendar_id": "office", "calendar_version": 1)", R"(, "policy_version": 2)"),
            "inc-1/resolution/1: running, by a of policy set desk version 1, calendar office "
            "version 1; then running, by b of policy set desk version 2, all time counts");
}

// A clock of 2 h that began at 09:00 and is moved at 10:00.
class ClockMoveRestartTest : public testing::Test {
 protected:
  ClockMoveRestartTest() {
    move_ = Read<sla::v1::ClockMove>(R"({
        "before": {"state": "CLOCK_STATE_RUNNING", "leg": 1, "elapsed": "0s",
                   "remaining": "7200s", "started_at": "2026-01-05T09:00:00Z",
                   "due_at": "2026-01-05T11:00:00Z"},
        "after": {"state": "CLOCK_STATE_RUNNING", "leg": 2, "target_id": "b", "elapsed": "0s",
                  "remaining": "7200s", "leg_started_at": "2026-01-05T10:00:00Z",
                  "due_at": "2026-01-05T12:00:00Z"}})");
  }
  sla::v1::Clock& before() { return *move_.mutable_before(); }
  sla::v1::Clock& after() { return *move_.mutable_after(); }
  bool SaysItRestarts() const { return absl::EndsWith(ClockMoveText(move_), ", counts from zero"); }

  sla::v1::ClockMove move_;
};

TEST_F(ClockMoveRestartTest, OfOneThatRanSinceItsLastChange) { EXPECT_TRUE(SaysItRestarts()); }

TEST_F(ClockMoveRestartTest, OfOneThatCountedBeforeItsLastChange) {
  before().set_state(sla::v1::CLOCK_STATE_PAUSED);
  before().clear_due_at();
  EXPECT_FALSE(SaysItRestarts()) << "it was paused from the start";
  before().mutable_elapsed()->set_seconds(60);
  EXPECT_TRUE(SaysItRestarts());
  after().set_state(sla::v1::CLOCK_STATE_PAUSED);
  EXPECT_TRUE(SaysItRestarts());
}

TEST_F(ClockMoveRestartTest, OfOneThatWasOver) {
  before().set_breached(true);
  before().mutable_elapsed()->set_seconds(7200);
  before().mutable_remaining()->set_seconds(0);
  EXPECT_TRUE(SaysItRestarts());
}

TEST_F(ClockMoveRestartTest, NotOfOneThatCarriesItsTimeOver) {
  after().mutable_elapsed()->set_seconds(3600);
  EXPECT_FALSE(SaysItRestarts());
  before().mutable_elapsed()->set_seconds(3700);
  EXPECT_FALSE(SaysItRestarts()) << "some of it was taken back";
}

// The deadline lies at least as far off as what is left: nothing need have been counted.
TEST_F(ClockMoveRestartTest, NotOfOneThatHasCountedNothingInClosedHours) {
  before().mutable_due_at()->set_seconds(after().leg_started_at().seconds() + 7200);
  EXPECT_FALSE(SaysItRestarts()) << "it begins to count now";
  before().mutable_due_at()->set_seconds(after().leg_started_at().seconds() + 70000);
  EXPECT_FALSE(SaysItRestarts()) << "it begins to count in the morning";
}

TEST_F(ClockMoveRestartTest, NotWithoutANewLegNorOfOneThatEnds) {
  after().set_leg(1);
  EXPECT_FALSE(SaysItRestarts());
  after().set_leg(2);
  after().set_state(sla::v1::CLOCK_STATE_STOPPED);
  EXPECT_FALSE(SaysItRestarts());
  after().set_state(sla::v1::CLOCK_STATE_CANCELLED);
  EXPECT_FALSE(SaysItRestarts());
}

}  // namespace
}  // namespace watchbell::cli
