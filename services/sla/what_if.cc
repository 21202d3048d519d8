#include "services/sla/what_if.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "services/sla/clocks/clock_view.h"

namespace watchbell::sla {
namespace {

using state::v1::ClockRecord;
using state::v1::TicketClocks;
using state::v1::TicketLife;

v1::Verdict VerdictOf(const ClockRecord* clock) {
  return clock == nullptr ? v1::VERDICT_UNSPECIFIED : clock->verdict();
}

bool IsOpenAndBreached(const ClockRecord* clock) {
  return clock != nullptr &&
         (clock->state() == v1::CLOCK_STATE_RUNNING || clock->state() == v1::CLOCK_STATE_PAUSED) &&
         BreachOf(*clock, clock->leg()) != nullptr;
}

google::protobuf::Timestamp Instant(int64_t micros) {
  return ToProto(absl::FromUnixMicros(micros));
}

constexpr size_t kRoom = 64 << 10;  // bytes

google::protobuf::ArenaOptions In(std::vector<char>& room) {
  google::protobuf::ArenaOptions options;
  options.initial_block = room.data();
  options.initial_block_size = room.size();
  return options;
}

}  // namespace

WhatIf::WhatIf(const Judge& draft, Listed listed, int64_t now)
    : draft_(draft), listed_(listed), now_(now), room_(kRoom), arena_(In(room_)) {}

void WhatIf::Take(const TicketLife& stored) {
  ++tickets_;
  arena_.Reset();
  PairUp(stored, CountAgain(stored));
  tickets::v1::Ticket ticket;
  for (const Pair& pair : pairs_) {
    Count(pair);
    const bool differs = VerdictOf(pair.before) != VerdictOf(pair.after);
    if (listed_ == Listed::kNone || (listed_ == Listed::kOtherVerdict && !differs)) continue;
    if (ticket.ticket_id().empty()) ticket.ParseFromString(stored.ticket());
    List(ticket, pair);
  }
}

TicketClocks& WhatIf::CountAgain(const TicketLife& stored) {
  TicketClocks& again = *google::protobuf::Arena::CreateMessage<TicketClocks>(&arena_);
  again.set_opened_at(stored.opened_at());
  for (const state::v1::TicketInput& input : stored.inputs()) {
    if (input.has_era()) continue;  // a move to another version: the draft judges all of it
    Settle(again, input.at(), nullptr);
    // Lent, not copied: an arena's message deletes nothing, and its inputs are not written to.
    again.mutable_inputs()->UnsafeArenaAddAllocated(const_cast<state::v1::TicketInput*>(&input));
    ApplyLast(draft_, again, nullptr);
  }
  Settle(again, stored.historic() ? stored.decided_before() : now_, nullptr);
  return again;
}

void WhatIf::PairUp(const TicketLife& stored, const TicketClocks& again) {
  pairs_.clear();
  for (const ClockRecord& clock : again.clocks()) pairs_.push_back({nullptr, &clock});
  for (const ClockRecord& clock : stored.clocks()) {
    const auto same = std::find_if(pairs_.begin(), pairs_.end(), [&](const Pair& pair) {
      return pair.after != nullptr && IsSameClock(*pair.after, clock);
    });
    if (same == pairs_.end()) {
      pairs_.push_back({&clock, nullptr});
    } else {
      same->before = &clock;
    }
  }
  std::sort(pairs_.begin(), pairs_.end(), [](const Pair& a, const Pair& b) {
    return std::make_tuple(absl::string_view(a.either().name()), a.either().cycle()) <
           std::make_tuple(absl::string_view(b.either().name()), b.either().cycle());
  });
}

void WhatIf::Count(const Pair& pair) {
  const ClockRecord& clock = pair.either();
  v1::WhatIfCount& count = counts_[{clock.name(), clock.priority()}];
  const v1::Verdict before = VerdictOf(pair.before);
  const v1::Verdict after = VerdictOf(pair.after);
  const bool met_before = before == v1::VERDICT_MET;
  const bool missed_before = before == v1::VERDICT_MISSED;
  const bool met_after = after == v1::VERDICT_MET;
  const bool missed_after = after == v1::VERDICT_MISSED;
  count.set_met_before(count.met_before() + met_before);
  count.set_missed_before(count.missed_before() + missed_before);
  count.set_met_after(count.met_after() + met_after);
  count.set_missed_after(count.missed_after() + missed_after);
  count.set_open_breached_before(count.open_breached_before() + IsOpenAndBreached(pair.before));
  count.set_open_breached_after(count.open_breached_after() + IsOpenAndBreached(pair.after));
  count.set_gained(count.gained() + (missed_before && met_after));
  count.set_lost(count.lost() + (met_before && missed_after));
}

void WhatIf::List(const tickets::v1::Ticket& ticket, const Pair& pair) {
  const ClockRecord& clock = pair.either();
  v1::WhatIfChange& change = *response_.add_changes();
  change.set_ticket_id(ticket.ticket_id());
  change.set_external_id(ticket.import().external_id());
  change.set_clock(clock.name());
  change.set_cycle(clock.cycle());
  change.set_priority(clock.priority());
  change.set_before(VerdictOf(pair.before));
  change.set_after(VerdictOf(pair.after));
  if (pair.after != nullptr) {
    *change.mutable_started_at() = Instant(clock.started_at());
    if (const auto due = ShownDue(clock)) *change.mutable_due_at() = Instant(*due);
    if (clock.has_ended_at()) *change.mutable_stopped_at() = Instant(clock.ended_at());
    *change.mutable_elapsed() = ToProto(absl::Microseconds(clock.elapsed()));
  }
  bytes_ += change.ByteSizeLong();
}

v1::WhatIfResponse WhatIf::Answer() {
  for (auto& [key, count] : counts_) {
    count.set_clock(key.first);
    count.set_priority(static_cast<tickets::v1::Priority>(key.second));
    *response_.add_counts() = std::move(count);
  }
  counts_.clear();
  response_.set_tickets(tickets_);
  return std::move(response_);
}

}  // namespace watchbell::sla
