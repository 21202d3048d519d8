#include "services/sla/sla_decider.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "services/sla/at_risk_index.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/clocks/late_inputs.h"
#include "services/sla/clocks/ticket_events.h"
#include "services/sla/judge_loading.h"
#include "services/sla/policies/policy_schedule.h"
#include "services/sla/policy_move.h"
#include "services/sla/put_ticket.h"
#include "services/sla/reference_commands.h"
#include "services/sla/sla_store.h"
#include "services/sla/waiver_commands.h"
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

// Which versions judge a ticket when it is first heard of: those in force at this instant. A
// history is older than any policy that could judge it.
int64_t VersionsAt(const Input& input, const tickets::v1::Ticket& ticket) {
  return absl::ToUnixMicros(ticket.import().historic() ? input.now : FromProto(ticket.opened_at()));
}

PolicyChoice PolicyFor(const engine::View& view, const Input& input,
                       const tickets::v1::Ticket& ticket) {
  const tickets::v1::Import& import = ticket.import();
  if (import.historic() && !import.policy_set().empty()) {
    PolicyChoice named{import.policy_set(), import.policy_version(), {}};
    for (const tickets::v1::CalendarVersion& calendar : import.calendar_versions()) {
      named.calendars[calendar.calendar_id()] = calendar.version();
    }
    return named;
  }
  const auto* schedule =
      view.Get<state::v1::PolicySchedule>(PolicyScheduleKey(input.identity.tenant));
  if (schedule == nullptr) return {};
  const state::v1::ScheduledPolicy* in_force = InForce(*schedule, VersionsAt(input, ticket));
  if (in_force == nullptr) return {};
  return {in_force->policy_set_id(), in_force->version(), {}};
}

// What to answer when a judge is not at hand.
Decision Without(LoadedJudge loaded) {
  if (!loaded.missing.empty()) return Decision::NeedsMore(std::move(loaded.missing));
  return loaded.error.ok() ? Decision() : Decision::Refuse(std::move(loaded.error));
}

Decision Created(const engine::View& view, JudgeCaches& caches, const std::string& zone_data,
                 const Input& input, const TicketEvent& event) {
  const std::string& tenant = input.identity.tenant;
  TicketClocks next;
  LoadedJudge loaded = AddEra(view, caches, tenant, PolicyFor(view, input, *event.ticket),
                              VersionsAt(input, *event.ticket), next);
  if (!loaded.judge) return Without(std::move(loaded));
  KeepFacts(*event.ticket, next);
  next.set_zone_data(zone_data);
  next.set_opened_at(absl::ToUnixMicros(FromProto(event.ticket->opened_at())));
  Happenings happened;
  ApplyInput(*loaded.judge, next, InputOf(nullptr, event, next.opened_at(), input.envelope.version),
             happened);
  Decision decision;
  const EntityKey key = TicketKey(tenant, event.ticket->ticket_id());
  Announce(key, next, happened, decision);
  PutTicket(key, std::move(next), decision);
  return decision;
}

