// Event time decides: what is heard late corrects what was told, and the order of arrival leaves no
// trace.
#include "services/sla/clocks/late_inputs.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sla/desk.h"

namespace watchbell::sla::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace watchbell::tickets::v1;  // NOLINT: priorities and hold reasons by their names

v1::Target Solve(int minutes, std::vector<Priority> priorities = {}) {
  return PausedBy(
      MakeTarget(absl::StrCat("solve-", minutes), v1::METRIC_RESOLUTION, minutes, priorities),
      HOLD_REASON_USER);
}

TEST(LateInputs, StopAtDueAfterTheFiringWithdrawsTheBreach) {
  Bench bench({MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 30)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Until("Mon 09:31");
  life.Told();
  life.Do("Mon 09:30", Respond());
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:30 response withdrawn leg 1 (stopped in time)",
                                       "Mon 09:30 response stopped met"));
}

TEST(LateInputs, StopAfterDueHeardLateLeavesTheBreach) {
  Bench bench({MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 30), Solve(300)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 10:00", Hold());
  life.Told();
  life.Do("Mon 09:45", Respond());
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:45 response stopped missed"));
}

TEST(LateInputs, HoldDatedBeforeAFiredBreachWithdrawsIt) {
  Bench bench({Solve(60)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Until("Mon 10:01");
  life.Told();
  life.Do("Mon 09:50", Hold());
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:50 resolution withdrawn leg 1 (paused in time)",
                                       "Mon 09:50 resolution paused"));
  life.Do("Mon 11:00", Work());
  EXPECT_EQ(life.Due(), "Mon 11:10");
  life.Until("Mon 11:11");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 11:00 resolution resumed",
                                       "Mon 11:10 resolution breached leg 1 due Mon 11:10"));
}

TEST(LateInputs, WarningIsNotToldAgain) {
  Bench bench({WarnedAt(Solve(60), {80})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Until("Mon 09:55");
  life.Do("Mon 09:40", Hold());
  life.Told();
  life.Do("Mon 10:00", Work());
  life.Until("Mon 11:00");
  EXPECT_THAT(life.Told(), ElementsAre("Mon 10:00 resolution resumed",
                                       "Mon 10:20 resolution breached leg 1 due Mon 10:20"));
}

TEST(LateInputs, VerdictIsRestated) {
  Bench bench({MakeTarget("answer", v1::METRIC_FIRST_RESPONSE, 30)});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_LOW));
  life.Do("Mon 09:40", Respond());
  life.Told();
  life.Do("Mon 09:20", Respond());
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:20 response withdrawn leg 1 (stopped in time)",
                                       "Mon 09:20 response stopped met restated"));
}

