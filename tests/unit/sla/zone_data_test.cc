// New zone data moves open deadlines, and says so.
#include "common/time/zone_data.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/sla/policy_move.h"
#include "tests/unit/sla/decider_desk.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace tv = tickets::v1;
namespace ev = events::v1;
using namespace test;

// The office in a zone that is an hour ahead of what it was.
Judge AnHourEarlier(const Bench& bench) {
  JudgeEra era = bench.judge().era(0);
  CalendarSpec spec = OfficeHours();
  spec.time_zone = "Etc/GMT-1";
  for (TargetHours& hours : era.hours) {
    if (hours.calendar != nullptr) hours.calendar = *BusinessCalendar::Compile(spec);
  }
  Judge judge;
  judge.Add(std::move(era));
  return judge;
}

std::vector<std::string> Recounted(const Judge& judge, state::v1::TicketClocks& ticket,
                                   absl::string_view at) {
  Happenings happened;
  RecountOpen(judge, ticket, At(at), happened);
  Settle(ticket, At(at), happened);
  std::vector<std::string> lines;
  for (const Happening& happening : happened) lines.push_back(Line(happening));
  return lines;
}

TEST(ZoneData, MovesOpenDeadlinesAndTellsEachMove) {
  const Bench bench({Business(WarnedAt(MakeTarget("solve", v1::METRIC_RESOLUTION, 600), {90}))});
  Life life(bench);
  life.Do("Mon 08:30", Opened(tv::PRIORITY_HIGH));
  EXPECT_EQ(life.Due(), "Tue 11:00");
  life.Told();
  EXPECT_THAT(Recounted(AnHourEarlier(bench), life.ticket, "Mon 13:00"),
              ElementsAre("Mon 13:00 resolution retargeted (zone data)"));
  EXPECT_EQ(life.Due(), "Tue 10:30");
}

TEST(ZoneData, TellsNothingIfNothingMoves) {
  const Bench bench({Business(MakeTarget("solve", v1::METRIC_RESOLUTION, 600)),
                     MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 600)});
  Life life(bench);
  life.Do("Mon 12:00", Opened(tv::PRIORITY_HIGH));
  life.Told();
  const std::string before = life.ticket.SerializeAsString();
  EXPECT_THAT(Recounted(bench.judge(), life.ticket, "Mon 13:00"), IsEmpty());
  EXPECT_EQ(life.ticket.SerializeAsString(), before);
}

TEST(ZoneData, LeavesBreachesPausesAndVerdictsAlone) {
  const Bench bench(
      {Business(PausedBy(MakeTarget("solve", v1::METRIC_RESOLUTION, 600), tv::HOLD_REASON_USER)),
       Business(MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 60))});
  Life life(bench);
  life.Do("Mon 12:00", Opened(tv::PRIORITY_HIGH));
  life.Do("Mon 14:00", Hold());
  life.Until("Mon 15:00");
  life.Told();
  EXPECT_THAT(Recounted(AnHourEarlier(bench), life.ticket, "Mon 15:00"), IsEmpty());
  ASSERT_EQ(life.Clock(v1::METRIC_FIRST_RESPONSE).breaches_size(), 1);
}

TEST(ZoneData, ADeadlineThatTurnsOutToHavePassedIsDueAtOnce) {
  const Bench bench({Business(WarnedAt(MakeTarget("solve", v1::METRIC_RESOLUTION, 60), {50}))});
  Life life(bench);
  life.Do("Mon 08:00", Opened(tv::PRIORITY_HIGH));
  EXPECT_EQ(life.Due(), "Mon 10:00");
  life.Until("Mon 09:20");
  life.Told();
  EXPECT_THAT(
      Recounted(AnHourEarlier(bench), life.ticket, "Mon 09:20"),
      ElementsAre("Mon 09:20 resolution retargeted (zone data)", "Mon 08:30 resolution warned 50%",
                  "Mon 09:00 resolution breached leg 1 due Mon 09:00"));
}

TEST(ZoneData, WarningsMoveAlsoIfTheDeadlineDoesNot) {
  // Noon to noon is eight hours in both; what lies in between is not.
  const Bench bench({Business(WarnedAt(MakeTarget("solve", v1::METRIC_RESOLUTION, 480), {60}))});
  Life life(bench);
  life.Do("Mon 12:00", Opened(tv::PRIORITY_HIGH));
  ASSERT_EQ(life.Due(), "Tue 12:00");
  ASSERT_EQ(Show(life.Clock().pending(0).at()), "Mon 16:48");
  life.Told();
  EXPECT_THAT(Recounted(AnHourEarlier(bench), life.ticket, "Mon 13:00"), IsEmpty());
  EXPECT_EQ(life.Due(), "Tue 12:00");
  EXPECT_EQ(Show(life.Clock().pending(0).at()), "Tue 08:48");
}

