#include "services/analytics/ticket_facts.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/proto_time.h"
#include "watchbell/events/v1/escalation.pb.h"
#include "watchbell/events/v1/notifications.pb.h"
#include "watchbell/events/v1/sla.pb.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::analytics {
namespace {

namespace ev = events::v1;
using google::protobuf::Descriptor;
using google::protobuf::Message;
using tickets::v1::State;
using tickets::v1::Ticket;

using Apply = void (*)(const Message&, const EventTimes&, TicketFacts&);

void Move(const Ticket& ticket, const EventTimes& times, TicketFacts& facts) {
  facts.set_priority(ticket.priority());
  state::v1::StateChange& change = *facts.add_states();
  change.set_at(absl::ToUnixMicros(times.occurred_at));
  change.set_state(ticket.state());
}

void Acknowledge(const EventTimes& times, TicketFacts& facts) {
  const int64_t at = absl::ToUnixMicros(times.occurred_at);
  // An acknowledgement keeps its own date, so a later one to arrive may be the earlier one.
  if (facts.acknowledged_at() == 0 || at < facts.acknowledged_at()) facts.set_acknowledged_at(at);
}

// A person who moves an open ticket has taken notice of it; closing a resolved one is no notice.
// Real histories do not say who is a person: there the first move away from New counts, whoever
// made it.
void MoveBy(ev::ActorKind actor, const Ticket& ticket, const EventTimes& times,
            TicketFacts& facts) {
  const bool was_open = IsOpened(facts) && LastState(facts) != tickets::v1::STATE_RESOLVED &&
                        LastState(facts) != tickets::v1::STATE_CLOSED;
  const bool historic_first = ticket.import().historic() && !FirstLeftNew(facts);
  Move(ticket, times, facts);
  if (historic_first || (was_open && actor == ev::ACTOR_KIND_AGENT)) Acknowledge(times, facts);
}

void Created(const Message& message, const EventTimes& times, TicketFacts& facts) {
  const Ticket& ticket = static_cast<const ev::TicketCreated&>(message).ticket();
  facts.set_opened_at(absl::ToUnixMicros(times.occurred_at));
  if (times.source_recorded_at)
    facts.set_first_row_at(absl::ToUnixMicros(*times.source_recorded_at));
  facts.set_import_source(ticket.import().source());
  facts.set_external_id(ticket.import().external_id());
  facts.set_category(ticket.classification().category());
  state::v1::GroupChange& group = *facts.add_groups();
  group.set_at(facts.opened_at());
  group.set_group(ticket.group());
  Move(ticket, times, facts);
}

void Assigned(const Message& message, const EventTimes& times, TicketFacts& facts) {
  const auto& event = static_cast<const ev::TicketAssigned&>(message);
  if (!event.group_changed()) return;
  state::v1::GroupChange& group = *facts.add_groups();
  group.set_at(absl::ToUnixMicros(times.occurred_at));
  group.set_group(event.ticket().group());
}

void Reopened(const Message& message, const EventTimes& times, TicketFacts& facts) {
  const auto& event = static_cast<const ev::TicketReopened&>(message);
  Move(event.ticket(), times, facts);
  state::v1::Reopening& reopening = *facts.add_reopenings();
  reopening.set_at(absl::ToUnixMicros(times.occurred_at));
  reopening.set_from_closed(event.previous_state() == tickets::v1::STATE_CLOSED);
}

state::v1::ClockPhase PhaseOf(sla::v1::ClockState clock_state) {
  switch (clock_state) {
    case sla::v1::CLOCK_STATE_RUNNING:
    case sla::v1::CLOCK_STATE_PAUSED:
      return state::v1::CLOCK_PHASE_OPEN;
    case sla::v1::CLOCK_STATE_STOPPED:
      return state::v1::CLOCK_PHASE_FINISHED;
    case sla::v1::CLOCK_STATE_CANCELLED:
      return state::v1::CLOCK_PHASE_CANCELLED;
    default:
      return state::v1::CLOCK_PHASE_UNSPECIFIED;
  }
}

void Keep(const sla::v1::Clock& clock, TicketFacts& facts) {
  auto& clocks = *facts.mutable_clocks();
  auto kept = std::find_if(clocks.begin(), clocks.end(), [&](const state::v1::ClockFacts& c) {
    return c.clock_id() == clock.clock_id();
  });
  state::v1::ClockFacts& fact = kept == clocks.end() ? *clocks.Add() : *kept;
  fact.set_clock_id(clock.clock_id());
  fact.set_metric(clock.metric());
  fact.set_priority(clock.priority());
  fact.set_phase(PhaseOf(clock.state()));
  fact.set_verdict(clock.verdict());
  fact.set_effective_verdict(clock.effective_verdict());
  fact.set_breached(clock.breached());
  fact.set_policy_set_id(clock.policy_set_id());
  fact.set_policy_version(clock.policy_version());
  fact.set_clock(clock.clock());
  fact.set_cycle(clock.cycle());
  fact.set_started_at(absl::ToUnixMicros(FromProto(clock.started_at())));
  fact.set_earlier_breaches(clock.earlier_breaches());
}

void Settled(const Message& message, const EventTimes&, TicketFacts& facts) {
  const auto& event = static_cast<const ev::TicketSettled&>(message);
  for (const sla::v1::Clock& clock : event.clocks()) Keep(clock, facts);
  facts.set_settled_as_of(absl::ToUnixMicros(FromProto(event.as_of())));
}

void Sent(const Message& message, const EventTimes&, TicketFacts& facts) {
  facts.set_deliveries_sent(facts.deliveries_sent() + 1);
  if (static_cast<const ev::DeliverySent&>(message).delivery().possible_repeat()) {
    facts.set_possible_repeats(facts.possible_repeats() + 1);
  }
}

template <typename E>
void MoveByActor(const Message& message, const EventTimes& times, TicketFacts& facts) {
  const auto& event = static_cast<const E&>(message);
  MoveBy(event.actor_kind(), event.ticket(), times, facts);
}

template <typename E>
void KeepClock(const Message& message, const EventTimes&, TicketFacts& facts) {
  Keep(static_cast<const E&>(message).clock(), facts);
}

void AddTicketEvents(absl::flat_hash_map<const Descriptor*, Apply>& table) {
  table[ev::TicketCreated::descriptor()] = Created;
  table[ev::TicketAcknowledged::descriptor()] = [](const Message&, const EventTimes& times,
                                                   TicketFacts& facts) {
    Acknowledge(times, facts);
  };
  table[ev::TicketAssigned::descriptor()] = Assigned;
  table[ev::TicketWorkStarted::descriptor()] = MoveByActor<ev::TicketWorkStarted>;
  table[ev::TicketHeld::descriptor()] = MoveByActor<ev::TicketHeld>;
  table[ev::TicketResumed::descriptor()] = [](const Message& message, const EventTimes& times,
                                              TicketFacts& facts) {
    Move(static_cast<const ev::TicketResumed&>(message).ticket(), times, facts);
  };
  table[ev::TicketResolved::descriptor()] = MoveByActor<ev::TicketResolved>;
  table[ev::TicketReopened::descriptor()] = Reopened;
  table[ev::TicketClosed::descriptor()] = MoveByActor<ev::TicketClosed>;
  table[ev::TicketReprioritized::descriptor()] = [](const Message& message, const EventTimes&,
                                                    TicketFacts& facts) {
    facts.set_priority(static_cast<const ev::TicketReprioritized&>(message).ticket().priority());
  };
  table[ev::TicketReclassified::descriptor()] = [](const Message& message, const EventTimes&,
                                                   TicketFacts& facts) {
    const auto& event = static_cast<const ev::TicketReclassified&>(message);
    facts.set_category(event.ticket().classification().category());
  };
  table[ev::TicketImportFinished::descriptor()] = [](const Message& message, const EventTimes&,
                                                     TicketFacts& facts) {
    const auto& event = static_cast<const ev::TicketImportFinished&>(message);
    facts.set_finished_as_of(absl::ToUnixMicros(FromProto(event.as_of())));
  };
}

void AddClockEvents(absl::flat_hash_map<const Descriptor*, Apply>& table) {
  table[ev::ClockAttached::descriptor()] = KeepClock<ev::ClockAttached>;
  table[ev::ClockRetargeted::descriptor()] = KeepClock<ev::ClockRetargeted>;
  table[ev::ClockBreached::descriptor()] = KeepClock<ev::ClockBreached>;
  table[ev::BreachWithdrawn::descriptor()] = KeepClock<ev::BreachWithdrawn>;
  table[ev::ClockStopped::descriptor()] = KeepClock<ev::ClockStopped>;
  table[ev::ClockCancelled::descriptor()] = KeepClock<ev::ClockCancelled>;
  table[ev::ClockWaived::descriptor()] = KeepClock<ev::ClockWaived>;
  table[ev::WaiverWithdrawn::descriptor()] = KeepClock<ev::WaiverWithdrawn>;
  table[ev::TicketSettled::descriptor()] = Settled;
}

void AddPagingEvents(absl::flat_hash_map<const Descriptor*, Apply>& table) {
  table[ev::RunStarted::descriptor()] = [](const Message&, const EventTimes&, TicketFacts& facts) {
    facts.set_runs_started(facts.runs_started() + 1);
  };
  table[ev::PageRequested::descriptor()] = [](const Message&, const EventTimes&,
                                              TicketFacts& facts) {
    facts.set_pages_requested(facts.pages_requested() + 1);
  };
  table[ev::DeliverySent::descriptor()] = Sent;
  table[ev::DeliveryFailed::descriptor()] = [](const Message&, const EventTimes&,
                                               TicketFacts& facts) {
    facts.set_deliveries_failed(facts.deliveries_failed() + 1);
  };
  table[ev::DeliveryCancelled::descriptor()] = [](const Message&, const EventTimes&,
                                                  TicketFacts& facts) {
    facts.set_deliveries_cancelled(facts.deliveries_cancelled() + 1);
  };
}

Apply Find(const Message& event) {
  static const auto* const kTable = [] {
    auto* table = new absl::flat_hash_map<const Descriptor*, Apply>();
    AddTicketEvents(*table);
    AddClockEvents(*table);
    AddPagingEvents(*table);
    return table;
  }();
  auto found = kTable->find(event.GetDescriptor());
  return found == kTable->end() ? nullptr : found->second;
}

}  // namespace

