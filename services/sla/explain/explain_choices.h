// Which targets a clock could have, and what would change where it stands. Pure.
#pragma once

#include <cstdint>

#include "services/sla/clocks/judge.h"
#include "services/sla/explain/explain_history.h"
#include "watchbell/sla/v1/explain.pb.h"

namespace watchbell::sla {

// Every target of the clock's name and why it does not apply.
void ExplainTargets(const Judge& judge, const state::v1::TicketClocks& ticket,
                    const state::v1::ClockRecord& clock, const ClockHistory& history,
                    v1::ClockExplanation& out);

// What other priorities and hold reasons would do to it now; nothing unless it is open. `ticket` is
// settled up to `as_of`, which is no earlier than its last input.
void ExplainOutcomes(const Judge& judge, const state::v1::TicketClocks& ticket,
                     const state::v1::ClockRecord& clock, int64_t as_of, v1::ClockExplanation& out);

}  // namespace watchbell::sla
