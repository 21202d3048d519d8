#include "services/sla/ticket_events.h"

#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::sla {
namespace {

using tickets::v1::Ticket;

// Histories of other tools do not always say who acted; their moves were made by people.
bool ByPerson(events::v1::ActorKind kind, const Ticket& ticket) {
  return kind == events::v1::ACTOR_KIND_AGENT ||
         (kind == events::v1::ACTOR_KIND_UNSPECIFIED && ticket.import().historic());
}

TicketEvent Changed(const Ticket& ticket, bool response = false) {
  return {TicketEvent::Kind::kChanged, &ticket, response, 0};
}

template <typename Event>
bool Is(const google::protobuf::Message& message) {
  return message.GetDescriptor() == Event::descriptor();
}

template <typename Event>
const Event& As(const google::protobuf::Message& message) {
  return static_cast<const Event&>(message);
}

// Moves a person's hand in which is a response.
template <typename Event>
TicketEvent Move(const google::protobuf::Message& message) {
  const auto& event = As<Event>(message);
  return Changed(event.ticket(), ByPerson(event.actor_kind(), event.ticket()));
}

// Closing what was resolved before is housekeeping, not a response.
TicketEvent Closed(const events::v1::TicketClosed& event) {
  const bool was_open = event.previous_state() != tickets::v1::STATE_RESOLVED &&
                        event.previous_state() != tickets::v1::STATE_CLOSED;
  return Changed(event.ticket(), was_open && ByPerson(event.actor_kind(), event.ticket()));
}

}  // namespace

std::optional<TicketEvent> ReadTicketEvent(const google::protobuf::Message& message) {
  namespace ev = events::v1;
  if (Is<ev::TicketCreated>(message)) {
    return TicketEvent{TicketEvent::Kind::kCreated, &As<ev::TicketCreated>(message).ticket(), false,
                       0};
  }
  if (Is<ev::TicketImportFinished>(message)) {
    const auto& event = As<ev::TicketImportFinished>(message);
    return TicketEvent{TicketEvent::Kind::kImportFinished, &event.ticket(), false,
                       absl::ToUnixMicros(FromProto(event.as_of()))};
  }
  if (Is<ev::TicketAcknowledged>(message)) {
    return Changed(As<ev::TicketAcknowledged>(message).ticket(), true);
  }
  if (Is<ev::TicketCommented>(message)) {
    const auto& event = As<ev::TicketCommented>(message);
    return Changed(event.ticket(), event.public_() && event.author_kind() == ev::ACTOR_KIND_AGENT);
  }
  if (Is<ev::TicketWorkStarted>(message)) return Move<ev::TicketWorkStarted>(message);
  if (Is<ev::TicketHeld>(message)) return Move<ev::TicketHeld>(message);
  if (Is<ev::TicketResolved>(message)) return Move<ev::TicketResolved>(message);
  if (Is<ev::TicketClosed>(message)) return Closed(As<ev::TicketClosed>(message));
  if (Is<ev::TicketAssigned>(message)) return Changed(As<ev::TicketAssigned>(message).ticket());
  if (Is<ev::TicketHoldReasonChanged>(message)) {
    return Changed(As<ev::TicketHoldReasonChanged>(message).ticket());
  }
  if (Is<ev::TicketResumed>(message)) return Changed(As<ev::TicketResumed>(message).ticket());
  if (Is<ev::TicketReopened>(message)) return Changed(As<ev::TicketReopened>(message).ticket());
  if (Is<ev::TicketReprioritized>(message)) {
    return Changed(As<ev::TicketReprioritized>(message).ticket());
  }
  if (Is<ev::TicketReclassified>(message)) {
    return Changed(As<ev::TicketReclassified>(message).ticket());
  }
  if (Is<ev::TicketAttributeChanged>(message)) {
    return Changed(As<ev::TicketAttributeChanged>(message).ticket());
  }
  return std::nullopt;
}

state::v1::TicketInput ChangesOf(const Ticket* before, const TicketEvent& event, int64_t at,
                                 int64_t sequence) {
  const Ticket& after = *event.ticket;
  state::v1::TicketInput input;
  input.set_at(at);
  input.set_sequence(sequence);
  input.set_response(event.response);
  if (before == nullptr || before->state() != after.state()) input.set_state(after.state());
  if (before == nullptr || before->hold_reason() != after.hold_reason()) {
    input.set_hold_reason(after.hold_reason());
  }
  if (before == nullptr || before->priority() != after.priority()) {
    input.set_priority(after.priority());
  }
  const std::string& category = after.classification().category();
  if (before == nullptr || before->classification().category() != category) {
    input.set_category(category);
  }
  if (before == nullptr || before->site() != after.site()) input.set_site(after.site());
  return input;
}

}  // namespace watchbell::sla
