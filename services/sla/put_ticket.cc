#include "services/sla/put_ticket.h"

#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "services/sla/clocks/clock_machine.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {

void PutTicket(const engine::EntityKey& key, state::v1::TicketClocks next,
               engine::Decision& decision) {
  const std::optional<int64_t> due = next.historic() ? std::nullopt : NextDue(next);
  if (due && (!next.has_armed_for() || next.armed_for() != *due)) {
    decision.Arm(key, kDueTimer, absl::FromUnixMicros(*due));
    next.set_armed_for(*due);
  } else if (!due && next.has_armed_for()) {
    decision.Disarm(key, kDueTimer);
    next.clear_armed_for();
  }
  decision.Put(key, std::move(next));
}

}  // namespace watchbell::sla
