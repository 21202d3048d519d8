// What escalation reads out of the events of tickets, and what it keeps of a ticket.
#pragma once

#include "google/protobuf/message.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::escalation {

// The ticket after the event; null if the event carries none.
const tickets::v1::Ticket* TicketOf(const google::protobuf::Message& event);

// Whether a person responded by this event.
enum class Response {
  kNone,
  kAnswered,      // said something to the requester: first response is given
  kAcknowledged,  // took the ticket: acknowledged it, or began, held or resolved it as an agent
};
Response ReadResponse(const google::protobuf::Message& event);

// All but the description.
tickets::v1::Ticket LiveFacts(const tickets::v1::Ticket& ticket);

// The little that is kept of a historic ticket, and whether `ticket` would leave it as it is.
tickets::v1::Ticket HistoricFacts(const tickets::v1::Ticket& ticket);
bool SameHistoric(const tickets::v1::Ticket& kept, const tickets::v1::Ticket& ticket);

}  // namespace watchbell::escalation
