// Looking things up in a setup: which rule routes a ticket, who is on call for a team, which policy
// pages for a ticket. Pointers point into the setup.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "watchbell/escalation/v1/escalation.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::escalation {

// Null if there is none of that id.
const v1::Rota* FindRota(const v1::EscalationSetup& setup, absl::string_view rota_id);
const v1::Team* FindTeam(const v1::EscalationSetup& setup, absl::string_view team_id);
const v1::EscalationPolicy* FindPolicy(const v1::EscalationSetup& setup,
                                       absl::string_view policy_id);

// The first rule whose lists all hold the ticket's value (an empty list holds every value); null if
// none does.
const v1::RoutingRule* MatchRule(const v1::EscalationSetup& setup,
                                 const tickets::v1::Ticket& ticket);

// Who is on call for a team at an instant; empty if nobody is.
std::string OnCallFor(const v1::EscalationSetup& setup, absl::string_view team_id, absl::Time at);

// The policy of the ticket's group, if it pages for the ticket's priority; else null.
const v1::EscalationPolicy* PolicyFor(const v1::EscalationSetup& setup,
                                      const tickets::v1::Ticket& ticket);

}  // namespace watchbell::escalation
