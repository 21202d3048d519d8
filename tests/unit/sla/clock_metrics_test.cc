// What each metric measures, cycle by cycle, and what targets may say about it: modes, time left,
// conditions of their own.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policies/condition.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

constexpr auto kAgent = events::v1::ACTOR_KIND_AGENT;
constexpr auto kRequester = events::v1::ACTOR_KIND_REQUESTER;

v1::Target Solve(int minutes) { return MakeTarget("solve", v1::METRIC_RESOLUTION, minutes); }

v1::Target Team(const std::string& group, int minutes) {
  v1::Target target = MakeTarget(group, v1::METRIC_OPERATIONAL_LEVEL, minutes);
  target.add_groups(group);
  return target;
}

// --- next response: sla.md (c) 6, zammad#3140: the agent replied, and it escalated all the same
// ---

TEST(NextResponse, ReplyStopsItAndTheNextQuestionBeginsACycle) {
  Bench bench({MakeTarget("reply", v1::METRIC_NEXT_RESPONSE, 30)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  EXPECT_THAT(life.Told(), IsEmpty()) << "nobody has asked";
  life.Do("Mon 10:00", Say(kRequester));
  life.Do("Mon 10:10", Say(kRequester));  // the promise is for the first unanswered one
  life.Do("Mon 10:30", Say(kAgent));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:00 next-response attached",
                                       "Mon 10:30 next-response stopped met"));
  life.Do("Mon 11:00", Say(kRequester));
  life.Until("Mon 12:00");
  life.Do("Mon 12:00", Say(kAgent));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 11:00 next-response#2 attached",
                                       "Mon 11:30 next-response#2 breached leg 1 due Mon 11:30",
                                       "Mon 12:00 next-response#2 stopped missed"));
}

// chatwoot#10178: the customer's "thanks" after the resolution.
TEST(NextResponse, ThanksAfterTheResolutionStartsNothing) {
  Bench bench({MakeTarget("reply", v1::METRIC_NEXT_RESPONSE, 30)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:10", Resolve());
  life.Do("Mon 09:20", Say(kRequester));
  EXPECT_THAT(life.Told(), IsEmpty());
}

TEST(NextResponse, ResolvedWithoutAReplyCancels) {
  Bench bench({MakeTarget("reply", v1::METRIC_NEXT_RESPONSE, 30)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:05", Say(kRequester));
  life.Do("Mon 09:10", Resolve());
  life.Do("Mon 09:20", Reopen());
  life.Do("Mon 09:30", Say(kRequester));
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:05 next-response attached", "Mon 09:10 next-response cancelled",
                          "Mon 09:30 next-response#2 attached"));
}

TEST(NextResponse, AClockKeepsItsTimeOverAChangeOfPriority) {
  v1::Target high = MakeTarget("high", v1::METRIC_NEXT_RESPONSE, 30, {PRIORITY_HIGH});
  v1::Target low = MakeTarget("low", v1::METRIC_NEXT_RESPONSE, 120, {PRIORITY_LOW});
  Bench bench({high, low});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 10:00", Say(kRequester));
  life.Do("Mon 10:20", Raise(PRIORITY_HIGH));
  life.Until("Mon 11:00");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:00 next-response attached",
                                       "Mon 10:20 next-response retargeted (priority)",
                                       "Mon 10:30 next-response breached leg 2 due Mon 10:30"));
}

// --- periodic update ---

