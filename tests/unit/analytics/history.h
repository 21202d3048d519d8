// Histories of tickets in a few words, folded through the same events that production folds.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "services/analytics/ticket_facts.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/notifications.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::analytics {

namespace ev = events::v1;

// "2026-01-05T09:00:00Z"
inline absl::Time At(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) std::abort();
  return time;
}

// A clock as sla's events carry it, called "first-response" or "resolution".
inline sla::v1::Clock MakeClock(const std::string& id, sla::v1::Metric metric,
                                tickets::v1::Priority priority, sla::v1::ClockState clock_state) {
  sla::v1::Clock clock;
  clock.set_clock_id(id);
  clock.set_metric(metric);
  clock.set_clock(metric == sla::v1::METRIC_FIRST_RESPONSE ? "first-response" : "resolution");
  clock.set_cycle(1);
  clock.set_priority(priority);
  clock.set_state(clock_state);
  clock.set_policy_set_id("standard");
  clock.set_policy_version(3);
  return clock;
}

// One ticket; each call is one event. Moves are by an agent unless `actor` says otherwise.
class History {
 public:
  History(absl::Time opened, tickets::v1::Priority priority, const std::string& group = "",
          const std::string& import_external_id = "", absl::Time first_row = absl::InfinitePast()) {
    ticket_.set_priority(priority);
    ticket_.set_group(group);
    ticket_.set_state(tickets::v1::STATE_NEW);
    if (!import_external_id.empty()) {
      ticket_.mutable_import()->set_source("log");
      ticket_.mutable_import()->set_external_id(import_external_id);
      ticket_.mutable_import()->set_historic(true);
    }
    ev::TicketCreated event;
    *event.mutable_ticket() = ticket_;
    EventTimes times{opened, std::nullopt};
    if (first_row != absl::InfinitePast()) times.source_recorded_at = first_row;
    ApplyEvent(event, times, facts_);
  }

  History& Start(absl::Time at) {
    return Move<ev::TicketWorkStarted>(tickets::v1::STATE_IN_PROGRESS, at);
  }
  History& Hold(absl::Time at) { return Move<ev::TicketHeld>(tickets::v1::STATE_ON_HOLD, at); }
  History& Resume(absl::Time at) {
    return Move<ev::TicketResumed>(tickets::v1::STATE_IN_PROGRESS, at);
  }
  History& Resolve(absl::Time at) {
    return Move<ev::TicketResolved>(tickets::v1::STATE_RESOLVED, at);
  }
  History& Close(absl::Time at) { return Move<ev::TicketClosed>(tickets::v1::STATE_CLOSED, at); }
  History& Reopen(absl::Time at, tickets::v1::State to = tickets::v1::STATE_IN_PROGRESS) {
    return Move<ev::TicketReopened>(to, at);
  }
  History& Acknowledge(absl::Time at) { return Apply(ev::TicketAcknowledged(), at); }
  History& Group(const std::string& group, absl::Time at) {
    ev::TicketAssigned event;
    event.set_previous_group(ticket_.group());
    event.set_group_changed(true);
    ticket_.set_group(group);
    *event.mutable_ticket() = ticket_;
    return Apply(event, at);
  }
  History& Priority(tickets::v1::Priority priority, absl::Time at) {
    ticket_.set_priority(priority);
    ev::TicketReprioritized event;
    *event.mutable_ticket() = ticket_;
    return Apply(event, at);
  }
  History& Finish(absl::Time as_of) {
    ev::TicketImportFinished event;
    *event.mutable_as_of() = ToProto(as_of);
    return Apply(event, as_of);
  }
  History& Settle(absl::Time as_of) {
    ev::TicketSettled event;
    *event.mutable_as_of() = ToProto(as_of);
    return Apply(event, as_of);
  }
  // The clock after an event of sla.
  template <typename E>
  History& Clock(const sla::v1::Clock& clock) {
    E event;
    *event.mutable_clock() = clock;
    return Apply(event, absl::UnixEpoch());
  }
  History& Apply(const google::protobuf::Message& event, absl::Time at) {
    ApplyEvent(event, {at, std::nullopt}, facts_);
    return *this;
  }

  ev::ActorKind actor = ev::ACTOR_KIND_AGENT;  // of the moves that follow
  const TicketFacts& facts() const { return facts_; }

 private:
  template <typename E>
  History& Move(tickets::v1::State to, absl::Time at) {
    E event;
    if constexpr (requires { event.set_previous_state(to); })
      event.set_previous_state(ticket_.state());
    if constexpr (requires { event.set_actor_kind(actor); }) event.set_actor_kind(actor);
    ticket_.set_state(to);
    *event.mutable_ticket() = ticket_;
    return Apply(event, at);
  }

  tickets::v1::Ticket ticket_;
  TicketFacts facts_;
};

}  // namespace watchbell::analytics
