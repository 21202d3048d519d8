#include "services/sla/clocks/hypothesis.h"

#include <algorithm>

#include "services/sla/clocks/late_inputs.h"

namespace watchbell::sla {

using state::v1::TicketClocks;
using state::v1::TicketInput;

int64_t PresentOf(const TicketClocks& ticket, int64_t now) {
  const int64_t last = ticket.inputs(ticket.inputs_size() - 1).at();
  return std::max(last, ticket.historic() ? ticket.decided_before() : now);
}

TicketInput NextInput(const TicketClocks& ticket, int64_t at) {
  TicketInput next;
  next.set_at(at);
  next.set_sequence(ticket.inputs(ticket.inputs_size() - 1).sequence() + 1);
  return next;
}

TicketClocks Suppose(const Judge& judge, TicketClocks ticket,
                     absl::Span<const TicketInput> inputs) {
  Happenings unheard;
  for (const TicketInput& input : inputs) {
    ApplyInput(judge, ticket, input, unheard);
    Settle(ticket, input.at(), unheard);
  }
  return ticket;
}

}  // namespace watchbell::sla