TEST(PeriodicUpdate, EachUpdateEndsACycleAndBeginsTheNext) {
  Bench bench({MakeTarget("update", v1::METRIC_PERIODIC_UPDATE, 240)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 12:00", Say(kAgent));
  life.Until("Mon 17:00");
  life.Do("Mon 17:00", Say(kAgent));
  life.Do("Mon 18:00", Resolve());
  EXPECT_THAT(
      life.Told(),
      ElementsAre("Mon 09:00 periodic-update attached", "Mon 12:00 periodic-update stopped met",
                  "Mon 12:00 periodic-update#2 attached",
                  "Mon 16:00 periodic-update#2 breached leg 1 due Mon 16:00",
                  "Mon 17:00 periodic-update#2 stopped missed",
                  "Mon 17:00 periodic-update#3 attached", "Mon 18:00 periodic-update#3 cancelled"));
}

// --- fulfilment, OLA, underpinning contract, named ---

TEST(Fulfilment, IsOfServiceRequests) {
  Bench bench({MakeTarget("deliver", v1::METRIC_FULFILMENT, 60)});
  Life incident(bench);
  TicketInput opened = Opened(PRIORITY_LOW);
  opened.mutable_change()->set_type(TICKET_TYPE_INCIDENT);
  incident.Do("Mon 09:00", opened);
  EXPECT_THAT(incident.Told(), IsEmpty());
  Life request(bench);
  opened.mutable_change()->set_type(TICKET_TYPE_SERVICE_REQUEST);
  request.Do("Mon 09:00", opened);
  request.Do("Mon 09:30", Resolve());
  EXPECT_THAT(request.Told(),
              ElementsAre("Mon 09:00 fulfilment attached", "Mon 09:30 fulfilment stopped met"));
}

TEST(OperationalLevel, EachGroupHasItsOwnClockEachTimeItHasTheTicket) {
  Bench bench({Team("net", 60), Team("desk", 30), Solve(600)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:10", GiveTo("net"));
  life.Do("Mon 09:50", GiveTo("desk"));
  life.Do("Mon 10:10", GiveTo("net"));
  life.Until("Mon 11:30");
  life.Do("Mon 11:30", Resolve());
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:10 net attached",
                          "Mon 09:50 net stopped met", "Mon 09:50 desk attached",
                          "Mon 10:10 net#2 attached", "Mon 10:10 desk stopped met",
                          "Mon 11:10 net#2 breached leg 1 due Mon 11:10",
                          "Mon 11:30 resolution stopped met", "Mon 11:30 net#2 stopped missed"));
}

TEST(UnderpinningContract, RunsWhileTheVendorHasIt) {
  Bench bench({MakeTarget("acme", v1::METRIC_UNDERPINNING_CONTRACT, 60),
               PausedBy(Solve(120), HOLD_REASON_VENDOR)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:30", Hold(HOLD_REASON_VENDOR));
  life.Until("Mon 10:45");
  life.Do("Mon 10:45", Work());
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:30 resolution paused",
                          "Mon 09:30 acme attached", "Mon 10:30 acme breached leg 1 due Mon 10:30",
                          "Mon 10:45 resolution resumed", "Mon 10:45 acme stopped missed"));
}

TEST(Named, GoesByItsOwnConditions) {
  v1::Target target = MakeTarget("assign", v1::METRIC_NAMED, 15);
  target.set_clock("time-to-own");
  *target.mutable_start() = Always();
  *target.mutable_stop() = IsSet("assignee");
  Bench bench({target});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  TicketInput taken;
  taken.mutable_change()->set_assignee("ana");
  life.Do("Mon 09:10", taken);
  TicketInput given_back;
  given_back.mutable_change()->set_assignee("");
  life.Do("Mon 09:20", given_back);
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 time-to-own attached", "Mon 09:10 time-to-own stopped met"))
      << "what was met stays met";
}

// sla.md (b) 18; semantics section 3: the first true of stop, reset, cancel, pause, resume.
TEST(Conditions, TheFirstThatHoldsDecides) {
  v1::Target target = MakeTarget("x", v1::METRIC_NAMED, 600);
  *target.mutable_start() = Always();
  *target.mutable_stop() = Is("tags", {"stop"});
  *target.mutable_reset() = Is("tags", {"reset"});
  *target.mutable_cancel() = Is("tags", {"cancel"});
  *target.mutable_pause() = Is("tags", {"pause"});
  *target.mutable_resume() = Is("tags", {"resume"});
  Bench bench({target});
  const auto after = [&](const std::string& tags) {
    Life life(bench);
    life.Do("Mon 09:00", Opened(PRIORITY_LOW));
    life.Told();
    TicketInput input;
    input.mutable_change()->set_tags(tags);
    life.Do("Mon 10:00", input);
    return life.Told();
  };
  EXPECT_THAT(after("cancel\npause\nreset\nresume\nstop"), ElementsAre("Mon 10:00 x stopped met"));
  EXPECT_THAT(after("pause\nreset\nresume"),
              ElementsAre("Mon 10:00 x stopped met", "Mon 10:00 x#2 attached"));
  EXPECT_THAT(after("cancel\nreset"), ElementsAre("Mon 10:00 x stopped met"))
      << "what is cancelled at once does not begin anew";
  EXPECT_THAT(after("cancel\npause\nresume"), ElementsAre("Mon 10:00 x cancelled"));
  EXPECT_THAT(after("pause\nresume"), ElementsAre("Mon 10:00 x paused"));
  EXPECT_THAT(after("resume"), IsEmpty());
}

TEST(Conditions, APauseByEventLastsUntilItsOwnResume) {
  v1::Target target = Solve(60);
  *target.mutable_pause() =
      All({Is("event", {"commented"}), Is("event_actor", {"ACTOR_KIND_AGENT"})});
  *target.mutable_resume() = Is("event_actor", {"ACTOR_KIND_REQUESTER"});
  Bench bench({target});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:20", Say(kAgent));
  life.Do("Mon 09:30", Raise(PRIORITY_HIGH));
  life.Do("Mon 11:20", Say(kRequester));
  life.Until("Mon 13:00");
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution attached", "Mon 09:20 resolution paused",
                          "Mon 11:20 resolution resumed",
                          "Mon 12:00 resolution breached leg 1 due Mon 12:00"));
}

