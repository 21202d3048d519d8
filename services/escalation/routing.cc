#include "services/escalation/routing.h"

#include <algorithm>
#include <optional>

#include "services/escalation/on_call.h"

namespace watchbell::escalation {
namespace {

// An empty list means all.
template <typename List, typename Value>
bool Holds(const List& list, const Value& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

const v1::Rota* FindRota(const v1::EscalationSetup& setup, absl::string_view rota_id) {
  for (const v1::Rota& rota : setup.rotas()) {
    if (rota.rota_id() == rota_id) return &rota;
  }
  return nullptr;
}

const v1::Team* FindTeam(const v1::EscalationSetup& setup, absl::string_view team_id) {
  for (const v1::Team& team : setup.teams()) {
    if (team.team_id() == team_id) return &team;
  }
  return nullptr;
}

const v1::EscalationPolicy* FindPolicy(const v1::EscalationSetup& setup,
                                       absl::string_view policy_id) {
  for (const v1::EscalationPolicy& policy : setup.policies()) {
    if (policy.escalation_policy_id() == policy_id) return &policy;
  }
  return nullptr;
}

const v1::RoutingRule* MatchRule(const v1::EscalationSetup& setup,
                                 const tickets::v1::Ticket& ticket) {
  for (const v1::RoutingRule& rule : setup.routing()) {
    if (Holds(rule.categories(), ticket.classification().category()) &&
        Holds(rule.sites(), ticket.site()) &&
        Holds(rule.priorities(), static_cast<int>(ticket.priority()))) {
      return &rule;
    }
  }
  return nullptr;
}

std::string OnCallFor(const v1::EscalationSetup& setup, absl::string_view team_id, absl::Time at) {
  const v1::Team* team = FindTeam(setup, team_id);
  if (team == nullptr) return "";
  const v1::Rota* rota = FindRota(setup, team->rota_id());
  if (rota == nullptr) return "";
  const std::optional<Turn> turn = TurnAt(*rota, at);
  return turn ? turn->person : "";
}

const v1::EscalationPolicy* PolicyFor(const v1::EscalationSetup& setup,
                                      const tickets::v1::Ticket& ticket) {
  const v1::Team* team = FindTeam(setup, ticket.group());
  if (team == nullptr) return nullptr;
  const v1::EscalationPolicy* policy = FindPolicy(setup, team->escalation_policy_id());
  if (policy == nullptr || !Holds(policy->priorities(), static_cast<int>(ticket.priority()))) {
    return nullptr;
  }
  return policy;
}

}  // namespace watchbell::escalation
