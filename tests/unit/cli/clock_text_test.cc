// Clocks, previews and what-ifs as the command line prints them.
#include "services/watchbell/clock_text.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "services/watchbell/message_json.h"
#include "services/watchbell/running_clocks.h"
#include "services/watchbell/what_if.h"

namespace watchbell::cli {
namespace {

using ::testing::HasSubstr;
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
                "started_at": "2026-01-05T15:30:00Z", "due_at": "2026-01-06T13:00:00Z"},
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
  target solve of policy set desk version 3, the clock's 2. target
  calendar office version 2, in Europe/Rome (zone of the site)
  counted: 1 h 30 min of 4 h, 37 %; 2 h 30 min left
  all time: 1 h 30 min of 1 h, 150 %; 30 min over

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
  EXPECT_EQ(stands(R"({"state": "CLOCK_STATE_PAUSED", "remaining": "-60s", "breached": true})"),
            "paused, -1 min left, which is over");
}

TEST(PreviewedClocksText, OneClockAfterTheOther) {
  EXPECT_EQ(PreviewedClocksText(Read<sla::v1::PreviewClocksResponse>(R"({
      "policy_set_id": "desk", "clocks": [
        {"clock": {"clock": "resolution", "state": "CLOCK_STATE_RUNNING", "target_id": "solve",
                   "due_at": "2026-01-12T11:00:00Z"},
         "opens_at": "2026-01-12T09:00:00Z",
         "warnings": [{"percent": 50, "at": "2026-01-12T10:00:00Z"},
                      {"at": "2026-01-12T10:45:00Z"}]}]})")),
            "by a draft of policy set desk: 1 clock\n"
            "resolution: running, due 2026-01-12T11:00:00Z, by solve\n"
            "  counts from 2026-01-12T09:00:00Z\n"
            "  warns at 2026-01-12T10:00:00Z, 50 % used\n"
            "  warns at 2026-01-12T10:45:00Z\n");
  EXPECT_EQ(PreviewedClocksText({}), "no policy set would judge the ticket\n");
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
      "changes": [{"ticket_id": "inc-1"}, {"ticket_id": "inc-1"}, {"ticket_id": "inc-2"}]})",
                                                                   R"({"tickets": 2, "counts": [
      {"clock": "resolution", "priority": "PRIORITY_HIGH", "met_before": 1, "missed_after": 1,
       "lost": 1, "open_breached_after": 2},
      {"clock": "answer", "priority": "PRIORITY_LOW", "met_before": 1, "met_after": 1}],
      "changes": [{"ticket_id": "inc-3"}]})"}));
  ASSERT_TRUE(tally.ok()) << tally.status();
  EXPECT_EQ(WhatIfText(*tally),
            R"(1,502 tickets judged again

clock                   priority                     met            missed     open and over   gained     lost
answer                  low                        1 > 1             0 > 0             0 > 0        0        0
resolution              high               1,001 > 1,003         500 > 498             0 > 2        4        2

3 tickets with another verdict: inc-1, inc-2, inc-3
)");
}

TEST(WhatIfText, OfManyChangedTicketsTheFirstAreNamed) {
  sla::v1::WhatIfResponse page;
  for (int i = 0; i < 25; ++i) page.add_changes()->set_ticket_id(absl::StrCat("inc-", i));
  const auto tally = AskWhatIf({}, [&](const std::string& method, const auto&, auto* response) {
    EXPECT_EQ(method, "WhatIf");
    *static_cast<sla::v1::WhatIfResponse*>(response) = page;
    return absl::OkStatus();
  });
  ASSERT_TRUE(tally.ok());
  EXPECT_THAT(WhatIfText(*tally), HasSubstr("25 tickets with another verdict: inc-0, "));
  EXPECT_THAT(WhatIfText(*tally), HasSubstr("inc-19 and 5 more\n"));
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
                                     "state": "CLOCK_STATE_RUNNING"}}]})"});
  const auto moves = ApplyToRunning({}, call);
  ASSERT_TRUE(moves.ok()) << moves.status();
  EXPECT_EQ(RunningMovesText(*moves, true),
            "open tickets: 101 looked at, 3 would be moved; 2 clocks would change\n"
            "  inc-1/resolution/1: paused, 1 min left, by a; then running, due "
            "2026-01-05T16:00:00Z, by b\n"
            "  inc-3/answer/1: not there; then running, by c\n");
  EXPECT_THAT(RunningMovesText(*moves, false),
              StartsWith("open tickets: 101 looked at, 3 moved; 2 clocks changed\n"));
}

}  // namespace
}  // namespace watchbell::cli
