// A ticket, a desk and a clock for the escalation decider's tests.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "gtest/gtest.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/escalation/escalation_decider.h"
#include "services/escalation/escalation_store.h"
#include "tests/support/decider_harness.h"
#include "watchbell/escalation/state/v1/state.pb.h"
#include "watchbell/escalation/v1/escalation_service.pb.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::escalation {

inline absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

inline v1::Rota MakeRota(const std::string& id, const std::string& zone, const std::string& anchor,
                         int days, const std::vector<std::string>& people) {
  v1::Rota rota;
  rota.set_rota_id(id);
  rota.set_time_zone(zone);
  rota.set_anchor(anchor);
  rota.set_turn_days(days);
  for (const std::string& person : people) rota.add_people(person);
  return rota;
}

inline void AddStep(v1::EscalationPolicy* policy, const std::vector<std::string>& rotas,
                    const std::vector<std::string>& people, absl::Duration delay) {
  v1::Step* step = policy->add_steps();
  for (const std::string& rota : rotas) step->add_rotas(rota);
  for (const std::string& person : people) step->add_people(person);
  *step->mutable_delay() = ToProto(delay);
}

inline v1::EscalationPolicy* AddPolicy(v1::EscalationSetup* setup, const std::string& id,
                                       v1::Trigger trigger) {
  v1::EscalationPolicy* policy = setup->add_policies();
  policy->set_escalation_policy_id(id);
  policy->set_trigger(trigger);
  return policy;
}

inline void AddTeam(v1::EscalationSetup* setup, const std::string& id, const std::string& rota,
                    const std::string& policy) {
  v1::Team* team = setup->add_teams();
  team->set_team_id(id);
  team->set_rota_id(rota);
  team->set_escalation_policy_id(policy);
}

// Team "network" (breach policy: ana or ben by the day, then carl, 10 minutes each), "desk" (opened
// policy), "apps" (warning policy), "quiet" (no policy).
inline v1::EscalationSetup Desk() {
  v1::EscalationSetup setup;
  *setup.add_rotas() = MakeRota("days", "UTC", "2026-01-01T00:00", 1, {"ana", "ben"});
  v1::EscalationPolicy* breach = AddPolicy(&setup, "on-breach", v1::TRIGGER_BREACH);
  AddStep(breach, {"days"}, {}, absl::Minutes(10));
  AddStep(breach, {}, {"carl"}, absl::Minutes(10));
  AddStep(AddPolicy(&setup, "on-open", v1::TRIGGER_OPENED), {}, {"dora"}, absl::Minutes(5));
  AddStep(AddPolicy(&setup, "on-warning", v1::TRIGGER_WARNING), {}, {"emil"}, absl::Minutes(5));
  AddTeam(&setup, "network", "days", "on-breach");
  AddTeam(&setup, "desk", "", "on-open");
  AddTeam(&setup, "apps", "", "on-warning");
  AddTeam(&setup, "quiet", "", "");
  return setup;
}

class EscalationTest : public ::testing::Test {
 protected:
  static constexpr char kId[] = "inc-1";
  EscalationTest() {
    ticket_.set_ticket_id(kId);
    ticket_.set_title("mail is down");
    ticket_.set_state(tickets::v1::STATE_NEW);
    ticket_.set_priority(tickets::v1::PRIORITY_HIGH);
  }

  absl::StatusOr<v1::EscalationSetup> Put(const v1::EscalationSetup& setup) {
    v1::PutEscalationSetupRequest request;
    *request.mutable_setup() = setup;
    return harness_.Command<v1::EscalationSetup>(request);
  }

  // An event of tickets about ticket_ as it is now.
  template <typename E>
  void Tell(E event, absl::Time occurred_at) {
    ticket_.set_version(ticket_.version() + 1);
    *event.mutable_ticket() = ticket_;
    const absl::Status told = harness_.Event(events::kTicketsTopic, kId, event, occurred_at);
    ASSERT_TRUE(told.ok()) << told;
  }
  template <typename E>
  void Tell(E event) {
    Tell(std::move(event), harness_.now);
  }

  void Create(const std::string& group) {
    ticket_.set_group(group);
    ticket_.set_description("a long story");
    Tell(events::v1::TicketCreated());
    ticket_.clear_description();
  }
  void Assign(const std::string& group) {
    ticket_.set_group(group);
    Tell(events::v1::TicketAssigned());
  }
  void Acknowledge() {
    *ticket_.mutable_acknowledged_at() = ToProto(harness_.now);
    Tell(events::v1::TicketAcknowledged());
  }

