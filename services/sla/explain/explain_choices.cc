#include "services/sla/explain/explain_choices.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/base/proto_time.h"
#include "services/sla/clocks/clock_machine.h"
#include "services/sla/clocks/clock_record.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/hypothesis.h"
#include "services/sla/clocks/ticket_change.h"
#include "services/sla/clocks/ticket_inputs.h"
#include "services/sla/explain/explain_segments.h"
#include "services/sla/policies/condition_words.h"
#include "services/sla/policies/metric_rules.h"

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

const ClockSlot* SlotOf(const Judge& judge, int era, const ClockRecord& clock) {
  for (const ClockSlot& slot : judge.era(era).compiled->slots) {
    if (slot.name == clock.name()) return &slot;
  }
  return nullptr;
}

// The clock as it would be if an agent made this change now; nothing if there would be none, or no
// such change.
std::optional<ClockRecord> After(const Judge& judge, const TicketClocks& ticket,
                                 const ClockRecord& clock, const v1::PreviewChangeRequest& change,
                                 int64_t as_of) {
  const auto inputs = InputsOfChange(ticket.ticket(), change, NextInput(ticket, as_of));
  if (!inputs.ok()) return std::nullopt;
  TicketClocks after = Suppose(judge, ticket, *inputs);
  for (ClockRecord& one : *after.mutable_clocks()) {
    if (IsSameClock(one, clock)) return std::move(one);
  }
  return std::nullopt;
}

}  // namespace

void ExplainTargets(const Judge& judge, const TicketClocks& ticket, const ClockRecord& clock,
                    const ClockHistory& history, v1::ClockExplanation& out) {
  const int era = judge.EraOf(clock.target());
  const ClockSlot* slot = SlotOf(judge, era, clock);
  if (slot == nullptr) return;
  const state::v1::Facts facts = DecidingFacts(ticket, clock, history);
  const Moment moment = MomentOf(facts, TicketInput::default_instance());
  const int match = MatchTarget(judge, era, *slot, moment);
  for (const int place : slot->targets) {
    const int target = judge.first(era) + place;
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
  v1::PreviewChangeRequest change;
  change.add_update_mask("priority");
  for (int i = tickets::v1::Priority_MIN + 1; i <= tickets::v1::Priority_MAX; ++i) {
    const auto priority = static_cast<tickets::v1::Priority>(i);
    if (!tickets::v1::Priority_IsValid(i) || priority == ticket.facts().priority()) continue;
    change.mutable_change()->set_priority(priority);
    const std::optional<ClockRecord> after = After(judge, ticket, clock, change, as_of);
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
  v1::PreviewChangeRequest hold;
  hold.add_update_mask("state");
  hold.add_update_mask("hold_reason");
  hold.mutable_change()->set_state(tickets::v1::STATE_ON_HOLD);
  for (int i = tickets::v1::HoldReason_MIN + 1; i <= tickets::v1::HoldReason_MAX; ++i) {
    if (!tickets::v1::HoldReason_IsValid(i)) continue;
    const auto reason = static_cast<tickets::v1::HoldReason>(i);
    hold.mutable_change()->set_hold_reason(reason);
    const std::optional<ClockRecord> after = After(judge, ticket, clock, hold, as_of);
    if (after && after->state() == v1::CLOCK_STATE_PAUSED) out.add_pausing_hold_reasons(reason);
  }
}

}  // namespace watchbell::sla
