// The ticket events as sla reads them: which one it is, what it changed, whether it is a first
// response. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "google/protobuf/message.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::sla {

// An event of the tickets topic that sla cares about.
struct TicketEvent {
  state::v1::TicketEventKind kind = state::v1::TICKET_EVENT_KIND_UNSPECIFIED;
  const tickets::v1::Ticket* ticket = nullptr;  // facts after; lives as long as the message
  events::v1::ActorKind actor_kind = events::v1::ACTOR_KIND_UNSPECIFIED;
  bool is_public = false;  // of a comment
  bool response = false;   // a first response, if none came before (semantics: by a person, seen by
                           // the requester)
  int64_t as_of = 0;       // of the end of an import
};

// Nothing for events that cannot matter: a ticket saved without a change, alerts, events unknown
// here.
std::optional<TicketEvent> ReadTicketEvent(const google::protobuf::Message& message);

// The event as an input dated `at`: the changes from `before` (null = everything is new) to its
// facts.
state::v1::TicketInput InputOf(const tickets::v1::Ticket* before, const TicketEvent& event,
                               int64_t at, int64_t sequence);

// False if no clock can depend on the input: nothing conditions can ask for has changed or
// happened.
bool Matters(const state::v1::TicketInput& input);

}  // namespace watchbell::sla
