#include "services/escalation/escalation_decider.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/escalation/escalation_store.h"
#include "services/escalation/routing.h"
#include "services/escalation/setup_check.h"
#include "services/escalation/ticket_facts.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::escalation {
namespace {

using engine::Decision;
using engine::Input;
using engine::View;
using state::v1::Cause;
using state::v1::TicketState;

const v1::EscalationSetup& SetupOf(const View& view, const Input& input) {
  const auto* setup = view.Get<v1::EscalationSetup>(SetupKey(input.identity.tenant));
  return setup == nullptr ? v1::EscalationSetup::default_instance() : *setup;
}

TicketState StateOf(const View& view, const engine::EntityKey& key) {
  const auto* state = view.Get<TicketState>(key);
  return state == nullptr ? TicketState() : *state;
}

// Adds what a machine did to the decision. Asks for the history first if a run ended.
Decision Finish(const View& view, const Input& input, const engine::EntityKey& key,
                TicketState state, Outcome outcome, Decision decision) {
  if (!outcome.ended.empty()) {
    const engine::EntityKey history_key = HistoryKey(input.identity.tenant, key.id);
    if (!view.Loaded(history_key)) return Decision::NeedsMore({history_key});
    const auto* known = view.Get<state::v1::RunHistory>(history_key);
    state::v1::RunHistory history = known == nullptr ? state::v1::RunHistory() : *known;
    for (v1::Run& run : outcome.ended) *history.add_runs() = std::move(run);
    if (const int extra = history.runs_size() - kMaxHistory; extra > 0) {
      history.mutable_runs()->DeleteSubrange(0, extra);
    }
    decision.Put(history_key, std::move(history));
  }
  for (DatedRunEvent& dated : outcome.events) {
    std::visit([&](auto& event) { decision.Emit(key, std::move(event), dated.occurred_at); },
               dated.event);
  }
  if (outcome.timer && outcome.timer->due) {
    decision.Arm(key, kStepTimer, *outcome.timer->due);
  } else if (outcome.timer) {
    decision.Disarm(key, kStepTimer);
  }
  decision.Put(key, std::move(state));
  return decision;
}

Decision PutSetup(const View& view, const Input& input,
                  const v1::PutEscalationSetupRequest& request) {
  if (!input.identity.Has("manager")) return Decision::Refuse(NotAllowed("needs role \"manager\""));
  v1::EscalationSetup setup = request.setup();
  if (std::vector<FieldViolation> faults = CheckSetup(setup); !faults.empty()) {
    return Decision::Refuse(InvalidFields(std::move(faults)));
  }
  const v1::EscalationSetup& present = SetupOf(view, input);
  setup.DiscardUnknownFields();
  setup.set_version(present.version());
  Decision decision;
  // There is no map in a setup: equal bytes are equal content.
  if (present.version() > 0 && setup.SerializeAsString() == present.SerializeAsString()) {
    decision.Reply(present);
    return decision;
  }
  setup.set_version(present.version() + 1);
  decision.Reply(setup);
  decision.Put(SetupKey(input.identity.tenant), std::move(setup));
  return decision;
}

// A historic ticket: the latest facts and nothing else, and no write without a change.
Decision KeepHistoric(const View& view, const Input& input, const engine::EntityKey& key,
                      const tickets::v1::Ticket& ticket) {
  const auto* known = view.Get<TicketState>(key);
  const bool answered = (known != nullptr && known->answered()) ||
                        ReadResponse(*input.message) != Response::kNone ||
                        ticket.has_acknowledged_at();
  Decision decision;
  if (known != nullptr && known->answered() == answered && SameHistoric(known->facts(), ticket)) {
    return decision;
  }
  TicketState state;
  if (known != nullptr) *state.mutable_waiting() = known->waiting();
  *state.mutable_facts() = HistoricFacts(ticket);
  state.set_answered(answered);
  decision.Put(key, std::move(state));
  return decision;
}

// A new ticket nobody has sorted yet goes where the first rule that matches says. tickets applies
// it; its answer comes back as TicketAssigned.
void Route(const v1::EscalationSetup& setup, const Input& input, const engine::EntityKey& key,
           TicketState& state, Decision& decision) {
  const v1::RoutingRule* rule = MatchRule(setup, state.facts());
  if (rule == nullptr) return;
  events::v1::TicketRouted routed;
  routed.set_ticket_id(key.id);
  routed.set_group(rule->team_id());
  routed.set_assignee(OnCallFor(setup, rule->team_id(), input.now));
  routed.set_rule_id(rule->rule_id());
  absl::Time at = input.envelope.occurred_at;
  if (state.has_last_at()) at = std::max(at, FromProto(state.last_at()));
  *state.mutable_last_at() = ToProto(at);
  decision.Emit(key, std::move(routed), at);
}

bool Open(const tickets::v1::Ticket& ticket) {
  return ticket.state() == tickets::v1::STATE_NEW ||
         ticket.state() == tickets::v1::STATE_IN_PROGRESS ||
         ticket.state() == tickets::v1::STATE_ON_HOLD;
}

Decision OnTicket(const View& view, const Input& input, const tickets::v1::Ticket& ticket) {
  const engine::EntityKey key = TicketKey(input.identity.tenant, input.envelope.subject);
  if (ticket.import().historic()) return KeepHistoric(view, input, key, ticket);
  const v1::EscalationSetup& setup = SetupOf(view, input);
  TicketState state = StateOf(view, key);
  const std::string previous_group = state.facts().group();
  *state.mutable_facts() = LiveFacts(ticket);
  state.mutable_facts()->set_ticket_id(key.id);
  if (ticket.has_acknowledged_at()) state.set_answered(true);

  Decision decision;
  const bool created = input.As<events::v1::TicketCreated>() != nullptr;
  if (created && Open(ticket) && ticket.group().empty()) {
    Route(setup, input, key, state, decision);
  }
  RunMachine machine(state, setup, input.envelope.occurred_at, input.now);
  if (!Open(ticket)) machine.Finish();
  switch (ReadResponse(*input.message)) {
    case Response::kAcknowledged:
      machine.Acknowledge();
      break;
    case Response::kAnswered:
      machine.Respond();
      break;
    case Response::kNone:
      break;
  }
  if (ticket.group() != previous_group) machine.Regroup();
  machine.Release();
  if (created) {
    Cause opened;
    opened.set_cause_id(kOpenedCause);
    opened.set_kind(state::v1::CAUSE_KIND_OPENED);
    *opened.mutable_occurred_at() = ToProto(input.envelope.occurred_at);
    opened.set_facts_version(ticket.version());
    machine.Take({std::move(opened)});
  }
  Outcome outcome = machine.TakeOutcome();
  return Finish(view, input, key, std::move(state), std::move(outcome), std::move(decision));
}

std::string ClockCauseId(const sla::v1::Clock& clock, int leg) {
  return absl::StrCat(clock.clock_id(), "#", leg);
}

Cause ClockCause(const Input& input, const sla::v1::Clock& clock, int leg,
                 state::v1::CauseKind kind, const tickets::v1::Ticket& ticket) {
  Cause cause;
  cause.set_cause_id(ClockCauseId(clock, leg));
  cause.set_kind(kind);
  cause.set_metric(clock.metric());
  cause.set_clock(clock.clock());
  *cause.mutable_occurred_at() = ToProto(input.envelope.occurred_at);
  cause.set_facts_version(ticket.version());
  return cause;
}

// The cause a clock's event is, if it is one that may page.
std::optional<Cause> ReadClockCause(const Input& input) {
  if (const auto* warned = input.As<events::v1::ClockWarned>()) {
    if (warned->historic() || warned->skipped()) return std::nullopt;
    return ClockCause(input, warned->clock(), warned->clock().leg(), state::v1::CAUSE_KIND_WARNED,
                      warned->ticket());
  }
  if (const auto* breached = input.As<events::v1::ClockBreached>()) {
    if (breached->historic()) return std::nullopt;
    return ClockCause(input, breached->clock(), breached->leg(), state::v1::CAUSE_KIND_BREACHED,
                      breached->ticket());
  }
  return std::nullopt;
}

// The id of the cause a clock's event takes back, if it does.
std::optional<std::string> ReadWithdrawal(const Input& input) {
  const auto* withdrawn = input.As<events::v1::BreachWithdrawn>();
  if (withdrawn == nullptr || withdrawn->historic()) return std::nullopt;
  return ClockCauseId(withdrawn->clock(), withdrawn->leg());
}

Decision OnClock(const View& view, const Input& input) {
  std::optional<Cause> cause = ReadClockCause(input);
  const std::optional<std::string> withdrawn = ReadWithdrawal(input);
  if (!cause && !withdrawn) return Decision();
  const engine::EntityKey key = TicketKey(input.identity.tenant, input.envelope.subject);
  TicketState state = StateOf(view, key);
  RunMachine machine(state, SetupOf(view, input), input.envelope.occurred_at, input.now);
  if (cause) machine.Take({std::move(*cause)});
  if (withdrawn) machine.Withdraw(*withdrawn);
  Outcome outcome = machine.TakeOutcome();
  return Finish(view, input, key, std::move(state), std::move(outcome), Decision());
}

Decision OnStep(const View& view, const Input& input) {
  const engine::EntityKey& key = input.timer.entity;
  TicketState state = StateOf(view, key);
  RunMachine machine(state, SetupOf(view, input), input.due, input.now);
  machine.Step(input.due);
  Outcome outcome = machine.TakeOutcome();
  if (outcome.events.empty()) return Decision();
  return Finish(view, input, key, std::move(state), std::move(outcome), Decision());
}

}  // namespace

