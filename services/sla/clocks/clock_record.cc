#include "services/sla/clocks/clock_record.h"

#include <algorithm>

namespace watchbell::sla {

using state::v1::ClockRecord;

bool IsOpen(const ClockRecord& clock) {
  return clock.state() == v1::CLOCK_STATE_RUNNING || clock.state() == v1::CLOCK_STATE_PAUSED;
}

bool IsSameClock(const ClockRecord& a, const ClockRecord& b) {
  return a.cycle() == b.cycle() && a.name() == b.name();
}

bool operator==(const state::v1::Threshold& a, const state::v1::Threshold& b) {
  return a.percent() == b.percent() && a.time_left() == b.time_left();
}

const state::v1::StandingBreach* BreachOf(const ClockRecord& clock, int leg) {
  for (const state::v1::StandingBreach& breach : clock.breaches()) {
    if (breach.leg() == leg) return &breach;
  }
  return nullptr;
}

bool HasFired(const ClockRecord& clock, int leg, const state::v1::Threshold& threshold) {
  return std::any_of(clock.fired().begin(), clock.fired().end(), [&](const auto& fired) {
    return fired.leg() == leg && fired.threshold() == threshold;
  });
}

}  // namespace watchbell::sla
