#include "services/tickets/ticket_commands.h"

#include <utility>

#include "absl/strings/match.h"
#include "common/base/blank.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "services/tickets/dating.h"
#include "services/tickets/given_facts.h"
#include "services/tickets/priority_matrix.h"
#include "services/tickets/ticket.h"
#include "services/tickets/ticket_editor.h"
#include "services/tickets/tickets_entities.h"
#include "watchbell/tickets/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {
namespace {

using engine::Decision;
using engine::Input;
using engine::View;

template <typename Request>
const google::protobuf::Timestamp* GivenDate(const Request& request) {
  return request.has_occurred_at() ? &request.occurred_at() : nullptr;
}

// The common part of every command on a ticket that exists: find it, compare the etag, date the
// command, and answer the ticket after `body(editor, act)`, which returns a Status.
template <typename Request, typename Body>
Decision OnTicket(const View& view, const Input& input, const Request& request, Body body) {
  const absl::StatusOr<std::string> id = ParseTicketName(request.name());
  if (!id.ok()) return Decision::Refuse(id.status());
  const engine::EntityKey key = TicketKey(input.identity.tenant, *id);
  const auto* current = view.Get<state::v1::TicketState>(key);
  if (current == nullptr) return Decision::Refuse(NotFound(request.name()));
  if (!request.etag().empty() && request.etag() != current->ticket().etag()) {
    return Decision::Refuse(StaleEtag(request.name(), current->ticket().etag()));
  }
  Decision decision;
  state::v1::TicketState state = *current;
  TicketEditor editor(&state, key, &decision);
  const absl::StatusOr<absl::Time> at = DateCommand(
      GivenDate(request), input.now, editor.last_change(), input.identity.Has(kIntegrationRole));
  if (!at.ok()) return Decision::Refuse(at.status());
  const absl::Status done = body(editor, Act{*at, ActorKindOf(input.identity), "", std::nullopt});
  if (!done.ok()) return Decision::Refuse(done);
  decision.Reply(WithDescription(state));
  if (!decision.events().empty()) decision.Put(key, std::move(state));
  return decision;
}

template <typename Request>
Decision OnMove(const View& view, const Input& input, const Request& request,
                const MoveRequest& move, const MoveDetails& details = {}) {
  return OnTicket(view, input, request, [&](TicketEditor& editor, const Act& act) {
    return editor.Apply(move, details, act);
  });
}

Decision Create(const View& view, const Input& input, const v1::CreateTicketRequest& request) {
  const engine::Identity& caller = input.identity;
  if (IsBlank(request.title())) {
    return Decision::Refuse(InvalidField("title", "shows nothing: it holds only blanks"));
  }
  const absl::StatusOr<absl::Time> at = DateCommand(
      GivenDate(request), input.now, absl::InfinitePast(), caller.Has(kIntegrationRole));
  if (!at.ok()) return Decision::Refuse(at.status());
  const engine::EntityKey counter_key = CounterKey(caller.tenant);
  const auto* known = view.Get<state::v1::Counter>(counter_key);
  state::v1::Counter counter = known != nullptr ? *known : state::v1::Counter();
  counter.set_last(counter.last() + 1);
  const engine::EntityKey key = TicketKey(caller.tenant, TicketId(request.type(), counter.last()));

  state::v1::TicketState state;
  state.set_description(request.description());
  v1::Ticket& ticket = *state.mutable_ticket();
  if (const absl::Status taken = TakeGivenFacts(request, "", &ticket); !taken.ok()) {
    return Decision::Refuse(taken);
  }
  ticket.set_title(request.title());
  ticket.set_priority(PriorityOf(request.impact(), request.urgency()));
  ticket.set_requester(request.requester().empty() ? caller.subject : request.requester());
  ticket.set_creator(caller.subject);
  ticket.set_channel(request.channel() == v1::CHANNEL_UNSPECIFIED ? v1::CHANNEL_API
                                                                  : request.channel());

  Decision decision;
  TicketEditor(&state, key, &decision).Create(Act{*at, ActorKindOf(caller), "", std::nullopt});
  decision.Reply(WithDescription(state));
  decision.Put(counter_key, std::move(counter));
  decision.Create(key, std::move(state));
  return decision;
}

Decision Acknowledge(const View& view, const Input& input,
                     const v1::AcknowledgeTicketRequest& request) {
  const std::string& by = request.by().empty() ? input.identity.subject : request.by();
  return OnTicket(view, input, request, [&](TicketEditor& editor, const Act& act) {
    if (by != input.identity.subject && !input.identity.Has(kIntegrationRole)) {
      return NotAllowed("by: acknowledging for another person needs role \"integration\"");
    }
    if (editor.ticket().has_acknowledged_at()) return absl::OkStatus();
    if (!IsOpen(editor.ticket().state())) {
      return ForbiddenMove("MOVE_FORBIDDEN", request.name(),
                           "is not open any more: there is nothing to acknowledge");
    }
    editor.Acknowledge(by, act);
    return absl::OkStatus();
  });
}

Decision Assign(const View& view, const Input& input, const v1::AssignTicketRequest& request) {
  return OnTicket(view, input, request, [&](TicketEditor& editor, const Act& act) {
    editor.Assign(request.has_group() ? &request.group() : nullptr,
                  request.has_assignee() ? &request.assignee() : nullptr, request.reason(), act);
    return absl::OkStatus();
  });
}

Decision Resolve(const View& view, const Input& input, const v1::ResolveTicketRequest& request) {
  MoveDetails details;
  details.resolution_code = request.resolution_code();
  details.resolution_note = request.resolution_note();
  details.resolver = input.identity.subject;
  return OnMove(view, input, request, {Move::kResolve}, details);
}

Decision Reopen(const View& view, const Input& input, const v1::ReopenTicketRequest& request) {
  return OnTicket(view, input, request, [&](TicketEditor& editor, const Act& act) {
    if (editor.ticket().state() == v1::STATE_CLOSED) {
      if (!input.identity.Has(kIntegrationRole) && !input.identity.Has(kManagerRole)) {
        return NotAllowed("reopening a closed ticket needs role \"manager\" or \"integration\"");
      }
      if (request.reason().empty()) {
        return InvalidField("reason", "is required to reopen a closed ticket");
      }
    }
    MoveRequest move{Move::kReopen, request.target(), request.hold_reason()};
    if (move.target == v1::STATE_UNSPECIFIED) move.target = v1::STATE_IN_PROGRESS;
    MoveDetails details;
    details.reason = request.reason();
    return editor.Apply(move, details, act);
  });
}

Decision Close(const View& view, const Input& input, const v1::CloseTicketRequest& request) {
  return OnTicket(view, input, request, [&](TicketEditor& editor, const Act& act) {
    if (!request.resolve()) return editor.Apply({Move::kClose}, {}, act);
    const bool open = IsOpen(editor.ticket().state());
    MoveDetails details;
    details.resolution_code = request.resolution_code();
    details.resolver = input.identity.subject;
    // A ticket that was resolved meanwhile is closed all the same: that is what the caller wants to
    // see.
    return editor.Apply({open ? Move::kResolveAndClose : Move::kClose}, details, act);
  });
}

Decision Comment(const View& view, const Input& input, const v1::AddCommentRequest& request) {
  return OnTicket(view, input, request, [&](TicketEditor& editor, Act act) {
    if (request.automatic()) act.kind = events::v1::ACTOR_KIND_AUTOMATION;
    editor.Comment(request, input.identity.subject, act);
    return absl::OkStatus();
  });
}

Decision Update(const View& view, const Input& input, const v1::UpdateTicketRequest& request) {
  if (const absl::Status checked = CheckChanges(request.changes()); !checked.ok()) {
    return Decision::Refuse(checked);
  }
  return OnTicket(view, input, request, [&](TicketEditor& editor, const Act& act) {
    editor.Change(request.changes(), v1::PRIORITY_UNSPECIFIED, act);
    return absl::OkStatus();
  });
}

}  // namespace

