// Changes one ticket and records each change as an event that carries the ticket after it. The one
// place where events of tickets are made: commands, imports, alerts and routing all go through it.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/engine/decision.h"
#include "services/tickets/tags.h"
#include "services/tickets/ticket.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/tickets/state/v1/state.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

// Who acts, and when: the same for all events of one command.
struct Act {
  absl::Time at;  // already checked or clamped: not before the ticket's last change
  events::v1::ActorKind kind = events::v1::ACTOR_KIND_UNSPECIFIED;
  std::string actor;  // "" = the input's subject
  std::optional<absl::Time> source_recorded_at;
};

// What may come with a move.
struct MoveDetails {
  std::string resolution_code;  // with kResolve, kResolveAndClose, as the next three
  std::string resolution_note;
  std::string resolver;
  std::string caused_by;  // links the causing change if set
  std::string reason;     // with kReopen
};

class TicketEditor {
 public:
  // Works on `state` in place and adds events to `decision`; both outlive it. The caller puts the
  // state.
  TicketEditor(state::v1::TicketState* state, engine::EntityKey key, engine::Decision* decision)
      : state_(*state),
        ticket_(*state->mutable_ticket()),
        key_(std::move(key)),
        decision_(*decision) {}

  const v1::Ticket& ticket() const { return ticket_; }
  absl::Time last_change() const;

  // The facts and the description are set; state, dates and version are made here.
  void Create(const Act& act);
  void Acknowledge(const std::string& by, const Act& act);
  // Errors of CheckMove, and nothing is changed then.
  absl::Status Apply(const MoveRequest& request, const MoveDetails& details, const Act& act);
  // Null stays as it is. No event if nothing changes.
  void Assign(const std::string* group, const std::string* assignee, const std::string& reason,
              const Act& act);
  // One event per changed attribute group. `source_priority`: the import's own, unset = by the
  // matrix. The changes have passed CheckChanges.
  void Change(const v1::AttributeChanges& changes, v1::Priority source_priority, const Act& act);
  void Comment(const v1::AddCommentRequest& request, const std::string& author, const Act& act);
  void Touch(const Act& act);
  void FinishImport(absl::Time as_of, bool go_live, const Act& act);

 private:
  template <typename Event>
  void Record(Event event, const Act& act);
  void Enter(v1::State to, v1::HoldReason reason, const Act& act);
  void Resolution(const MoveDetails& details, const Act& act);
  void Reprioritise(const v1::AttributeChanges& changes, v1::Priority source_priority,
                    const Act& act);
  // The event of an attribute that was changed just now, with both values as text.
  void RecordAttribute(const char* field, std::string previous, std::string current,
                       const Act& act);
  void ChangeText(const char* field, std::string* value, const std::string& wanted, const Act& act);
  void ChangeFlag(const char* field, bool current, bool wanted, void (v1::Ticket::*set)(bool),
                  const Act& act);
  void ChangeTags(const TagList& wanted, const Act& act);
  // Null: none.
  void ChangeDueAt(const google::protobuf::Timestamp* wanted, const Act& act);

  state::v1::TicketState& state_;
  v1::Ticket& ticket_;
  const engine::EntityKey key_;
  engine::Decision& decision_;
};

// INVALID_ARGUMENT for what may not be cleared, bad tags and a due date that is none.
absl::Status CheckChanges(const v1::AttributeChanges& changes);

// The ticket as GetTicket shows it.
v1::Ticket WithDescription(const state::v1::TicketState& state);

}  // namespace watchbell::tickets