TEST(LateInputs, LatePriorityKeepsWhatWasTrueInBetween) {
  Bench bench({Solve(60, {PRIORITY_HIGH}), Solve(240, {PRIORITY_LOW})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:30", Resolve());
  EXPECT_EQ(life.Clock().verdict(), v1::VERDICT_MISSED);
  life.Told();
  life.Do("Mon 09:30", Raise(PRIORITY_LOW));
  EXPECT_THAT(life.Told(), ElementsAre("Mon 09:30 resolution withdrawn leg 1 (stopped in time)",
                                       "Mon 10:30 resolution stopped met restated"));
  EXPECT_EQ(life.Clock().leg(), 2);
}

TEST(LateInputs, LateInputThatLeavesNoMatchCancels) {
  Bench bench({Solve(60, {PRIORITY_HIGH})});
  Life life(bench);
  life.Do("Mon 09:00", Opened(PRIORITY_HIGH));
  life.Do("Mon 10:30", Hold());
  life.Told();
  life.Do("Mon 09:00", Raise(PRIORITY_LOW));
  EXPECT_THAT(life.Told(),
              ElementsAre("Mon 09:00 resolution withdrawn leg 1 (an earlier input was heard late)",
                          "Mon 09:00 resolution cancelled"));
}

class RandomLives {
 public:
  explicit RandomLives(uint32_t seed) : random_(seed) {}
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  std::vector<v1::Target> Targets() {
    std::vector<v1::Target> targets;
    for (int i = 0; i < 8; ++i) {
      static constexpr v1::Metric kKinds[] = {
          v1::METRIC_RESOLUTION,     v1::METRIC_RESOLUTION,           v1::METRIC_FIRST_RESPONSE,
          v1::METRIC_NEXT_RESPONSE,  v1::METRIC_PERIODIC_UPDATE,      v1::METRIC_OPERATIONAL_LEVEL,
          v1::METRIC_FIRST_RESPONSE, v1::METRIC_UNDERPINNING_CONTRACT};
      v1::Target target = MakeTarget(absl::StrCat("t", i), kKinds[Below(8)], 5 + Below(300));
      if (target.metric() == v1::METRIC_OPERATIONAL_LEVEL) target.add_groups("net");
      target.set_on_reopen(static_cast<v1::ReopenMode>(Below(3)));
      target.set_on_rematch(static_cast<v1::RematchMode>(Below(2)));
      if (Below(4) == 0) target.add_warn_time_left()->set_seconds(60 * (1 + Below(4)));
      for (int p = 1; p <= 4; ++p) {
        if (Below(2) == 0) target.add_priorities(static_cast<Priority>(p));
      }
      if (Below(2) == 0) target = Business(target);
      if (Below(2) == 0) target.add_pause_on(HOLD_REASON_USER);
      if (Below(2) == 0) target.add_pause_on(HOLD_REASON_VENDOR);
      if (Below(2) == 0) target = WarnedAt(target, {20 + Below(30), 60 + Below(30)});
      if (Below(6) == 0) {
        target.clear_duration();
        target.clear_pause_on();
        target = Business(target);
        target.mutable_relative()->set_end_of_business_day(Below(3));
      }
      targets.push_back(std::move(target));
    }
    return targets;
  }

  TicketInput Input(int64_t opened_at, int64_t sequence) {
    TicketInput input;
    const int what = Below(14);
    if (what < 2) {
      input = Hold(Below(2) == 0 ? HOLD_REASON_USER : HOLD_REASON_VENDOR);
    } else if (what < 4) {
      input = Work();
    } else if (what < 5) {
      input = Resolve();
    } else if (what < 6) {
      input = Respond();
    } else if (what < 8) {
      input = Say(Below(2) == 0 ? events::v1::ACTOR_KIND_AGENT : events::v1::ACTOR_KIND_REQUESTER);
    } else if (what < 10) {
      input = GiveTo(Below(2) == 0 ? "net" : "desk");
    } else {
      input = Raise(static_cast<Priority>(1 + Below(4)));
    }
    input.set_at(opened_at + int64_t{60'000'000} * Below(900));
    input.set_sequence(sequence);
    return input;
  }

  std::mt19937& engine() { return random_; }

 private:
  std::mt19937 random_;
};

// The clocks, without the memory of what was told.
std::vector<std::string> Standing(const state::v1::TicketClocks& ticket) {
  std::vector<std::string> standing;
  for (state::v1::ClockRecord clock : ticket.clocks()) {
    clock.clear_judged();
    standing.push_back(clock.ShortDebugString());
  }
  return standing;
}

// What somebody knows who has only listened.
struct Listener {
  std::map<std::pair<std::string, int>, int64_t> breaches;       // clock, leg -> due
  std::set<std::tuple<std::string, int, std::string>> warnings;  // clock, leg, threshold
  std::map<std::string, state::v1::ClockRecord> clocks;

  static std::string Name(const state::v1::ClockRecord& clock) {
    return absl::StrCat(clock.name(), "/", clock.cycle());
  }

  void Hear(const Happenings& happenings) {
    for (const Happening& h : happenings) {
      const std::string name = Name(h.clock);
      clocks[name] = h.clock;
      if (h.kind == Happening::Kind::kBreached) {
        EXPECT_TRUE(breaches.emplace(std::make_pair(name, h.leg), h.due).second)
            << "two standing breaches of one leg";
      } else if (h.kind == Happening::Kind::kWithdrawn) {
        EXPECT_EQ(breaches.erase({name, h.leg}), 1u) << "withdrawn, never told";
      } else if (h.kind == Happening::Kind::kWarned) {
        EXPECT_TRUE(warnings.emplace(name, h.leg, h.threshold.ShortDebugString()).second)
            << "warned twice";
      }
    }
  }

  void ExpectAgrees(const state::v1::TicketClocks& ticket) const {
    std::map<std::pair<std::string, int>, int64_t> stand;
    for (const state::v1::ClockRecord& clock : ticket.clocks()) {
      for (const auto& breach : clock.breaches()) stand[{Name(clock), breach.leg()}] = breach.due();
      const auto heard = clocks.find(Name(clock));
      ASSERT_NE(heard, clocks.end());
      EXPECT_EQ(heard->second.state(), clock.state());
      EXPECT_EQ(heard->second.verdict(), clock.verdict());
      EXPECT_EQ(heard->second.leg(), clock.leg());
      EXPECT_EQ(heard->second.target_id(), clock.target_id());
      EXPECT_EQ(heard->second.ended_at(), clock.ended_at());
      EXPECT_EQ(heard->second.has_due(), clock.has_due());
      EXPECT_EQ(heard->second.due(), clock.due());
      EXPECT_EQ(heard->second.allowed(), clock.allowed());
    }
    EXPECT_EQ(breaches, stand);
  }
};

// Hears `inputs` in this order, with timers going off in between, and settles everything to
// `as_of`.
state::v1::TicketClocks Hear(const Bench& bench, const std::vector<TicketInput>& inputs,
                             int64_t as_of, RandomLives& random, bool timers) {
  state::v1::TicketClocks ticket;
  ticket.set_opened_at(inputs[0].at());
  Listener listener;
  for (const TicketInput& input : inputs) {
    Happenings told;
    if (timers && random.Below(3) == 0) {
      if (const auto due = NextDue(ticket); due && *due < as_of) Settle(ticket, *due + 1, told);
    }
    ApplyInput(bench.judge(), ticket, input, told);
    listener.Hear(told);
  }
  Happenings told;
  Settle(ticket, as_of, told);
  listener.Hear(told);
  listener.ExpectAgrees(ticket);
  return ticket;
}

TEST(LateInputs, AnyOrderOfArrivalEndsInTheSameStandingFacts) {
  const uint32_t seed = std::random_device()();
  std::cerr << "seed " << seed << "\n";
  RandomLives random(seed);
  for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("life ", i, " of seed ", seed));
    Bench bench(random.Targets());
    const int64_t opened = At("Mon 08:00") + int64_t{60'000'000} * random.Below(60 * 24 * 5);
    std::vector<TicketInput> inputs = {Opened(static_cast<Priority>(1 + random.Below(4)))};
    inputs[0].set_at(opened);
    inputs[0].set_sequence(1);
    const int count = random.Below(12);
    for (int k = 0; k < count; ++k) inputs.push_back(random.Input(opened, k + 2));
    const int64_t as_of = opened + int64_t{60'000'000} * 60 * 24 * 6;

    std::vector<TicketInput> in_order = inputs;
    std::stable_sort(in_order.begin() + 1, in_order.end(), [](const auto& a, const auto& b) {
      return std::make_pair(a.at(), a.sequence()) < std::make_pair(b.at(), b.sequence());
    });
    const auto expected = Standing(Hear(bench, in_order, as_of, random, false));
    EXPECT_EQ(Standing(Hear(bench, in_order, as_of, random, true)), expected);
    for (int shuffle = 0; shuffle < 3; ++shuffle) {
      std::shuffle(inputs.begin() + 1, inputs.end(), random.engine());
      EXPECT_EQ(Standing(Hear(bench, inputs, as_of, random, true)), expected);
    }
  }
}

