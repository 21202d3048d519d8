#include "services/escalation/ticket_facts.h"

#include "google/protobuf/descriptor.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::escalation {
namespace {

template <typename E>
const E* As(const google::protobuf::Message& event) {
  return dynamic_cast<const E*>(&event);
}

Response ByAgent(events::v1::ActorKind kind) {
  return kind == events::v1::ACTOR_KIND_AGENT ? Response::kAcknowledged : Response::kNone;
}

}  // namespace

const tickets::v1::Ticket* TicketOf(const google::protobuf::Message& event) {
  // Every event of a ticket has the field; new kinds of events need no change here.
  const google::protobuf::FieldDescriptor* field = event.GetDescriptor()->FindFieldByName("ticket");
  if (field == nullptr || field->is_repeated() ||
      field->message_type() != tickets::v1::Ticket::descriptor() ||
      !event.GetReflection()->HasField(event, field)) {
    return nullptr;
  }
  return dynamic_cast<const tickets::v1::Ticket*>(&event.GetReflection()->GetMessage(event, field));
}

Response ReadResponse(const google::protobuf::Message& event) {
  if (As<events::v1::TicketAcknowledged>(event) != nullptr) return Response::kAcknowledged;
  if (const auto* started = As<events::v1::TicketWorkStarted>(event)) {
    return ByAgent(started->actor_kind());
  }
  if (const auto* held = As<events::v1::TicketHeld>(event)) return ByAgent(held->actor_kind());
  if (const auto* resolved = As<events::v1::TicketResolved>(event)) {
    return ByAgent(resolved->actor_kind());
  }
  if (const auto* closed = As<events::v1::TicketClosed>(event)) {
    // Resolved and closed in one move; the closing of a resolved ticket is no answer to anything.
    return closed->previous_state() == tickets::v1::STATE_RESOLVED ? Response::kNone
                                                                   : ByAgent(closed->actor_kind());
  }
  if (const auto* commented = As<events::v1::TicketCommented>(event)) {
    const bool answer =
        commented->public_() && commented->author_kind() == events::v1::ACTOR_KIND_AGENT;
    return answer ? Response::kAnswered : Response::kNone;
  }
  return Response::kNone;
}

tickets::v1::Ticket LiveFacts(const tickets::v1::Ticket& ticket) {
  tickets::v1::Ticket facts = ticket;
  facts.clear_description();
  return facts;
}

tickets::v1::Ticket HistoricFacts(const tickets::v1::Ticket& ticket) {
  tickets::v1::Ticket facts;
  facts.set_ticket_id(ticket.ticket_id());
  facts.set_state(ticket.state());
  facts.set_group(ticket.group());
  facts.set_priority(ticket.priority());
  facts.mutable_import()->set_historic(true);
  return facts;
}

bool SameHistoric(const tickets::v1::Ticket& kept, const tickets::v1::Ticket& ticket) {
  return kept.import().historic() && kept.state() == ticket.state() &&
         kept.group() == ticket.group() && kept.priority() == ticket.priority();
}

}  // namespace watchbell::escalation
