// Folds lifecycle events into the facts of a ticket. Pure, and free of engine and storage, so that
// a test can fold the producers' journals on its own and compare bytes with what is stored.
//
// Events of one topic must be applied in their order; topics may be interleaved at will
// (state.proto says why).
#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "watchbell/analytics/state/v1/state.pb.h"

namespace watchbell::analytics {

using state::v1::TicketFacts;

// What the fold needs of an event beside its message.
struct EventTimes {
  absl::Time occurred_at;
  std::optional<absl::Time> source_recorded_at;
};

// True if this event can change a ticket's facts. The others (comments, attributes, pauses,
// warnings, ...) need not be applied.
bool ChangesFacts(const google::protobuf::Message& event);

// Applies one event about the ticket; one that changes no facts does nothing.
void ApplyEvent(const google::protobuf::Message& event, const EventTimes& times,
                TicketFacts& facts);

// --- what folds ask of the facts ---

// True once TicketCreated was applied.
bool IsOpened(const TicketFacts& facts);
// The state before `at` (microseconds): events strictly before it count. Only for tickets opened
// before `at`.
tickets::v1::State StateBefore(const TicketFacts& facts, int64_t at);
tickets::v1::State LastState(const TicketFacts& facts);

// Instants of the state history, in microseconds; none if it never came to that.
std::optional<int64_t> FirstLeftNew(const TicketFacts& facts);
std::optional<int64_t> FirstResolved(
    const TicketFacts& facts);  // Resolved, or closed from an open state
std::optional<int64_t> LastMoveTo(const TicketFacts& facts, tickets::v1::State state);

// Changes of the group, to and from none included; the group it was opened with is none.
int GroupChanges(const TicketFacts& facts);

// Ways back to a group that had the ticket before, over the sequence of known groups with repeats
// collapsed.
struct PingPong {
  int returns = 0;  // length of the sequence minus distinct groups
  int bounces = 0;  // A, B, A
};
PingPong CountPingPong(const TicketFacts& facts);

}  // namespace watchbell::analytics