// The verdict of a resolution clock with one target, counted minute by minute.
struct Counted {
  int64_t minutes = 0;
  std::optional<int64_t> breach;  // minutes since opening
};
Counted CountMinutes(const v1::Target& target, const BusinessCalendar* calendar, int64_t opened,
                     const std::vector<TicketInput>& inputs, int minutes) {
  Counted counted;
  State state = STATE_NEW;
  HoldReason reason = HOLD_REASON_UNSPECIFIED;
  size_t next = 1;
  std::optional<int64_t>
      reached;  // the target was used up here, and the clock has not stopped running since
  const int64_t allowed = target.duration().seconds() / 60;
  for (int m = 0; m < minutes; ++m) {
    const int64_t now = opened + int64_t{60'000'000} * m;
    for (; next < inputs.size() && inputs[next].at() <= now; ++next) {
      if (!inputs[next].change().has_state()) continue;
      state = inputs[next].change().state();
      reason = inputs[next].change().hold_reason();
    }
    const bool paused = state == STATE_ON_HOLD && reason == HOLD_REASON_USER;
    if (paused || state == STATE_RESOLVED) {
      reached.reset();
      continue;
    }
    if (counted.minutes >= allowed && !counted.breach) counted.breach = reached.value_or(m);
    const bool open = calendar == nullptr || calendar->IsOpen(absl::FromUnixMicros(now));
    if (open) ++counted.minutes;
    if (counted.minutes >= allowed && !reached) reached = m + 1;
  }
  return counted;
}

TEST(LateInputs, AgreesWithCountingMinutes) {
  const uint32_t seed = std::random_device()();
  std::cerr << "seed " << seed << "\n";
  RandomLives random(seed);
  for (int i = 0; i < 500 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("life ", i, " of seed ", seed));
    v1::Target target = Solve(5 + random.Below(300));
    if (random.Below(2) == 0) target = Business(target);
    Bench bench({target});
    const int64_t opened = At("Mon 08:00") + int64_t{60'000'000} * random.Below(60 * 24 * 5);
    std::vector<TicketInput> inputs = {Opened(PRIORITY_LOW)};
    inputs[0].set_at(opened);
    inputs[0].set_sequence(1);
    for (int k = 0; k < 10; ++k) inputs.push_back(random.Input(opened, k + 2));
    std::stable_sort(inputs.begin() + 1, inputs.end(),
                     [](const auto& a, const auto& b) { return a.at() < b.at(); });
    const int minutes = 5 * 24 * 60;
    const int64_t as_of = opened + int64_t{60'000'000} * minutes;
    state::v1::TicketClocks ticket = Hear(bench, inputs, as_of, random, true);
    const state::v1::ClockRecord& clock = ticket.clocks(0);
    const Counted counted =
        CountMinutes(target, bench.judge().hours(0).calendar.get(), opened, inputs, minutes);
    const state::v1::StandingBreach* breach = BreachOf(clock, 1);
    ASSERT_EQ(breach != nullptr, counted.breach.has_value());
    if (breach != nullptr) {
      EXPECT_EQ(Show(breach->due()), Show(opened + int64_t{60'000'000} * *counted.breach));
    }
    if (clock.state() != v1::CLOCK_STATE_RUNNING) {
      EXPECT_EQ(clock.elapsed() / 60'000'000, counted.minutes);
    }
  }
}

}  // namespace
}  // namespace watchbell::sla::test