const std::vector<engine::EntityClass>& EscalationDecider::classes() const { return Classes(); }

std::vector<engine::EntityKey> EscalationDecider::Needs(const Input& input) const {
  const engine::EntityKey setup = SetupKey(input.identity.tenant);
  switch (input.kind) {
    case Input::Kind::kCommand:
      return {setup};
    case Input::Kind::kTimer:
      return {setup, input.timer.entity};
    case Input::Kind::kEvent:
      break;
    case Input::Kind::kOutcome:
      return {};
  }
  const engine::EntityKey ticket = TicketKey(input.identity.tenant, input.envelope.subject);
  if (input.topic == events::kTicketsTopic) {
    const tickets::v1::Ticket* facts = TicketOf(*input.message);
    if (facts == nullptr) return {};
    if (facts->import().historic()) return {ticket};
    return {setup, ticket};
  }
  if (input.topic == events::kSlaTopic && (ReadClockCause(input) || ReadWithdrawal(input))) {
    return {setup, ticket};
  }
  return {};
}

Decision EscalationDecider::Decide(const View& view, const Input& input) const {
  switch (input.kind) {
    case Input::Kind::kCommand:
      if (const auto* request = input.As<v1::PutEscalationSetupRequest>()) {
        return PutSetup(view, input, *request);
      }
      return Decision::Refuse(absl::InternalError("no such command"));
    case Input::Kind::kTimer:
      return OnStep(view, input);
    case Input::Kind::kEvent:
      if (input.topic == events::kSlaTopic) return OnClock(view, input);
      if (input.topic == events::kTicketsTopic) {
        const tickets::v1::Ticket* ticket = TicketOf(*input.message);
        if (ticket != nullptr) return OnTicket(view, input, *ticket);
      }
      return Decision();
    case Input::Kind::kOutcome:
      return Decision();
  }
  return Decision();
}

}  // namespace watchbell::escalation
