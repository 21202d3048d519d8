// Moving running clocks to another version on purpose: of a policy set (ApplyPolicyVersion), or of
// the zone data. What is finished stays as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"
#include "services/sla/clocks/clock_machine.h"
#include "services/sla/judge_loading.h"
#include "watchbell/sla/state/v1/inputs.pb.h"

namespace watchbell::sla {

// Live and not finished.
bool MayMove(const state::v1::TicketClocks& ticket);

// Who moves a ticket, why, and when (microseconds; a ticket's last change may be later).
struct MoveBy {
  std::string subject;
  std::string reason;
  int64_t at = 0;
};

// `ticket` MayMove. `policy`, with the calendars that count at `by.at`, judges it from then on; if
// it does already nothing changes and `moved` is false. No judge: as AddEra.
LoadedJudge MoveTo(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                   const PolicyChoice& policy, const MoveBy& by, state::v1::TicketClocks& ticket,
                   Happenings& out, bool& moved);

// The inputs state::v1::MoveTickets and state::v1::RecountTicket.
std::vector<engine::EntityKey> MoveNeeds(const engine::Input& input);
engine::Decision DecideMove(const engine::View& view, JudgeCaches& caches,
                            const engine::Input& input, const state::v1::MoveTickets& request);
engine::Decision DecideRecount(const engine::View& view, JudgeCaches& caches,
                               const engine::Input& input, const std::string& zone_data,
                               const state::v1::RecountTicket& request);

}  // namespace watchbell::sla