TEST(ZoneData, CountsWhatWasUsedAgainToo) {
  const Bench bench(
      {Business(PausedBy(MakeTarget("solve", v1::METRIC_RESOLUTION, 600), tv::HOLD_REASON_USER))});
  Life life(bench);
  life.Do("Mon 08:00", Opened(tv::PRIORITY_HIGH));
  life.Do("Mon 10:00", Hold());
  life.Do("Mon 11:00", Work());
  ASSERT_EQ(life.Due(), "Tue 12:00");
  life.Told();
  // One hour more before the pause, one less in the evening, one earlier in the morning.
  EXPECT_THAT(Recounted(AnHourEarlier(bench), life.ticket, "Mon 12:00"),
              ElementsAre("Mon 12:00 resolution retargeted (zone data)"));
  EXPECT_EQ(life.Due(), "Tue 11:00");
}

TEST(ZoneData, MovesRelativeDeadlines) {
  v1::Target target = Business(MakeTarget("solve", v1::METRIC_RESOLUTION, 0));
  target.clear_duration();
  target.mutable_relative()->set_end_of_business_day(1);
  const Bench bench({target});
  Life life(bench);
  life.Do("Mon 12:00", Opened(tv::PRIORITY_HIGH));
  EXPECT_EQ(life.Due(), "Tue 17:00");
  life.Told();
  EXPECT_THAT(Recounted(AnHourEarlier(bench), life.ticket, "Mon 13:00"),
              ElementsAre("Mon 13:00 resolution retargeted (zone data)"));
  EXPECT_EQ(life.Due(), "Tue 16:00");
}

class ZoneDataOfTickets : public DeciderDesk {};

TEST_F(ZoneDataOfTickets, IsKeptAndCountedAgainWithOnce) {
  SetUpStandard();
  const tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  Create(ticket);
  Heard();
  const auto key = TicketKey("default", "inc-1");
  EXPECT_EQ(desk.State<state::v1::TicketClocks>(key)->zone_data(), ZoneDataVersion());

  const SlaDecider next("2099a");
  engine::Input input;
  input.kind = engine::Input::Kind::kOutcome;
  input.identity.tenant = "default";
  input.now = T("2026-01-05T09:05:00Z");
  state::v1::RecountTicket recount;
  recount.set_ticket_id("inc-1");
  input.message = std::make_shared<state::v1::RecountTicket>(recount);
  EXPECT_THAT(next.Needs(input), ElementsAre(key));
  state::v1::RecountTicket unknown;
  unknown.set_ticket_id("inc-2");
  EXPECT_TRUE(desk.Outcome(unknown).ok());
  EXPECT_TRUE(desk.Outcome(recount).ok());
  EXPECT_THAT(Heard(), IsEmpty()) << "it is counted with this version";
}

TEST_F(ZoneDataOfTickets, ATimerOfOldDeadlinesCountsThemFirst) {
  SetUpStandard();
  Create(Ticket("2026-01-05T09:00:00Z"));
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T09:20:00Z")).ok());
  Heard();
  const auto key = TicketKey("default", "inc-1");
  state::v1::TicketClocks old = *desk.State<state::v1::TicketClocks>(key);
  old.set_zone_data("1990a");
  old.mutable_clocks(0)->set_due(absl::ToUnixMicros(T("2026-01-05T09:25:00Z")));
  desk.Store(key, old);
  ASSERT_EQ(desk.timers.size(), 1u);
  desk.timers.begin()->second = T("2026-01-05T09:25:00Z");
  ASSERT_TRUE(desk.AdvanceTo(T("2026-01-05T09:40:00Z")).ok());
  EXPECT_THAT(Heard(), ElementsAre("2026-01-05T09:25:00Z ClockRetargeted",
                                   "2026-01-05T09:30:00Z ClockBreached"));
  EXPECT_EQ(desk.State<state::v1::TicketClocks>(key)->zone_data(), ZoneDataVersion());
}

TEST_F(ZoneDataOfTickets, WhatGoesLiveIsCountedAgain) {
  SetUpStandard();
  tv::Ticket ticket = Ticket("2026-01-05T09:00:00Z");
  ticket.mutable_import()->set_historic(true);
  Create(ticket);
  const auto key = TicketKey("default", "inc-1");
  state::v1::TicketClocks old = *desk.State<state::v1::TicketClocks>(key);
  ASSERT_TRUE(old.historic());
  old.set_zone_data("1990a");
  old.mutable_clocks(1)->set_due(absl::ToUnixMicros(T("2026-01-05T12:00:00Z")));
  desk.Store(key, old);
  Heard();
  ticket.mutable_import()->set_historic(false);
  ev::TicketImportFinished finished;
  *finished.mutable_as_of() = ToProto(T("2026-01-05T09:10:00Z"));
  Hear(finished, ticket, "2026-01-05T09:10:00Z");
  EXPECT_EQ(desk.State<state::v1::TicketClocks>(key)->zone_data(), ZoneDataVersion());
  EXPECT_EQ(FromProto(Last<ev::ClockRetargeted>().clock().due_at()), T("2026-01-05T13:00:00Z"));
}

}  // namespace
}  // namespace watchbell::sla
