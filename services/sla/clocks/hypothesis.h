// What would become of a ticket's clocks if something happened to it. Pure; times are microseconds.
#pragma once

#include <cstdint>

#include "absl/types/span.h"
#include "services/sla/clocks/judge.h"

namespace watchbell::sla {

// The ticket's own present: an imported ticket lives in its own time. Of a live one an input may be
// dated a little ahead of `now`.
int64_t PresentOf(const state::v1::TicketClocks& ticket, int64_t now);

// An input at `at` that nothing the ticket has heard comes after.
state::v1::TicketInput NextInput(const state::v1::TicketClocks& ticket, int64_t at);

// The ticket after `inputs`, which are in order, settled up to the last of them.
state::v1::TicketClocks Suppose(const Judge& judge, state::v1::TicketClocks ticket,
                                absl::Span<const state::v1::TicketInput> inputs);

}  // namespace watchbell::sla
