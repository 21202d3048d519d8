// The life of a ticket: its states, the moves between them, its name. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::tickets {

// Verbs that change the state. Everything else about a ticket may change in every state.
enum class Move { kStartWork, kHold, kResume, kResolve, kClose, kResolveAndClose, kReopen };

// A move as asked for.
struct MoveRequest {
  Move move;
  v1::State target = v1::STATE_UNSPECIFIED;             // kReopen: New, InProgress, OnHold
  v1::HoldReason reason = v1::HOLD_REASON_UNSPECIFIED;  // kHold, and kReopen to OnHold
};

// What a legal move does.
struct MoveResult {
  v1::State to;
  v1::HoldReason reason;       // set exactly with OnHold
  bool reason_change = false;  // OnHold for another reason: the state goes on
};

// New, InProgress and OnHold.
bool IsOpen(v1::State state);

// What `request` makes of a ticket in `state`. INVALID_ARGUMENT for a request that is wrong by
// itself (a hold without reason, a reopening to a state that is not open), FAILED_PRECONDITION with
// reason MOVE_FORBIDDEN for a move the state forbids. `subject` is the ticket's name.
absl::StatusOr<MoveResult> CheckMove(absl::string_view subject, v1::State state,
                                     v1::HoldReason reason, const MoveRequest& request);

// "tickets/inc-1042" to "inc-1042". INVALID_ARGUMENT naming `name`.
absl::StatusOr<std::string> ParseTicketName(absl::string_view name);
std::string TicketName(absl::string_view ticket_id);
// inc-<number>, of a service request req-<number>. One number never serves two types.
std::string TicketId(v1::TicketType type, int64_t number);
// Opaque form of a version.
std::string EtagOf(int64_t version);

}  // namespace watchbell::tickets
