// How clocks move: over one ticket's inputs, taken in event-time order, by the conditions of the
// targets that select it. Pure: state in, state and happenings out. What is heard out of order is
// late_inputs.h's.
//
// Per clock and input the first true of stop, reset, cancel, another target, pause, resume decides;
// attaching comes last. One clock goes by (name, cycle); of a name at most the last cycle is open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/sla/clocks/clock_record.h"
#include "services/sla/clocks/judge.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// Something that became true of a clock; each is announced as one event.
struct Happening {
  enum class Kind {
    kAttached,
    kPaused,
    kResumed,
    kRetargeted,
    kWarned,
    kBreached,
    kWithdrawn,
    kStopped,
    kCancelled,
  };
  Kind kind;
  int64_t at = 0;                       // when it happened
  state::v1::ClockRecord clock;         // after it
  std::optional<int64_t> previous_due;  // kPaused, kRetargeted
  int32_t leg = 0;                      // kWarned, kBreached, kWithdrawn
  state::v1::Threshold threshold;       // kWarned
  bool skipped = false;                 // kWarned: crossed before the clock had this target
  int64_t due = 0;                      // kBreached, kWithdrawn: the crossing
  bool on_attach = false;               // kBreached: crossed before the clock had this target
  bool restated = false;                // kStopped: a verdict was announced before
  std::string cause;                    // kRetargeted, kWithdrawn
};
using Happenings = std::vector<Happening>;

// Decides what was due on this ticket strictly before `before`, in due order: warnings and
// breaches. `out` null: nobody listens, here and below.
void Settle(state::v1::TicketClocks& ticket, int64_t before, Happenings* out);
inline void Settle(state::v1::TicketClocks& ticket, int64_t before, Happenings& out) {
  Settle(ticket, before, &out);
}

// The next instant Settle has something for; nothing while there is none.
std::optional<int64_t> NextDue(const state::v1::TicketClocks& ticket);

// Applies an input dated no earlier than everything decided so far. The caller has settled up to
// it.
void ApplyInOrder(const Judge& judge, state::v1::TicketClocks& ticket,
                  const state::v1::TicketInput& input, Happenings* out);
inline void ApplyInOrder(const Judge& judge, state::v1::TicketClocks& ticket,
                         const state::v1::TicketInput& input, Happenings& out) {
  ApplyInOrder(judge, ticket, input, &out);
}

// The same of the last of the ticket's inputs, which was added to them since the one before was
// applied.
void ApplyLast(const Judge& judge, state::v1::TicketClocks& ticket, Happenings* out);

// The zone data changed: deadlines to come are counted again, told as of `at`. What has breached or
// ended stays; a deadline that turns out to have passed is Settle's.
void RecountOpen(const Judge& judge, state::v1::TicketClocks& ticket, int64_t at, Happenings& out);

// A warning that was told although the clock as counted now has not crossed it.
bool IsAnnounced(const state::v1::TicketClocks& ticket, const state::v1::ClockRecord& clock,
                 const state::v1::FiredWarning& warning);

}  // namespace watchbell::sla
