// Clocks and what happens to them, as the API and the events show them. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "common/engine/decision.h"
#include "services/sla/clocks/clock_machine.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// The deadline as it is shown: none while paused, and of what was cancelled.
std::optional<int64_t> ShownDue(const state::v1::ClockRecord& clock);

// The era whose target this number is; an empty one if there is none.
const state::v1::Era& EraOf(const state::v1::TicketClocks& ticket, int target);

v1::Clock ToClock(const state::v1::TicketClocks& ticket, const state::v1::ClockRecord& clock);

// Adds the event of each happening to `decision`, on the ticket's stream, with the ticket's facts
// as they are in `ticket`.
void Announce(const engine::EntityKey& stream, const state::v1::TicketClocks& ticket,
              const Happenings& happenings, engine::Decision& decision);

}  // namespace watchbell::sla
