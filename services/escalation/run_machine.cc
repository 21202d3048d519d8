#include "services/escalation/run_machine.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/proto_time.h"
#include "services/escalation/on_call.h"
#include "services/escalation/routing.h"

namespace watchbell::escalation {
namespace {

using state::v1::Cause;

bool ByResponse(const Cause& cause) {
  return cause.kind() == state::v1::CAUSE_KIND_OPENED ||
         cause.metric() == sla::v1::METRIC_FIRST_RESPONSE;
}

bool Triggers(v1::Trigger trigger, const Cause& cause) {
  switch (trigger) {
    case v1::TRIGGER_OPENED:
      return cause.kind() == state::v1::CAUSE_KIND_OPENED;
    case v1::TRIGGER_WARNING:
      return cause.kind() == state::v1::CAUSE_KIND_WARNED ||
             cause.kind() == state::v1::CAUSE_KIND_BREACHED;
    case v1::TRIGGER_BREACH:
      return cause.kind() == state::v1::CAUSE_KIND_BREACHED;
    default:
      return false;
  }
}

template <typename List>
Cause* FindCause(List& causes, const std::string& cause_id) {
  for (Cause& cause : causes) {
    if (cause.cause_id() == cause_id) return &cause;
  }
  return nullptr;
}

template <typename Keep>
void RetainWaiting(state::v1::TicketState& state, Keep keep) {
  auto* waiting = state.mutable_waiting();
  waiting->erase(std::remove_if(waiting->begin(), waiting->end(),
                                [&](const Cause& cause) { return !keep(cause); }),
                 waiting->end());
}

// The worst cause in words; of equals the latest.
std::string Why(const google::protobuf::RepeatedPtrField<Cause>& causes) {
  const Cause* worst = nullptr;
  for (const Cause& cause : causes) {
    if (worst == nullptr || cause.kind() >= worst->kind()) worst = &cause;
  }
  if (worst == nullptr || worst->kind() == state::v1::CAUSE_KIND_OPENED) return "opened";
  return absl::StrCat(absl::StrReplaceAll(worst->clock(), {{"-", " "}}),
                      worst->kind() == state::v1::CAUSE_KIND_BREACHED ? " breached" : " soon due");
}

struct Addressee {
  std::string person;
  std::string reason;
};

// Whom a step reaches at its start; each person once, rotas first. A rota that is gone reaches
// nobody.
std::vector<Addressee> Resolve(const v1::EscalationSetup& setup, const v1::Step& step,
                               absl::Time at) {
  std::vector<Addressee> found;
  std::set<std::string> seen;
  for (const std::string& rota_id : step.rotas()) {
    const v1::Rota* rota = FindRota(setup, rota_id);
    if (rota == nullptr) continue;
    const std::optional<Turn> turn = TurnAt(*rota, at);
    if (turn && seen.insert(turn->person).second) {
      found.push_back({turn->person, absl::StrCat("rota ", rota_id)});
    }
  }
  for (const std::string& person : step.people()) {
    if (seen.insert(person).second) found.push_back({person, "named"});
  }
  return found;
}

}  // namespace

RunMachine::RunMachine(state::v1::TicketState& state, const v1::EscalationSetup& setup,
                       absl::Time at, absl::Time now)
    : state_(state),
      setup_(setup),
      at_(state.has_last_at() ? std::max(at, FromProto(state.last_at())) : at),
      now_(now) {}

bool RunMachine::open() const {
  const tickets::v1::State state = state_.facts().state();
  return state == tickets::v1::STATE_NEW || state == tickets::v1::STATE_IN_PROGRESS ||
         state == tickets::v1::STATE_ON_HOLD;
}

bool RunMachine::Waits(const Cause& cause) const {
  const tickets::v1::Ticket& facts = state_.facts();
  return facts.ticket_id().empty() || facts.import().historic() ||
         cause.facts_version() > facts.version() || (open() && facts.group().empty());
}

bool RunMachine::Moot(const Cause& cause) const {
  return !open() || (state_.answered() && ByResponse(cause));
}

void RunMachine::Take(std::vector<Cause> causes) {
  const v1::EscalationPolicy* policy =
      state_.has_active() ? &state_.active().run().policy() : PolicyFor(setup_, state_.facts());
  std::vector<Cause> taken;
  for (Cause& cause : causes) {
    if (Waits(cause)) {
      Cause* waiting = FindCause(*state_.mutable_waiting(), cause.cause_id());
      *(waiting != nullptr ? waiting : state_.add_waiting()) = std::move(cause);
    } else if (!Moot(cause) && policy != nullptr && Triggers(policy->trigger(), cause)) {
      taken.push_back(std::move(cause));
    }
  }
  if (taken.empty()) return;
  if (state_.has_active()) {
    Join(taken);
  } else {
    Start(*policy, taken);
  }
}

void RunMachine::Release() {
  if (state_.waiting().empty()) return;
  std::vector<Cause> causes(state_.waiting().begin(), state_.waiting().end());
  state_.clear_waiting();
  Take(std::move(causes));
}

void RunMachine::Start(const v1::EscalationPolicy& policy, const std::vector<Cause>& causes) {
  state_.set_run_count(state_.run_count() + 1);
  state::v1::ActiveRun* active = state_.mutable_active();
  for (const Cause& cause : causes) *active->add_causes() = cause;
  v1::Run* started = active->mutable_run();
  started->set_run_id(absl::StrCat(state_.facts().ticket_id(), "/run/", state_.run_count()));
  started->set_ticket_id(state_.facts().ticket_id());
  *started->mutable_policy() = policy;
  started->set_pass(1);
  *started->mutable_started_at() = ToProto(at_);
  // Not before now: the gate asks for what was recorded up to the due time.
  const absl::Time due = std::max(at_, now_);
  *started->mutable_next_step_at() = ToProto(due);
  ListCauses();
  outcome_.timer = TimerMove{due};
  EmitRun<events::v1::RunStarted>(at_);
}

void RunMachine::Join(const std::vector<Cause>& causes) {
  bool changed = false;
  for (const Cause& cause : causes) {
    auto* present = state_.mutable_active()->mutable_causes();
    if (Cause* known = FindCause(*present, cause.cause_id()); known != nullptr) {
      // The same leg again: a warning may have become a breach.
      if (cause.kind() >= known->kind()) *known = cause;
      continue;
    }
    *present->Add() = cause;
    changed = true;
  }
  if (!changed) return;
  ListCauses();
  EmitRun<events::v1::RunCausesChanged>(at_);
}

template <typename Keep>
void RunMachine::Retain(Keep keep, v1::RunEnd end) {
  if (!state_.has_active()) return;
  std::vector<Cause> kept;
  for (const Cause& cause : state_.active().causes()) {
    if (keep(cause)) kept.push_back(cause);
  }
  if (kept.size() == static_cast<size_t>(state_.active().causes_size())) return;
  if (kept.empty()) {
    End(end, at_);
    return;
  }
  state_.mutable_active()->mutable_causes()->Assign(kept.begin(), kept.end());
  ListCauses();
  EmitRun<events::v1::RunCausesChanged>(at_);
}

void RunMachine::Withdraw(const std::string& cause_id) {
  const auto others = [&](const Cause& cause) { return cause.cause_id() != cause_id; };
  RetainWaiting(state_, others);
  Retain(others, v1::RUN_END_WITHDRAWN);
}

void RunMachine::Acknowledge() {
  state_.set_answered(true);
  // What was decided on a later version than this acknowledgement came after it, and still pages.
  RetainWaiting(state_, [&](const Cause& cause) {
    return !ByResponse(cause) && cause.facts_version() >= state_.facts().version();
  });
  End(v1::RUN_END_ACKNOWLEDGED, at_);
}

void RunMachine::Respond() {
  state_.set_answered(true);
  const auto others = [](const Cause& cause) { return !ByResponse(cause); };
  RetainWaiting(state_, others);
  Retain(others, v1::RUN_END_ACKNOWLEDGED);
}

void RunMachine::Finish() {
  RetainWaiting(
      state_, [&](const Cause& cause) { return cause.facts_version() > state_.facts().version(); });
  End(v1::RUN_END_RESOLVED, at_);
}

void RunMachine::Regroup() {
  if (!state_.has_active()) return;
  const v1::EscalationPolicy* policy = PolicyFor(setup_, state_.facts());
  const v1::EscalationPolicy& present = state_.active().run().policy();
  if (policy != nullptr && policy->escalation_policy_id() == present.escalation_policy_id()) return;
  std::vector<Cause> causes(state_.active().causes().begin(), state_.active().causes().end());
  End(v1::RUN_END_REASSIGNED, at_);
  Take(std::move(causes));
}

void RunMachine::End(v1::RunEnd end, absl::Time ended_at) {
  if (!state_.has_active()) return;
  run().set_end(end);
  *run().mutable_ended_at() = ToProto(ended_at);
  run().clear_next_step_at();
  EmitRun<events::v1::RunEnded>(ended_at);
  outcome_.timer = TimerMove{std::nullopt};
  outcome_.ended.push_back(std::move(run()));
  state_.clear_active();
}

void RunMachine::Step(absl::Time due) {
  if (!state_.has_active() || FromProto(run().next_step_at()) != due) return;
  // Late (we were down): one step now, and its delay from now, so that no two steps come at once.
  const absl::Time start = now_ - due <= kOnTime ? due : now_;
  if (run().step() < run().policy().steps_size()) {
    run().set_step(run().step() + 1);
  } else if (run().pass() <= run().policy().repeats()) {
    run().set_pass(run().pass() + 1);
    run().set_step(1);
  } else {
    Exhaust(std::max(start, at_));
    return;
  }
  StartStep(due, std::max(start, at_));
}

void RunMachine::StartStep(absl::Time due, absl::Time start) {
  const v1::Step step = run().policy().steps(run().step() - 1);
  const std::vector<Addressee> reached = Resolve(setup_, step, start);
  // Strictly later than the timer that fired: a timer is known by its due time.
  const absl::Time next = reached.empty() ? std::max(start, due + absl::Microseconds(1))
                                          : start + FromProto(step.delay());
  *run().mutable_next_step_at() = ToProto(next);
  outcome_.timer = TimerMove{next};
  events::v1::StepStarted started;
  *started.mutable_run() = run();
  started.set_empty(reached.empty());
  Emit(std::move(started), start);
  for (const Addressee& addressee : reached) {
    Page(addressee.person, addressee.reason, run().step(), start);
  }
}

void RunMachine::Exhaust(absl::Time start) {
  const auto catch_all = run().policy().catch_all();
  for (const std::string& person : catch_all) Page(person, "catch-all", 0, start);
  End(v1::RUN_END_EXHAUSTED, start);
}

void RunMachine::Page(const std::string& person, const std::string& reason, int step,
                      absl::Time start) {
  events::v1::PageRequested requested;
  v1::Page* page = requested.mutable_page();
  page->set_page_id(absl::StrCat(run().run_id(), "/", run().pass(), "/", step, "/", person));
  page->set_run_id(run().run_id());
  page->set_ticket_id(run().ticket_id());
  page->set_person(person);
  page->set_step(step);
  page->set_pass(run().pass());
  page->set_reason(reason);
  *requested.mutable_ticket() = state_.facts();
  requested.set_summary(
      absl::StrCat(Why(state_.active().causes()),
                   step == 0 ? std::string(", nobody answered") : absl::StrCat(", step ", step)));
  Emit(std::move(requested), start);
}

void RunMachine::ListCauses() {
  run().clear_causes();
  for (const Cause& cause : state_.active().causes()) run().add_causes(cause.cause_id());
}

template <typename Event>
void RunMachine::EmitRun(absl::Time occurred_at) {
  Event event;
  *event.mutable_run() = run();
  Emit(std::move(event), occurred_at);
}

void RunMachine::Emit(RunEvent event, absl::Time occurred_at) {
  *state_.mutable_last_at() = ToProto(occurred_at);
  outcome_.events.push_back({std::move(event), occurred_at});
}

}  // namespace watchbell::escalation
