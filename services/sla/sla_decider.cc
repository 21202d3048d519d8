#include "services/sla/sla_decider.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "services/sla/clock_view.h"
#include "services/sla/judge_loading.h"
#include "services/sla/late_inputs.h"
#include "services/sla/policy_schedule.h"
#include "services/sla/reference_commands.h"
#include "services/sla/sla_store.h"
#include "services/sla/ticket_events.h"
#include "watchbell/events/v1/sla.pb.h"

namespace watchbell::sla {
namespace {

using engine::Decision;
using engine::EntityKey;
using engine::Input;
using state::v1::TicketClocks;

void KeepFacts(const tickets::v1::Ticket& ticket, TicketClocks& clocks) {
  *clocks.mutable_ticket() = ticket;
  clocks.mutable_ticket()->clear_description();
  clocks.set_historic(ticket.import().historic());
}

// Moves the timer to where it belongs and stores the ticket.
void Finish(const EntityKey& key, TicketClocks next, Decision& decision) {
  const std::optional<int64_t> due = next.historic() ? std::nullopt : NextDue(next);
  if (due && (!next.has_armed_for() || next.armed_for() != *due)) {
    decision.Arm(key, kDueTimer, absl::FromUnixMicros(*due));
    next.set_armed_for(*due);
  } else if (!due && next.has_armed_for()) {
    decision.Disarm(key, kDueTimer);
    next.clear_armed_for();
  }
  decision.Put(key, std::move(next));
}

void EmitSettled(const EntityKey& key, const TicketEvent& event, const TicketClocks& clocks,
                 Decision& decision) {
  events::v1::TicketSettled settled;
  settled.set_ticket_id(event.ticket->ticket_id());
  settled.set_import_source(event.ticket->import().source());
  *settled.mutable_as_of() = ToProto(absl::FromUnixMicros(event.as_of));
  for (const state::v1::ClockRecord& clock : clocks.clocks()) {
    *settled.add_clocks() = ToClock(clocks, clock);
  }
  decision.Emit(key, std::move(settled), absl::FromUnixMicros(event.as_of));
}

// What judges a ticket when it is first heard of: a version of a policy set, 0 = the newest.
struct PolicyChoice {
  std::string policy_set_id;  // "" = none
  int64_t version = 0;
};

PolicyChoice PolicyFor(const engine::View& view, const Input& input,
                       const tickets::v1::Ticket& ticket) {
  const bool historic = ticket.import().historic();
  if (historic && !ticket.import().policy_set().empty()) return {ticket.import().policy_set(), 0};
  const auto* schedule =
      view.Get<state::v1::PolicySchedule>(PolicyScheduleKey(input.identity.tenant));
  if (schedule == nullptr) return {};
  // A history is older than any policy that could judge it.
  const absl::Time at = historic ? input.now : FromProto(ticket.opened_at());
  const state::v1::ScheduledPolicy* in_force = InForce(*schedule, absl::ToUnixMicros(at));
  if (in_force == nullptr) return {};
  return {in_force->policy_set_id(), in_force->version()};
}

// What to answer when a judge is not at hand.
Decision Without(LoadedJudge loaded) {
  if (!loaded.missing.empty()) return Decision::NeedsMore(std::move(loaded.missing));
  return loaded.error.ok() ? Decision() : Decision::Refuse(std::move(loaded.error));
}

Decision Created(const engine::View& view, JudgeCaches& caches, const Input& input,
                 const TicketEvent& event) {
  const std::string& tenant = input.identity.tenant;
  const PolicyChoice policy = PolicyFor(view, input, *event.ticket);
  if (policy.policy_set_id.empty()) return Decision();
  TicketClocks next;
  LoadedJudge loaded = PinPolicy(view, caches, tenant, policy.policy_set_id, policy.version, next);
  if (!loaded.judge) return Without(std::move(loaded));
  KeepFacts(*event.ticket, next);
  next.set_opened_at(absl::ToUnixMicros(FromProto(event.ticket->opened_at())));
  Happenings happened;
  ApplyInput(*loaded.judge, next, InputOf(nullptr, event, next.opened_at(), input.envelope.version),
             happened);
  Decision decision;
  const EntityKey key = TicketKey(tenant, event.ticket->ticket_id());
  Announce(key, next, happened, decision);
  Finish(key, std::move(next), decision);
  return decision;
}

Decision Changed(const engine::View& view, JudgeCaches& caches, const Input& input,
                 const TicketEvent& event, const TicketClocks& stored) {
  const EntityKey key = TicketKey(input.identity.tenant, event.ticket->ticket_id());
  const int64_t at = std::max(absl::ToUnixMicros(input.envelope.occurred_at), stored.opened_at());
  const state::v1::TicketInput change =
      InputOf(&stored.ticket(), event, at, input.envelope.version);
  const bool matters = Matters(change);
  LoadedJudge loaded;
  if (matters) {
    loaded = LoadPinned(view, caches, input.identity.tenant, stored);
    if (!loaded.judge) return Without(std::move(loaded));
  }

  Decision decision;
  TicketClocks next = stored;
  const bool late = matters && IsLate(stored, change);
  if (!late) {
    // What was due before is told with the facts it fell due on.
    Happenings settled;
    Settle(next, at, settled);
    Announce(key, next, settled, decision);
  }
  const bool was_historic = stored.historic();
  KeepFacts(*event.ticket, next);
  Happenings happened;
  if (late) {
    ApplyLate(*loaded.judge, next, change, happened);
  } else if (matters) {
    ApplyInOrder(*loaded.judge, next, change, happened);
  }
  if (event.kind == state::v1::TICKET_EVENT_KIND_IMPORT_FINISHED) {
    // What lies before as_of is history, also of a ticket that goes live here.
    const bool now_historic = next.historic();
    next.set_historic(was_historic);
    Settle(next, event.as_of, happened);
    Announce(key, next, happened, decision);
    next.set_historic(now_historic);
    EmitSettled(key, event, next, decision);
  } else {
    Announce(key, next, happened, decision);
  }
  Finish(key, std::move(next), decision);
  return decision;
}

}  // namespace

const std::vector<engine::EntityClass>& SlaDecider::classes() const { return Classes(); }

std::vector<EntityKey> SlaDecider::Needs(const Input& input) const {
  switch (input.kind) {
    case Input::Kind::kCommand:
      return ReferenceCommandNeeds(input);
    case Input::Kind::kTimer:
      return {input.timer.entity};
    case Input::Kind::kEvent: {
      const std::optional<TicketEvent> event = ReadTicketEvent(*input.message);
      if (!event) return {};
      const std::string& tenant = input.identity.tenant;
      std::vector<EntityKey> keys = {TicketKey(tenant, event->ticket->ticket_id())};
      if (event->kind == state::v1::TICKET_EVENT_KIND_CREATED)
        keys.push_back(PolicyScheduleKey(tenant));
      return keys;
    }
    case Input::Kind::kOutcome:
      return {};
  }
  return {};
}

Decision SlaDecider::Decide(const engine::View& view, const Input& input) const {
  switch (input.kind) {
    case Input::Kind::kCommand:
      return DecideReferenceCommand(view, input);
    case Input::Kind::kTimer:
      return DecideTimer(view, input);
    case Input::Kind::kEvent:
      return DecideEvent(view, input);
    case Input::Kind::kOutcome:
      return Decision();
  }
  return Decision();
}

Decision SlaDecider::DecideEvent(const engine::View& view, const Input& input) const {
  const std::optional<TicketEvent> event = ReadTicketEvent(*input.message);
  if (!event) return Decision();
  const EntityKey key = TicketKey(input.identity.tenant, event->ticket->ticket_id());
  const auto* stored = view.Get<TicketClocks>(key);
  // Nothing is kept of tickets no policy set judges.
  const bool judged = stored != nullptr && !stored->policy_set_id().empty();
  if (judged) return Changed(view, caches_, input, *event, *stored);
  if (event->kind == state::v1::TICKET_EVENT_KIND_CREATED)
    return Created(view, caches_, input, *event);
  Decision decision;
  if (event->kind == state::v1::TICKET_EVENT_KIND_IMPORT_FINISHED) {
    EmitSettled(key, *event, TicketClocks(), decision);
  }
  return decision;
}

Decision SlaDecider::DecideTimer(const engine::View& view, const Input& input) const {
  const auto* stored = view.Get<TicketClocks>(input.timer.entity);
  if (stored == nullptr || stored->historic()) return Decision();
  // Only up to this timer's own due time: what a stop that is still on its way may precede waits
  // for its own turn.
  Decision decision;
  TicketClocks next = *stored;
  next.clear_armed_for();
  Happenings happened;
  Settle(next, absl::ToUnixMicros(input.due) + 1, happened);
  Announce(input.timer.entity, next, happened, decision);
  Finish(input.timer.entity, std::move(next), decision);
  return decision;
}

}  // namespace watchbell::sla