events::v1::ActorKind ActorKindOf(const engine::Identity& identity) {
  if (absl::StartsWith(identity.subject, "service:")) return events::v1::ACTOR_KIND_AUTOMATION;
  if (identity.Has(kAgentRole) || identity.Has(kManagerRole)) return events::v1::ACTOR_KIND_AGENT;
  if (identity.Has(kIntegrationRole)) return events::v1::ACTOR_KIND_AUTOMATION;
  return events::v1::ACTOR_KIND_REQUESTER;
}

std::vector<engine::EntityKey> TicketCommandNeeds(const Input& input) {
  const google::protobuf::Message& request = *input.message;
  if (input.As<v1::CreateTicketRequest>() != nullptr) return {CounterKey(input.identity.tenant)};
  const google::protobuf::FieldDescriptor* name = request.GetDescriptor()->FindFieldByName("name");
  if (name == nullptr) return {};
  const absl::StatusOr<std::string> id =
      ParseTicketName(request.GetReflection()->GetString(request, name));
  if (!id.ok()) return {};
  return {TicketKey(input.identity.tenant, *id)};
}

Decision DecideTicketCommand(const View& view, const Input& input) {
  if (const auto* r = input.As<v1::CreateTicketRequest>()) return Create(view, input, *r);
  if (const auto* r = input.As<v1::AcknowledgeTicketRequest>()) return Acknowledge(view, input, *r);
  if (const auto* r = input.As<v1::AssignTicketRequest>()) return Assign(view, input, *r);
  if (const auto* r = input.As<v1::StartWorkRequest>()) {
    return OnMove(view, input, *r, {Move::kStartWork});
  }
  if (const auto* r = input.As<v1::HoldTicketRequest>()) {
    return OnMove(view, input, *r, {Move::kHold, v1::STATE_UNSPECIFIED, r->reason()});
  }
  if (const auto* r = input.As<v1::ResumeTicketRequest>()) {
    return OnMove(view, input, *r, {Move::kResume});
  }
  if (const auto* r = input.As<v1::ResolveTicketRequest>()) return Resolve(view, input, *r);
  if (const auto* r = input.As<v1::ReopenTicketRequest>()) return Reopen(view, input, *r);
  if (const auto* r = input.As<v1::CloseTicketRequest>()) return Close(view, input, *r);
  if (const auto* r = input.As<v1::AddCommentRequest>()) return Comment(view, input, *r);
  if (const auto* r = input.As<v1::UpdateTicketRequest>()) return Update(view, input, *r);
  return Decision::Refuse(absl::UnimplementedError("not a command of the tickets service"));
}

}  // namespace watchbell::tickets
