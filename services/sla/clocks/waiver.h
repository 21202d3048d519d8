// What a waiver makes of a missed clock. The verdict stays; beside it stands the one with the
// waiver. Pure.
#pragma once

#include <cstdint>

#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Microseconds counted over the target, at least 0. A clock may miss and yet be over by nothing: it
// was due at closing time and stopped before the next opening.
int64_t Overrun(const state::v1::ClockRecord& clock);

// The verdict, but MET where a miss is over by no more than what is excused. It follows the clock:
// one that goes on and misses again by more is missed again.
v1::Verdict EffectiveVerdict(const state::v1::ClockRecord& clock);

v1::Waiver ToWaiver(const state::v1::Waiver& waiver);

}  // namespace watchbell::sla