Decision Changed(const engine::View& view, JudgeCaches& caches, const std::string& zone_data,
                 const Input& input, const TicketEvent& event, const TicketClocks& stored) {
  const EntityKey key = TicketKey(input.identity.tenant, event.ticket->ticket_id());
  const int64_t at = std::max(absl::ToUnixMicros(input.envelope.occurred_at), stored.opened_at());
  const state::v1::TicketInput change =
      InputOf(&stored.ticket(), event, at, input.envelope.version);
  const bool matters = Matters(change);
  // Historic clocks are not counted again with every zone data: one that goes live is.
  const bool finishes = event.kind == state::v1::TICKET_EVENT_KIND_IMPORT_FINISHED;
  const bool goes_live = finishes && stored.historic() && !event.ticket->import().historic();
  const bool recounts = goes_live && stored.zone_data() != zone_data;
  LoadedJudge loaded;
  if (matters || recounts) {
    loaded = LoadPinned(view, caches, input.identity.tenant, stored);
    if (!loaded.judge) return Without(std::move(loaded));
  }

  Decision decision;
  TicketClocks next = stored;
  const bool late = matters && IsLate(stored, change);
  if (!late) {
    // What was due before is told with the facts it fell due on.
    Happenings settled;
    if (matters && !next.historic() && next.zone_data() != zone_data) {
      RecountOpen(*loaded.judge, next, at, settled);
      next.set_zone_data(zone_data);
    }
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
  if (finishes) {
    // What lies before as_of is history, also of a ticket that goes live here.
    const bool now_historic = next.historic();
    next.set_historic(was_historic);
    Settle(next, event.as_of, happened);
    next.set_decided_before(std::max(next.decided_before(), event.as_of));
    Announce(key, next, happened, decision);
    next.set_historic(now_historic);
    if (recounts) {
      Happenings recounted;
      RecountOpen(*loaded.judge, next, std::max(at, event.as_of), recounted);
      next.set_zone_data(zone_data);
      Announce(key, next, recounted, decision);
    }
    EmitSettled(key, event, next, decision);
  } else {
    Announce(key, next, happened, decision);
  }
  PutTicket(key, std::move(next), decision);
  return decision;
}

}  // namespace

const std::vector<engine::EntityClass>& SlaDecider::classes() const { return Classes(); }

std::vector<EntityKey> SlaDecider::Needs(const Input& input) const {
  switch (input.kind) {
    case Input::Kind::kCommand:
      if (IsWaiverCommand(input)) return WaiverCommandNeeds(input);
      if (input.As<state::v1::MoveTickets>() != nullptr) return MoveNeeds(input);
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
      return MoveNeeds(input);
  }
  return {};
}

Decision SlaDecider::Decide(const engine::View& view, const Input& input) const {
  switch (input.kind) {
    case Input::Kind::kCommand:
      if (IsWaiverCommand(input)) return DecideWaiverCommand(view, input);
      if (const auto* move = input.As<state::v1::MoveTickets>()) {
        return DecideMove(view, caches_, input, *move);
      }
      return DecideReferenceCommand(view, input);
    case Input::Kind::kTimer:
      return DecideTimer(view, input);
    case Input::Kind::kEvent:
      return DecideEvent(view, input);
    case Input::Kind::kOutcome:
      if (const auto* recount = input.As<state::v1::RecountTicket>()) {
        return DecideRecount(view, caches_, input, zone_data_, *recount);
      }
      return Decision();
  }
  return Decision();
}

void SlaDecider::Index(const EntityKey& key, const google::protobuf::Message* before,
                       const google::protobuf::Message& after, engine::IndexWriter& writer) const {
  if (key.cls != kTicketClass) return;
  IndexAtRisk(key, static_cast<const TicketClocks*>(before),
              static_cast<const TicketClocks&>(after), writer);
}

Decision SlaDecider::DecideEvent(const engine::View& view, const Input& input) const {
  const std::optional<TicketEvent> event = ReadTicketEvent(*input.message);
  if (!event) return Decision();
  const EntityKey key = TicketKey(input.identity.tenant, event->ticket->ticket_id());
  const auto* stored = view.Get<TicketClocks>(key);
  if (stored != nullptr) return Changed(view, caches_, zone_data_, input, *event, *stored);
  if (event->kind == state::v1::TICKET_EVENT_KIND_CREATED)
    return Created(view, caches_, zone_data_, input, *event);
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
  const int64_t due = absl::ToUnixMicros(input.due);
  if (stored->zone_data() != zone_data_) {
    // Its turn to be counted again has not come yet. What cannot be counted fires as it was.
    LoadedJudge loaded = LoadPinned(view, caches_, input.identity.tenant, *stored);
    if (!loaded.missing.empty()) return Decision::NeedsMore(std::move(loaded.missing));
    if (loaded.judge) {
      RecountOpen(*loaded.judge, next, due, happened);
      next.set_zone_data(zone_data_);
    }
  }
  Settle(next, due + 1, happened);
  Announce(input.timer.entity, next, happened, decision);
  PutTicket(input.timer.entity, std::move(next), decision);
  return decision;
}

}  // namespace watchbell::sla
