// What can be done to a clock at one input: it is attached, given another target, paused, resumed,
// stopped, cancelled, and each is told. When is decided by clock_machine.h. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/sla/clocks/clock_machine.h"
#include "services/sla/clocks/course.h"
#include "services/sla/clocks/judge.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// The deadline of a clock that runs.
std::optional<int64_t> DueOf(const state::v1::ClockRecord& clock);

// Clocks of one ticket at one instant. What it is made from outlives it.
class ClockSteps {
 public:
  // `out` null: nobody listens.
  ClockSteps(const Judge& judge, const state::v1::TicketClocks& ticket, int64_t now,
             Happenings* out)
      : judge_(judge), ticket_(ticket), now_(now), out_(out) {}

  // From `at` on a leg of this target.
  void BeginLeg(state::v1::ClockRecord& clock, int target, int64_t at);
  // It ran where the course did, from `since` on.
  void AddStretches(state::v1::ClockRecord& clock, const Course& course, int64_t since);

  // Puts a clock whose leg and finished segments are known to where its course stands, and tells
  // what had been crossed before.
  void Attach(state::v1::ClockRecord& clock, const Course& course);
  void Retarget(state::v1::ClockRecord& clock, const Course& course,
                std::optional<int64_t> previous_due, std::string cause);
  // The zone data changed: what a running clock has to come is counted again.
  void Recount(state::v1::ClockRecord& clock);

  void Pause(state::v1::ClockRecord& clock);
  void Resume(state::v1::ClockRecord& clock);
  // At an instant that may be past.
  void Stop(state::v1::ClockRecord& clock, int64_t at);
  void Cancel(state::v1::ClockRecord& clock, bool unmatched);

 private:
  using Thresholds = std::vector<std::pair<state::v1::Threshold, int64_t>>;

  void Enter(state::v1::ClockRecord& clock, const Course& course, Happening entered);
  // Thresholds of the leg that were crossed before now and not told yet, with the time of each.
  Thresholds SkippedThresholds(const state::v1::ClockRecord& clock) const;
  void Skip(state::v1::ClockRecord& clock, const state::v1::Threshold& threshold, int64_t at);
  void BreachOnAttach(state::v1::ClockRecord& clock, int64_t crossed);
  // Of the clock as it is now.
  void Tell(Happening happening, const state::v1::ClockRecord& clock);

  const Judge& judge_;
  const state::v1::TicketClocks& ticket_;
  const int64_t now_;
  Happenings* const out_;
};

}  // namespace watchbell::sla
