#include "services/sla/explain_choices.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/base/proto_time.h"
#include "services/sla/condition_words.h"
#include "services/sla/explain_segments.h"
#include "services/sla/late_inputs.h"
#include "services/sla/metric_rules.h"
#include "services/sla/ticket_inputs.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;
using state::v1::TicketInput;

// What the clock's target was last chosen by. Where it is chosen at every input, that is the facts
// as they are.
state::v1::Facts DecidingFacts(const TicketClocks& ticket, const ClockRecord& clock,
                               const ClockHistory& history) {
  if (IsOpen(clock) || clock.unmatched()) return ticket.facts();
  state::v1::Facts facts;
  for (int i = 0; i <= history.chosen; ++i) facts.MergeFrom(ticket.inputs(i).change());
  return facts;
}

const ClockSlot* SlotOf(const Judge& judge, const ClockRecord& clock) {
  for (const ClockSlot& slot : judge.compiled->slots) {
    if (slot.name == clock.name()) return &slot;
  }
  return nullptr;
}

// The clock as it would be if this were to happen now; nothing if there would be none.
std::optional<ClockRecord> After(const Judge& judge, TicketClocks ticket, const ClockRecord& clock,
                                 TicketInput input) {
  Happenings unheard;
  ApplyInput(judge, ticket, input, unheard);
  Settle(ticket, input.at(), unheard);
  for (ClockRecord& after : *ticket.mutable_clocks()) {
    if (IsSameClock(after, clock)) return std::move(after);
  }
  return std::nullopt;
}

}  // namespace

void ExplainTargets(const Judge& judge, const TicketClocks& ticket, const ClockRecord& clock,
                    const ClockHistory& history, v1::ClockExplanation& out) {
  const ClockSlot* slot = SlotOf(judge, clock);
  if (slot == nullptr) return;
  const state::v1::Facts facts = DecidingFacts(ticket, clock, history);
  const Moment moment = MomentOf(facts, TicketInput::default_instance());
  const int match = MatchTarget(judge, *slot, moment);
  for (const int target : slot->targets) {
    v1::TargetReason& reason = *out.add_targets();
    reason.set_target_id(judge.target(target).target_id());
    reason.set_applies(target == match);
    if (target == match) continue;
    std::string why = WhyNot(ConditionsOf(judge.target(target)).selector, moment);
    reason.set_why_not(why.empty() ? "a target before it matched" : std::move(why));
  }
}

void ExplainOutcomes(const Judge& judge, const TicketClocks& ticket, const ClockRecord& clock,
                     int64_t as_of, v1::ClockExplanation& out) {
  if (!IsOpen(clock)) return;
  TicketInput next;
  next.set_at(as_of);
  next.set_sequence(ticket.inputs(ticket.inputs_size() - 1).sequence() + 1);
  next.set_actor_kind(events::v1::ACTOR_KIND_AGENT);

  TicketInput change = next;
  change.set_event(state::v1::TICKET_EVENT_KIND_REPRIORITIZED);
  for (int i = tickets::v1::Priority_MIN + 1; i <= tickets::v1::Priority_MAX; ++i) {
    const auto priority = static_cast<tickets::v1::Priority>(i);
    if (!tickets::v1::Priority_IsValid(i) || priority == ticket.facts().priority()) continue;
    change.mutable_change()->set_priority(priority);
    const std::optional<ClockRecord> after = After(judge, ticket, clock, change);
    if (!after || (after->target() == clock.target() && after->state() == clock.state())) continue;
    v1::PriorityOutcome& outcome = *out.add_priorities();
    outcome.set_priority(priority);
    outcome.set_state(after->state());
    if (after->state() == v1::CLOCK_STATE_CANCELLED) continue;
    outcome.set_target_id(after->target_id());
    outcome.set_breached(BreachOf(*after, after->leg()) != nullptr);
    if (const auto due = ShownDue(*after)) {
      *outcome.mutable_due_at() = ToProto(absl::FromUnixMicros(*due));
    }
  }

  if (IsFinished(ticket.facts())) return;
  TicketInput hold = next;
  hold.set_event(state::v1::TICKET_EVENT_KIND_HELD);
  hold.mutable_change()->set_state(tickets::v1::STATE_ON_HOLD);
  for (int i = tickets::v1::HoldReason_MIN + 1; i <= tickets::v1::HoldReason_MAX; ++i) {
    if (!tickets::v1::HoldReason_IsValid(i)) continue;
    const auto reason = static_cast<tickets::v1::HoldReason>(i);
    hold.mutable_change()->set_hold_reason(reason);
    const std::optional<ClockRecord> after = After(judge, ticket, clock, hold);
    if (after && after->state() == v1::CLOCK_STATE_PAUSED) out.add_pausing_hold_reasons(reason);
  }
}

}  // namespace watchbell::sla
