#include "services/tickets/ticket_editor.h"

#include <utility>

#include "common/base/blank.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/time/rfc3339.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/tickets/dating.h"
#include "services/tickets/priority_matrix.h"

namespace watchbell::tickets {

absl::Time TicketEditor::last_change() const { return FromProto(ticket_.update_time()); }

template <typename Event>
void TicketEditor::Record(Event event, const Act& act) {
  ticket_.set_version(ticket_.version() + 1);
  ticket_.set_etag(EtagOf(ticket_.version()));
  *ticket_.mutable_update_time() = ToProto(act.at);
  *event.mutable_ticket() = ticket_;
  if constexpr (std::is_same_v<Event, events::v1::TicketCreated>) {
    event.mutable_ticket()->set_description(state_.description());
  }
  engine::NewEvent& emitted = decision_.Emit(key_, std::move(event), act.at);
  emitted.actor = act.actor;
  emitted.source_recorded_at = act.source_recorded_at;
}

void TicketEditor::Enter(v1::State to, v1::HoldReason reason, const Act& act) {
  ticket_.set_state(to);
  ticket_.set_hold_reason(reason);
  *ticket_.mutable_state_since() = ToProto(act.at);
}

void TicketEditor::Create(const Act& act) {
  ticket_.set_ticket_id(key_.id);
  ticket_.set_name(TicketName(key_.id));
  *ticket_.mutable_opened_at() = ToProto(act.at);
  Enter(v1::STATE_NEW, v1::HOLD_REASON_UNSPECIFIED, act);
  Record(events::v1::TicketCreated(), act);
}

void TicketEditor::Acknowledge(const std::string& by, const Act& act) {
  *ticket_.mutable_acknowledged_at() = ToProto(act.at);
  ticket_.set_acknowledged_by(by);
  events::v1::TicketAcknowledged event;
  event.set_by(by);
  Record(std::move(event), act);
}

void TicketEditor::Resolution(const MoveDetails& details, const Act& act) {
  ticket_.set_resolution_code(details.resolution_code);
  ticket_.set_resolution_note(details.resolution_note);
  ticket_.set_resolver(details.resolver);
  if (!details.caused_by.empty()) ticket_.mutable_links()->set_caused_by(details.caused_by);
  *ticket_.mutable_resolved_at() = ToProto(act.at);
}

absl::Status TicketEditor::Apply(const MoveRequest& request, const MoveDetails& details,
                                 const Act& act) {
  const v1::State from = ticket_.state();
  const v1::HoldReason old_reason = ticket_.hold_reason();
  ASSIGN_OR_RETURN(const MoveResult result, CheckMove(ticket_.name(), from, old_reason, request));
  if (result.reason_change) {
    ticket_.set_hold_reason(result.reason);
    events::v1::TicketHoldReasonChanged event;
    event.set_previous_reason(old_reason);
    Record(std::move(event), act);
    return absl::OkStatus();
  }
  Enter(result.to, result.reason, act);
  switch (request.move) {
    case Move::kStartWork: {
      events::v1::TicketWorkStarted event;
      event.set_actor_kind(act.kind);
      Record(std::move(event), act);
      break;
    }
    case Move::kHold: {
      events::v1::TicketHeld event;
      event.set_previous_state(from);
      event.set_actor_kind(act.kind);
      Record(std::move(event), act);
      break;
    }
    case Move::kResume:
      Record(events::v1::TicketResumed(), act);
      break;
    case Move::kResolve: {
      Resolution(details, act);
      events::v1::TicketResolved event;
      event.set_previous_state(from);
      event.set_actor_kind(act.kind);
      Record(std::move(event), act);
      break;
    }
    case Move::kResolveAndClose:
      Resolution(details, act);
      [[fallthrough]];
    case Move::kClose: {
      *ticket_.mutable_closed_at() = ToProto(act.at);
      events::v1::TicketClosed event;
      event.set_previous_state(from);
      event.set_actor_kind(act.kind);
      Record(std::move(event), act);
      break;
    }
    case Move::kReopen: {
      ticket_.set_reopen_count(ticket_.reopen_count() + 1);
      events::v1::TicketReopened event;
      event.set_previous_state(from);
      event.set_reason(details.reason);
      Record(std::move(event), act);
      break;
    }
  }
  return absl::OkStatus();
}

void TicketEditor::Assign(const std::string* group, const std::string* assignee,
                          const std::string& reason, const Act& act) {
  events::v1::TicketAssigned event;
  event.set_group_changed(group != nullptr && *group != ticket_.group());
  event.set_assignee_changed(assignee != nullptr && *assignee != ticket_.assignee());
  if (!event.group_changed() && !event.assignee_changed()) return;
  event.set_previous_group(ticket_.group());
  event.set_previous_assignee(ticket_.assignee());
  event.set_reason(reason);
  if (group != nullptr) ticket_.set_group(*group);
  if (assignee != nullptr) ticket_.set_assignee(*assignee);
  Record(std::move(event), act);
}

void TicketEditor::RecordAttribute(const char* field, std::string previous, std::string current,
                                   const Act& act) {
  events::v1::TicketAttributeChanged event;
  event.set_field(field);
  event.set_previous(std::move(previous));
  event.set_current(std::move(current));
  Record(std::move(event), act);
}

void TicketEditor::ChangeText(const char* field, std::string* value, const std::string& wanted,
                              const Act& act) {
  if (*value == wanted) return;
  std::string previous = std::exchange(*value, wanted);
  RecordAttribute(field, std::move(previous), wanted, act);
}

void TicketEditor::ChangeFlag(const char* field, bool current, bool wanted,
                              void (v1::Ticket::*set)(bool), const Act& act) {
  if (current == wanted) return;
  (ticket_.*set)(wanted);
  RecordAttribute(field, current ? "true" : "false", wanted ? "true" : "false", act);
}

void TicketEditor::ChangeTags(const TagList& wanted, const Act& act) {
  TagList tags = Sorted(wanted);
  const std::string previous = TagsText(ticket_.tags());
  const std::string current = TagsText(tags);
  if (previous == current) return;
  *ticket_.mutable_tags() = std::move(tags);
  RecordAttribute("tags", previous, current, act);
}

void TicketEditor::ChangeDueAt(const google::protobuf::Timestamp* wanted, const Act& act) {
  const std::string previous =
      ticket_.has_due_at() ? FormatRfc3339(FromProto(ticket_.due_at())) : "";
  const std::string current = wanted != nullptr ? FormatRfc3339(FromProto(*wanted)) : "";
  if (previous == current) return;
  ticket_.clear_due_at();
  if (wanted != nullptr) *ticket_.mutable_due_at() = ToProto(FromProto(*wanted));
  RecordAttribute("due_at", previous, current, act);
}

void TicketEditor::Reprioritise(const v1::AttributeChanges& changes, v1::Priority source_priority,
                                const Act& act) {
  const v1::Impact impact =
      changes.impact() != v1::IMPACT_UNSPECIFIED ? changes.impact() : ticket_.impact();
  const v1::Urgency urgency =
      changes.urgency() != v1::URGENCY_UNSPECIFIED ? changes.urgency() : ticket_.urgency();
  const bool moved = impact != ticket_.impact() || urgency != ticket_.urgency();
  v1::Priority priority = moved ? PriorityOf(impact, urgency) : ticket_.priority();
  if (source_priority != v1::PRIORITY_UNSPECIFIED) priority = source_priority;
  if (!moved && priority == ticket_.priority()) return;
  events::v1::TicketReprioritized event;
  event.set_previous_priority(ticket_.priority());
  ticket_.set_impact(impact);
  ticket_.set_urgency(urgency);
  ticket_.set_priority(priority);
  Record(std::move(event), act);
}

void TicketEditor::Change(const v1::AttributeChanges& changes, v1::Priority source_priority,
                          const Act& act) {
  Reprioritise(changes, source_priority, act);
  if (changes.has_classification() && !google::protobuf::util::MessageDifferencer::Equals(
                                          changes.classification(), ticket_.classification())) {
    events::v1::TicketReclassified event;
    *event.mutable_previous() = ticket_.classification();
    *ticket_.mutable_classification() = changes.classification();
    Record(std::move(event), act);
  }
  const auto text = [&](const char* field, bool given, std::string* value,
                        const std::string& wanted) {
    if (given) ChangeText(field, value, wanted, act);
  };
  text("title", changes.has_title(), ticket_.mutable_title(), changes.title());
  text("site", changes.has_site(), ticket_.mutable_site(), changes.site());
  text("requester", changes.has_requester(), ticket_.mutable_requester(), changes.requester());
  text("vendor", changes.has_vendor(), ticket_.mutable_vendor(), changes.vendor());
  text("config_item", changes.has_config_item(), ticket_.mutable_config_item(),
       changes.config_item());
  if (changes.has_problem() || changes.has_change() || changes.has_caused_by()) {
    v1::Links& links = *ticket_.mutable_links();
    text("links.problem", changes.has_problem(), links.mutable_problem(), changes.problem());
    text("links.change", changes.has_change(), links.mutable_change(), changes.change());
    text("links.caused_by", changes.has_caused_by(), links.mutable_caused_by(),
         changes.caused_by());
  }
  if (changes.has_knowledge()) {
    ChangeFlag("knowledge", ticket_.knowledge(), changes.knowledge(), &v1::Ticket::set_knowledge,
               act);
  }
  if (changes.has_priority_confirmed()) {
    ChangeFlag("priority_confirmed", ticket_.priority_confirmed(), changes.priority_confirmed(),
               &v1::Ticket::set_priority_confirmed, act);
  }
  text("service", changes.has_service(), ticket_.mutable_service(), changes.service());
  text("requester_time_zone", changes.has_requester_time_zone(),
       ticket_.mutable_requester_time_zone(), changes.requester_time_zone());
  if (changes.has_vip()) {
    ChangeFlag("vip", ticket_.vip(), changes.vip(), &v1::Ticket::set_vip, act);
  }
  if (changes.has_tags()) ChangeTags(changes.tags().tags(), act);
  if (changes.has_due_at()) ChangeDueAt(&changes.due_at(), act);
  if (changes.no_due_at()) ChangeDueAt(nullptr, act);
}

void TicketEditor::Comment(const v1::AddCommentRequest& request, const std::string& author,
                           const Act& act) {
  events::v1::TicketCommented event;
  event.set_author(author);
  event.set_author_kind(act.kind);
  event.set_public_(request.public_());
  event.set_text(request.text());
  Record(std::move(event), act);
}

void TicketEditor::Touch(const Act& act) { Record(events::v1::TicketTouched(), act); }

void TicketEditor::FinishImport(absl::Time as_of, bool go_live, const Act& act) {
  if (go_live && IsOpen(ticket_.state())) ticket_.mutable_import()->set_historic(false);
  events::v1::TicketImportFinished event;
  *event.mutable_as_of() = ToProto(as_of);
  Record(std::move(event), act);
}

absl::Status CheckChanges(const v1::AttributeChanges& changes) {
  if (changes.has_title() && IsBlank(changes.title())) {
    return InvalidField("changes.title", changes.title().empty()
                                             ? "cannot be cleared"
                                             : "shows nothing: it holds only blanks");
  }
  if (changes.has_due_at()) {
    RETURN_IF_ERROR(ParseInstant(changes.due_at(), "changes.due_at").status());
  }
  return CheckTags(changes.tags().tags(), "changes.tags.tags");
}

v1::Ticket WithDescription(const state::v1::TicketState& state) {
  v1::Ticket ticket = state.ticket();
  ticket.set_description(state.description());
  return ticket;
}

}  // namespace watchbell::tickets
