// For tests of the decider: it with its entities, timers and events, a standard policy set, and one
// ticket that is told of.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/time/rfc3339.h"
#include "gtest/gtest.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/sla/sla_decider.h"
#include "services/sla/sla_store.h"
#include "tests/support/decider_harness.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla::test {

inline absl::Time T(const std::string& text) { return ParseRfc3339(text).value(); }

inline v1::Calendar Office() {
  v1::Calendar calendar;
  calendar.set_calendar_id("office");
  calendar.set_time_zone("UTC");
  for (int day = 1; day <= 5; ++day) {
    v1::WeekdayHours* hours = calendar.add_weekly();
    hours->set_weekday(day);
    hours->add_intervals()->set_from("09:00");
    hours->mutable_intervals(0)->set_to("17:00");
  }
  return calendar;
}

inline v1::Target* Add(v1::PolicySet& policy, const std::string& id, v1::Metric metric,
                       int minutes) {
  v1::Target* target = policy.add_targets();
  target->set_target_id(id);
  target->set_metric(metric);
  target->mutable_duration()->set_seconds(minutes * 60);
  target->set_basis(v1::TIME_BASIS_BUSINESS);
  target->set_calendar_id("office");
  return target;
}

// First response 30 minutes, resolution 4 hours, both in office hours.
inline v1::PolicySet Standard() {
  v1::PolicySet policy;
  policy.set_policy_set_id("standard");
  Add(policy, "answer", v1::METRIC_FIRST_RESPONSE, 30)->add_warn_percent(50);
  Add(policy, "solve", v1::METRIC_RESOLUTION, 240)->add_pause_on(tickets::v1::HOLD_REASON_USER);
  return policy;
}

class DeciderDesk : public testing::Test {
 protected:
  DeciderDesk() : desk(decider) { desk.now = T("2026-01-05T08:00:00Z"); }

  v1::Calendar Put(const v1::Calendar& calendar) {
    v1::PutCalendarRequest request;
    *request.mutable_calendar() = calendar;
    const auto reply = desk.Command<v1::Calendar>(request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(v1::Calendar());
  }
  v1::PolicySet Put(const v1::PolicySet& policy) {
    v1::PutPolicySetRequest request;
    *request.mutable_policy_set() = policy;
    const auto reply = desk.Command<v1::PolicySet>(request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(v1::PolicySet());
  }
  absl::Status Activate(const std::string& id) {
    v1::ActivatePolicySetRequest request;
    request.set_policy_set_id(id);
    return desk.Command<v1::PolicyVersion>(request).status();
  }
  void SetUpStandard() {
    Put(Office());
    Put(Standard());
    ASSERT_TRUE(Activate("standard").ok());
  }

  tickets::v1::Ticket Ticket(const std::string& opened_at) {
    tickets::v1::Ticket ticket;
    ticket.set_name("tickets/inc-1");
    ticket.set_ticket_id("inc-1");
    ticket.set_title("mail is down");
    ticket.set_state(tickets::v1::STATE_NEW);
    ticket.set_priority(tickets::v1::PRIORITY_CRITICAL);
    *ticket.mutable_opened_at() = ToProto(T(opened_at));
    return ticket;
  }

  template <typename Event>
  void Hear(Event event, const tickets::v1::Ticket& ticket, const std::string& at) {
    *event.mutable_ticket() = ticket;
    desk.now = std::max(desk.now, T(at));
    const absl::Status status = desk.Event(events::kTicketsTopic, ticket.ticket_id(), event, T(at));
    EXPECT_TRUE(status.ok()) << status;
  }
  void Create(const tickets::v1::Ticket& ticket) {
    Hear(events::v1::TicketCreated(), ticket, FormatRfc3339(FromProto(ticket.opened_at())));
  }
  template <typename Event>
  void Move(tickets::v1::Ticket& ticket, tickets::v1::State to, const std::string& at,
            events::v1::ActorKind by = events::v1::ACTOR_KIND_AGENT) {
    Event event;
    if constexpr (requires { event.set_previous_state(to); }) {
      event.set_previous_state(ticket.state());
    }
    if constexpr (requires { event.set_actor_kind(by); }) event.set_actor_kind(by);
    ticket.set_state(to);
    Hear(event, ticket, at);
  }

  // Types of the events since the last look, with the time of each.
  std::vector<std::string> Heard() {
    std::vector<std::string> lines;
    for (const auto& event : desk.events) {
      lines.push_back(absl::StrCat(FormatRfc3339(event.occurred_at), " ",
                                   event.payload->GetDescriptor()->name()));
    }
    desk.events.clear();
    return lines;
  }
  // The last event of a type.
  template <typename Event>
  Event Last() {
    for (auto it = desk.events.rbegin(); it != desk.events.rend(); ++it) {
      if (const Event* event = it->As<Event>()) return *event;
    }
    ADD_FAILURE() << "no " << Event::descriptor()->name();
    return Event();
  }

  SlaDecider decider;
  watchbell::test::DeciderHarness desk;
};

}  // namespace watchbell::sla::test
