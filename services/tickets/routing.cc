#include "services/tickets/routing.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/tickets/dating.h"
#include "services/tickets/ticket_editor.h"
#include "services/tickets/tickets_entities.h"
#include "watchbell/events/v1/escalation.pb.h"

namespace watchbell::tickets {

std::vector<engine::EntityKey> RoutingNeeds(const engine::Input& input) {
  const auto* routed = input.As<events::v1::TicketRouted>();
  if (routed == nullptr) return {};
  return {TicketKey(input.identity.tenant, routed->ticket_id())};
}

engine::Decision DecideRouting(const engine::View& view, const engine::Input& input) {
  engine::Decision decision;
  const auto* routed = input.As<events::v1::TicketRouted>();
  if (routed == nullptr || routed->group().empty()) return decision;
  const engine::EntityKey key = TicketKey(input.identity.tenant, routed->ticket_id());
  const auto* known = view.Get<state::v1::TicketState>(key);
  if (known == nullptr || !known->ticket().group().empty() || !IsOpen(known->ticket().state()) ||
      known->ticket().import().historic()) {
    return decision;
  }
  state::v1::TicketState state = *known;
  TicketEditor editor(&state, key, &decision);
  // Somebody who took the ticket meanwhile keeps it.
  const bool take = !routed->assignee().empty() && state.ticket().assignee().empty();
  Act act;
  act.at = ClampedTime(input.envelope.occurred_at, input.now, editor.last_change());
  act.kind = events::v1::ACTOR_KIND_AUTOMATION;
  act.actor = "service:escalation";
  editor.Assign(&routed->group(), take ? &routed->assignee() : nullptr,
                absl::StrCat("rule ", routed->rule_id()), act);
  decision.Put(key, std::move(state));
  return decision;
}

}  // namespace watchbell::tickets
