// What people and portals ask of tickets: the commands of TicketService but for PublishAlerts.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::tickets {

// Roles the service asks for.
inline constexpr char kAgentRole[] = "agent";
inline constexpr char kManagerRole[] = "manager";
inline constexpr char kIntegrationRole[] = "integration";

// As what a caller acts: programs are AUTOMATION, people of the desk AGENT, everybody else
// REQUESTER.
events::v1::ActorKind ActorKindOf(const engine::Identity& identity);

std::vector<engine::EntityKey> TicketCommandNeeds(const engine::Input& input);
engine::Decision DecideTicketCommand(const engine::View& view, const engine::Input& input);

}  // namespace watchbell::tickets