// --- another target: sla.md (b) 20 ---

TEST(RematchMode, RestartCountsFromZero) {
  v1::Target high = MakeTarget("high", v1::METRIC_RESOLUTION, 60, {PRIORITY_HIGH});
  high.set_on_rematch(v1::REMATCH_MODE_RESTART);
  v1::Target low = WarnedAt(MakeTarget("low", v1::METRIC_RESOLUTION, 120, {PRIORITY_LOW}), {50});
  Bench bench({WarnedAt(high, {50}), low});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 10:30", Raise(PRIORITY_HIGH));
  life.Until("Mon 12:00");
  EXPECT_THAT(
      life.Told(),
      ElementsAre("Mon 09:00 resolution attached", "Mon 10:00 resolution warned 50%",
                  "Mon 10:30 resolution retargeted (priority)", "Mon 11:00 resolution warned 50%",
                  "Mon 11:30 resolution breached leg 2 due Mon 11:30"));
  EXPECT_EQ(life.ElapsedMinutes(), 60);
}

TEST(RematchMode, RestartAfterAGapCountsFromTheMatch) {
  v1::Target high = MakeTarget("high", v1::METRIC_RESOLUTION, 600, {PRIORITY_HIGH});
  v1::Target top = MakeTarget("top", v1::METRIC_RESOLUTION, 60, {PRIORITY_CRITICAL});
  top.set_on_rematch(v1::REMATCH_MODE_RESTART);
  Bench bench({high, top});
  Life life(bench);
  life.Do("Mon 10:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 11:00", Raise(PRIORITY_LOW));
  life.Do("Mon 13:00", Raise(PRIORITY_CRITICAL));
  EXPECT_EQ(life.Due(), "Mon 14:00");
}

// --- thresholds of time left ---

TEST(TimeLeft, WarnsInTheTargetsOwnTime) {
  v1::Target target = Business(Solve(240));  // from Mon 15:00: due Tue 11:00
  target.add_warn_time_left()->set_seconds(3 * 3600);
  target.add_warn_time_left()->set_seconds(1800);
  Bench bench({WarnedAt(target, {50})});
  Life life(bench);
  life.Do("Mon 15:00", Opened(PRIORITY_LOW));
  life.Until("Tue 12:00");
  EXPECT_THAT(
      life.Told(),
      ElementsAre("Mon 15:00 resolution attached", "Mon 16:00 resolution warned 180 min left",
                  "Mon 17:00 resolution warned 50%", "Tue 10:30 resolution warned 30 min left",
                  "Tue 11:00 resolution breached leg 1 due Tue 11:00"));
}

}  // namespace
}  // namespace watchbell::sla::test
