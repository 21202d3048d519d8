// Looking at a stored clock. Pure.
#pragma once

#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// It counts, or is paused.
bool IsOpen(const state::v1::ClockRecord& clock);

// The same clock of the same ticket.
bool IsSameClock(const state::v1::ClockRecord& a, const state::v1::ClockRecord& b);
bool operator==(const state::v1::Threshold& a, const state::v1::Threshold& b);

// The standing breach of a leg, or null.
const state::v1::StandingBreach* BreachOf(const state::v1::ClockRecord& clock, int leg);

// Whether the clock has crossed this threshold on this leg.
bool HasFired(const state::v1::ClockRecord& clock, int leg, const state::v1::Threshold& threshold);

}  // namespace watchbell::sla
