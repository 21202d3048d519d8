#include "services/sla/clocks/ticket_events.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"

namespace watchbell::sla {
namespace {

namespace ev = events::v1;
using tickets::v1::Ticket;

// Histories of other tools do not always say who acted; their moves were made by people.
bool ByPerson(ev::ActorKind kind, const Ticket& ticket) {
  return kind == ev::ACTOR_KIND_AGENT ||
         (kind == ev::ACTOR_KIND_UNSPECIFIED && ticket.import().historic());
}

// Reads one type of event after the other until one fits.
class Reader {
 public:
  explicit Reader(const google::protobuf::Message& message) : message_(message) {}

  template <typename Event>
  const Event* As(state::v1::TicketEventKind kind) {
    if (found || message_.GetDescriptor() != Event::descriptor()) return nullptr;
    const auto& event = static_cast<const Event&>(message_);
    found.emplace();
    found->kind = kind;
    found->ticket = &event.ticket();
    return &event;
  }
  // A move a person's hand in which is a response.
  template <typename Event>
  void Move(state::v1::TicketEventKind kind) {
    const Event* event = As<Event>(kind);
    if (event == nullptr) return;
    found->actor_kind = event->actor_kind();
    found->response = ByPerson(event->actor_kind(), event->ticket());
  }

  std::optional<TicketEvent> found;

 private:
  const google::protobuf::Message& message_;
};

std::string TagsOf(const Ticket& ticket) {
  std::vector<std::string> tags(ticket.tags().begin(), ticket.tags().end());
  std::sort(tags.begin(), tags.end());
  return absl::StrJoin(tags, "\n");
}

int64_t DueOf(const Ticket& ticket) {
  return ticket.has_due_at() ? absl::ToUnixMicros(FromProto(ticket.due_at())) : 0;
}

state::v1::Facts ChangesOf(const Ticket* before, const Ticket& after) {
  state::v1::Facts change;
  const auto differs = [&](auto get) {
    return before == nullptr || std::invoke(get, *before) != std::invoke(get, after);
  };
  if (differs(&Ticket::state)) change.set_state(after.state());
  if (differs(&Ticket::hold_reason)) change.set_hold_reason(after.hold_reason());
  if (differs(&Ticket::priority)) change.set_priority(after.priority());
  if (differs(&Ticket::type)) change.set_type(after.type());
  if (differs(&Ticket::impact)) change.set_impact(after.impact());
  if (differs(&Ticket::urgency)) change.set_urgency(after.urgency());
  if (differs(&Ticket::channel)) change.set_channel(after.channel());
  if (differs(&Ticket::site)) change.set_site(after.site());
  if (differs(&Ticket::service)) change.set_service(after.service());
  if (differs(&Ticket::config_item)) change.set_config_item(after.config_item());
  if (differs(&Ticket::group)) change.set_group(after.group());
  if (differs(&Ticket::assignee)) change.set_assignee(after.assignee());
  if (differs(&Ticket::vendor)) change.set_vendor(after.vendor());
  if (differs(&Ticket::requester)) change.set_requester(after.requester());
  if (differs(&Ticket::vip)) change.set_vip(after.vip());
  if (differs(&Ticket::requester_time_zone)) {
    change.set_requester_time_zone(after.requester_time_zone());
  }
  if (differs(TagsOf)) change.set_tags(TagsOf(after));
  if (differs(DueOf)) change.set_due_at(DueOf(after));
  const auto& now = after.classification();
  const auto reclassified = [&](auto get) {
    return before == nullptr || std::invoke(get, before->classification()) != std::invoke(get, now);
  };
  using tickets::v1::Classification;
  if (reclassified(&Classification::category)) change.set_category(now.category());
  if (reclassified(&Classification::subcategory)) change.set_subcategory(now.subcategory());
  if (reclassified(&Classification::symptom)) change.set_symptom(now.symptom());
  if (before == nullptr) change.set_import_source(after.import().source());
  return change;
}

}  // namespace

std::optional<TicketEvent> ReadTicketEvent(const google::protobuf::Message& message) {
  using namespace state::v1;  // NOLINT: kinds by their names
  Reader reader(message);
  reader.As<ev::TicketCreated>(TICKET_EVENT_KIND_CREATED);
  reader.As<ev::TicketAssigned>(TICKET_EVENT_KIND_ASSIGNED);
  reader.As<ev::TicketHoldReasonChanged>(TICKET_EVENT_KIND_HOLD_REASON_CHANGED);
  reader.As<ev::TicketResumed>(TICKET_EVENT_KIND_RESUMED);
  reader.As<ev::TicketReopened>(TICKET_EVENT_KIND_REOPENED);
  reader.As<ev::TicketReprioritized>(TICKET_EVENT_KIND_REPRIORITIZED);
  reader.As<ev::TicketReclassified>(TICKET_EVENT_KIND_RECLASSIFIED);
  reader.As<ev::TicketAttributeChanged>(TICKET_EVENT_KIND_ATTRIBUTE_CHANGED);
  reader.Move<ev::TicketWorkStarted>(TICKET_EVENT_KIND_WORK_STARTED);
  reader.Move<ev::TicketHeld>(TICKET_EVENT_KIND_HELD);
  reader.Move<ev::TicketResolved>(TICKET_EVENT_KIND_RESOLVED);
  if (reader.As<ev::TicketAcknowledged>(TICKET_EVENT_KIND_ACKNOWLEDGED) != nullptr) {
    reader.found->response = true;
  } else if (const auto* event = reader.As<ev::TicketClosed>(TICKET_EVENT_KIND_CLOSED)) {
    reader.found->actor_kind = event->actor_kind();
    // Closing what was resolved before is housekeeping, not a response.
    reader.found->response = event->previous_state() != tickets::v1::STATE_RESOLVED &&
                             event->previous_state() != tickets::v1::STATE_CLOSED &&
                             ByPerson(event->actor_kind(), event->ticket());
  } else if (const auto* comment = reader.As<ev::TicketCommented>(TICKET_EVENT_KIND_COMMENTED)) {
    reader.found->actor_kind = comment->author_kind();
    reader.found->is_public = comment->public_();
    reader.found->response = comment->public_() && comment->author_kind() == ev::ACTOR_KIND_AGENT;
  } else if (const auto* finished =
                 reader.As<ev::TicketImportFinished>(TICKET_EVENT_KIND_IMPORT_FINISHED)) {
    reader.found->as_of = absl::ToUnixMicros(FromProto(finished->as_of()));
  }
  return reader.found;
}

state::v1::TicketInput InputOf(const Ticket* before, const TicketEvent& event, int64_t at,
                               int64_t sequence) {
  state::v1::TicketInput input;
  input.set_at(at);
  input.set_sequence(sequence);
  input.set_event(event.kind);
  input.set_actor_kind(event.actor_kind);
  input.set_public_(event.is_public);
  *input.mutable_change() = ChangesOf(before, *event.ticket);
  if (event.response) input.mutable_change()->set_responded(true);
  return input;
}

bool Matters(const state::v1::TicketInput& input) {
  using namespace state::v1;  // NOLINT: kinds by their names
  switch (input.event()) {
    case TICKET_EVENT_KIND_ATTRIBUTE_CHANGED:  // of a field nobody asks for
    case TICKET_EVENT_KIND_IMPORT_FINISHED:
      return input.change().ByteSizeLong() > 0;
    default:
      return true;
  }
}

}  // namespace watchbell::sla
