// Why a clock stands where it stands: its life taken apart, and what would change it. Pure.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "services/sla/clocks/clock_id.h"
#include "services/sla/clocks/judge.h"
#include "watchbell/sla/v1/explain.pb.h"

namespace watchbell::sla {

// `judge` is what judges `ticket`; `now` in microseconds. NOT_FOUND if the ticket has no such
// clock.
absl::StatusOr<v1::ClockExplanation> Explain(const Judge& judge,
                                             const state::v1::TicketClocks& ticket,
                                             const ClockId& id, int64_t now);

}  // namespace watchbell::sla