bool ChangesFacts(const Message& event) {
  if (Find(event) == nullptr) return false;
  if (event.GetDescriptor() == ev::TicketAssigned::descriptor()) {
    return static_cast<const ev::TicketAssigned&>(event).group_changed();
  }
  if (event.GetDescriptor() == ev::TicketReclassified::descriptor()) {
    const auto& reclassified = static_cast<const ev::TicketReclassified&>(event);
    return reclassified.previous().category() != reclassified.ticket().classification().category();
  }
  return true;
}

void ApplyEvent(const Message& event, const EventTimes& times, TicketFacts& facts) {
  if (Apply apply = Find(event)) apply(event, times, facts);
}

bool IsOpened(const TicketFacts& facts) { return facts.states_size() > 0; }

State StateBefore(const TicketFacts& facts, int64_t at) {
  State state = facts.states(0).state();
  for (const state::v1::StateChange& change : facts.states()) {
    if (change.at() >= at) break;
    state = change.state();
  }
  return state;
}

State LastState(const TicketFacts& facts) { return facts.states(facts.states_size() - 1).state(); }

std::optional<int64_t> FirstLeftNew(const TicketFacts& facts) {
  for (const state::v1::StateChange& change : facts.states()) {
    if (change.state() != tickets::v1::STATE_NEW) return change.at();
  }
  return std::nullopt;
}

std::optional<int64_t> FirstResolved(const TicketFacts& facts) {
  for (const state::v1::StateChange& change : facts.states()) {
    if (change.state() == tickets::v1::STATE_RESOLVED ||
        change.state() == tickets::v1::STATE_CLOSED) {
      return change.at();
    }
  }
  return std::nullopt;
}

std::optional<int64_t> LastMoveTo(const TicketFacts& facts, State state) {
  for (int i = facts.states_size() - 1; i >= 0; --i) {
    if (facts.states(i).state() == state) return facts.states(i).at();
  }
  return std::nullopt;
}

int GroupChanges(const TicketFacts& facts) { return facts.groups_size() - 1; }

PingPong CountPingPong(const TicketFacts& facts) {
  std::vector<std::string> known;
  for (const state::v1::GroupChange& change : facts.groups()) {
    if (change.group().empty()) continue;
    if (known.empty() || known.back() != change.group()) known.push_back(change.group());
  }
  PingPong result;
  result.returns =
      static_cast<int>(known.size() - std::set<std::string>(known.begin(), known.end()).size());
  for (size_t i = 2; i < known.size(); ++i) {
    if (known[i] == known[i - 2]) ++result.bounces;
  }
  return result;
}

}  // namespace watchbell::analytics
