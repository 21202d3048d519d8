// Settle and NextDue of clock_machine.h: what becomes true by time alone.
#include <algorithm>

#include "services/sla/clocks/clock_machine.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;

// The next crossing of one clock. Its warnings come before its breach.
std::optional<int64_t> NextOf(const ClockRecord& clock) {
  std::optional<int64_t> next;
  if (clock.pending_size() > 0) next = clock.pending(0).at();
  if (clock.has_pending_due() && (!next || clock.pending_due() < *next)) next = clock.pending_due();
  return next;
}

ClockRecord* EarliestClock(TicketClocks& ticket) {
  ClockRecord* earliest = nullptr;
  for (ClockRecord& clock : *ticket.mutable_clocks()) {
    const std::optional<int64_t> next = NextOf(clock);
    if (next && (earliest == nullptr || *next < *NextOf(*earliest))) earliest = &clock;
  }
  return earliest;
}

void FireWarning(const TicketClocks& ticket, ClockRecord& clock, Happenings* out) {
  const state::v1::PendingWarning warning = clock.pending(0);
  clock.mutable_pending()->erase(clock.pending().begin());
  // What is left may be less than the threshold from the start.
  clock.set_elapsed(std::max(clock.counted(), WarnAt{warning.threshold()}.Amount(clock.allowed())));
  state::v1::FiredWarning* fired = clock.add_fired();
  fired->set_leg(clock.leg());
  *fired->mutable_threshold() = warning.threshold();
  // A late input can bring a threshold back that was announced already: it is crossed again, but
  // told once.
  if (out == nullptr || IsAnnounced(ticket, clock, *fired)) return;
  out->push_back({.kind = Happening::Kind::kWarned,
                  .at = warning.at(),
                  .clock = clock,
                  .leg = clock.leg(),
                  .threshold = warning.threshold()});
}

void FireBreach(ClockRecord& clock, Happenings* out) {
  const int64_t due = clock.pending_due();
  clock.clear_pending_due();
  clock.set_elapsed(clock.allowed());
  state::v1::StandingBreach* breach = clock.add_breaches();
  breach->set_leg(clock.leg());
  breach->set_due(due);
  if (out == nullptr) return;
  out->push_back({.kind = Happening::Kind::kBreached,
                  .at = due,
                  .clock = clock,
                  .leg = clock.leg(),
                  .due = due});
}

}  // namespace

bool IsAnnounced(const TicketClocks& ticket, const ClockRecord& clock,
                 const state::v1::FiredWarning& warning) {
  return std::any_of(ticket.announced().begin(), ticket.announced().end(),
                     [&](const state::v1::AnnouncedWarning& announced) {
                       return announced.clock() == clock.name() &&
                              announced.cycle() == clock.cycle() &&
                              announced.warning().leg() == warning.leg() &&
                              announced.warning().threshold() == warning.threshold();
                     });
}

std::optional<int64_t> NextDue(const TicketClocks& ticket) {
  std::optional<int64_t> next;
  for (const ClockRecord& clock : ticket.clocks()) {
    const std::optional<int64_t> of = NextOf(clock);
    if (of && (!next || *of < *next)) next = of;
  }
  return next;
}

void Settle(TicketClocks& ticket, int64_t before, Happenings* out) {
  while (ClockRecord* clock = EarliestClock(ticket)) {
    const int64_t due = *NextOf(*clock);
    if (due >= before) return;
    if (clock->pending_size() > 0 && clock->pending(0).at() == due) {
      FireWarning(ticket, *clock, out);
    } else {
      FireBreach(*clock, out);
    }
    ticket.set_decided_before(std::max(ticket.decided_before(), due + 1));
  }
}

}  // namespace watchbell::sla