  sla::v1::Clock MakeClock(sla::v1::Metric metric, int leg = 1) {
    sla::v1::Clock clock;
    const bool response = metric == sla::v1::METRIC_FIRST_RESPONSE;
    clock.set_clock(response ? "first-response" : "resolution");
    clock.set_clock_id(absl::StrCat(kId, "/", clock.clock(), "/1"));
    clock.set_ticket_id(kId);
    clock.set_metric(metric);
    clock.set_leg(leg);
    return clock;
  }
  template <typename E>
  void TellSla(const E& event, absl::Time occurred_at) {
    const absl::Status told = harness_.Event(events::kSlaTopic, kId, event, occurred_at);
    ASSERT_TRUE(told.ok()) << told;
  }
  // A breach decided on the ticket as it is now.
  void Breach(sla::v1::Metric metric, int leg = 1) {
    events::v1::ClockBreached breached;
    *breached.mutable_clock() = MakeClock(metric, leg);
    breached.set_leg(leg);
    *breached.mutable_ticket() = ticket_;
    TellSla(breached, harness_.now);
  }
  void Warn(sla::v1::Metric metric, bool skipped = false) {
    events::v1::ClockWarned warned;
    *warned.mutable_clock() = MakeClock(metric);
    warned.set_percent(80);
    warned.set_skipped(skipped);
    *warned.mutable_ticket() = ticket_;
    TellSla(warned, harness_.now);
  }
  void Withdraw(sla::v1::Metric metric) {
    events::v1::BreachWithdrawn withdrawn;
    *withdrawn.mutable_clock() = MakeClock(metric);
    withdrawn.set_leg(1);
    TellSla(withdrawn, harness_.now);
  }
  void Pass(absl::Duration time) {
    const absl::Status moved = harness_.AdvanceTo(harness_.now + time);
    ASSERT_TRUE(moved.ok()) << moved;
  }

  // What was emitted since the last call, one word an event: "started(inc-1/run/1:opened)", "step
  // 1/1", "empty 1/1", "page(ana)", "causes(...)", "ended(WITHDRAWN)", "routed(network,ana)".
  std::vector<std::string> Said() {
    std::vector<std::string> said;
    for (; heard_ < harness_.events.size(); ++heard_) said.push_back(Word(harness_.events[heard_]));
    return said;
  }
  // The last event of a type; fails if there is none.
  template <typename E>
  E Last() {
    for (size_t i = harness_.events.size(); i > 0; --i) {
      if (const E* event = harness_.events[i - 1].As<E>()) return *event;
    }
    ADD_FAILURE() << "no " << E::descriptor()->name();
    return E();
  }
  const state::v1::TicketState* State() {
    return harness_.State<state::v1::TicketState>(TicketKey("default", kId));
  }
  std::optional<absl::Time> StepDue() {
    const auto found = harness_.timers.find({TicketKey("default", kId), kStepTimer});
    return found == harness_.timers.end() ? std::nullopt : std::optional(found->second);
  }

  EscalationDecider decider_;
  test::DeciderHarness harness_{decider_};
  tickets::v1::Ticket ticket_;

 private:
  static std::string Causes(const v1::Run& run) {
    std::string all;
    for (const std::string& cause : run.causes())
      absl::StrAppend(&all, all.empty() ? "" : ",", cause);
    return all;
  }
  static std::string Word(const test::EmittedEvent& event) {
    if (const auto* started = event.As<events::v1::RunStarted>()) {
      return absl::StrCat("started(", started->run().run_id(), ":", Causes(started->run()), ")");
    }
    if (const auto* changed = event.As<events::v1::RunCausesChanged>()) {
      return absl::StrCat("causes(", Causes(changed->run()), ")");
    }
    if (const auto* step = event.As<events::v1::StepStarted>()) {
      return absl::StrCat(step->empty() ? "empty " : "step ", step->run().pass(), "/",
                          step->run().step());
    }
    if (const auto* page = event.As<events::v1::PageRequested>()) {
      return absl::StrCat("page(", page->page().person(), ")");
    }
    if (const auto* ended = event.As<events::v1::RunEnded>()) {
      return absl::StrCat("ended(", v1::RunEnd_Name(ended->run().end()).substr(8), ")");
    }
    if (const auto* routed = event.As<events::v1::TicketRouted>()) {
      return absl::StrCat("routed(", routed->group(), ",", routed->assignee(), ")");
    }
    return "?";
  }

  size_t heard_ = 0;
};

}  // namespace watchbell::escalation
