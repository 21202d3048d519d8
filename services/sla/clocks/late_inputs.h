// Event time decides, however late an input is heard. In order it is applied on top; dated before
// something already decided, the ticket's whole history is counted again with it in its place, and
// what was announced is corrected by new happenings: breaches withdrawn, verdicts restated. Any
// order of arrival ends in the same standing facts. Pure.
#pragma once

#include "services/sla/clocks/clock_machine.h"

namespace watchbell::sla {

// True if `input` is dated before (or at) something decided already.
bool IsLate(const state::v1::TicketClocks& ticket, const state::v1::TicketInput& input);

// Applies an input that IsLate.
void ApplyLate(const Judge& judge, state::v1::TicketClocks& ticket,
               const state::v1::TicketInput& input, Happenings& out);

// Settles, then applies, in whatever way the input's date asks for.
void ApplyInput(const Judge& judge, state::v1::TicketClocks& ticket,
                const state::v1::TicketInput& input, Happenings& out);

}  // namespace watchbell::sla
