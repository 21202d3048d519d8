#include "services/tickets/import_action.h"

#include "common/base/blank.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "services/tickets/given_facts.h"
#include "services/tickets/priority_matrix.h"

namespace watchbell::tickets {
namespace {

MoveDetails DetailsOf(const v1::ImportResolve& resolve) {
  MoveDetails details;
  details.resolution_code = resolve.resolution_code();
  details.resolver = resolve.resolver();
  details.caused_by = resolve.caused_by();
  return details;
}

}  // namespace

absl::StatusOr<state::v1::TicketState> ImportedFacts(const v1::ImportBatchRequest& batch,
                                                     const v1::ImportCommand& command) {
  const v1::Ticket& given = command.create().ticket();
  if (given.type() == v1::TICKET_TYPE_UNSPECIFIED) {
    return InvalidField("create.ticket.type", "is required");
  }
  state::v1::TicketState state;
  state.set_description(given.description());
  v1::Ticket& ticket = *state.mutable_ticket();
  RETURN_IF_ERROR(TakeGivenFacts(given, "create.ticket.", &ticket));
  ticket.set_title(IsBlank(given.title()) ? command.external_id() : given.title());
  ticket.set_priority(given.priority() != v1::PRIORITY_UNSPECIFIED
                          ? given.priority()
                          : PriorityOf(given.impact(), given.urgency()));
  ticket.set_requester(given.requester());
  ticket.set_creator(given.creator());
  ticket.set_channel(given.channel());
  ticket.set_knowledge(given.knowledge());
  ticket.set_priority_confirmed(given.priority_confirmed());
  v1::Import& import = *ticket.mutable_import();
  import.set_source(batch.source());
  import.set_external_id(command.external_id());
  import.set_historic(true);
  import.set_policy_set(batch.policy_set());
  import.set_policy_version(batch.policy_version());
  *import.mutable_calendar_versions() = batch.calendar_versions();
  return state;
}

absl::Status ApplyImported(const v1::ImportCommand& command, const Act& act, TicketEditor& editor) {
  switch (command.action_case()) {
    case v1::ImportCommand::kAssign: {
      const v1::ImportAssign& assign = command.assign();
      editor.Assign(assign.has_group() ? &assign.group() : nullptr,
                    assign.has_assignee() ? &assign.assignee() : nullptr, "", act);
      return absl::OkStatus();
    }
    case v1::ImportCommand::kStartWork:
      return editor.Apply({Move::kStartWork}, {}, act);
    case v1::ImportCommand::kHold:
      return editor.Apply({Move::kHold, v1::STATE_UNSPECIFIED, command.hold().reason()}, {}, act);
    case v1::ImportCommand::kResume:
      return editor.Apply({Move::kResume}, {}, act);
    case v1::ImportCommand::kResolve:
      return editor.Apply({Move::kResolve}, DetailsOf(command.resolve()), act);
    case v1::ImportCommand::kClose:
      return editor.Apply({Move::kClose}, {}, act);
    case v1::ImportCommand::kResolveAndClose:
      return editor.Apply({Move::kResolveAndClose}, DetailsOf(command.resolve_and_close()), act);
    case v1::ImportCommand::kReopen:
      return editor.Apply(
          {Move::kReopen, command.reopen().target(), command.reopen().hold_reason()}, {}, act);
    case v1::ImportCommand::kUpdate:
      RETURN_IF_ERROR(CheckChanges(command.update().changes()));
      editor.Change(command.update().changes(), command.update().priority(), act);
      return absl::OkStatus();
    case v1::ImportCommand::kTouch:
      editor.Touch(act);
      return absl::OkStatus();
    case v1::ImportCommand::kCreate:
    case v1::ImportCommand::ACTION_NOT_SET:
      break;
  }
  return InvalidField("action", "say what to do");
}

}  // namespace watchbell::tickets
