// Ids of clocks: "<ticket>/<clock>/<cycle>", for example inc-1042/first-response/1. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

struct ClockId {
  std::string ticket;
  std::string name;
  int32_t cycle = 0;
};

// INVALID_ARGUMENT naming clock_id for a text that is none.
absl::StatusOr<ClockId> ReadClockId(absl::string_view text);

// The clock of this ticket with the id's name and cycle, or null.
const state::v1::ClockRecord* FindClock(const state::v1::TicketClocks& ticket, const ClockId& id);
state::v1::ClockRecord* FindClock(state::v1::TicketClocks& ticket, const ClockId& id);

// NOT_FOUND for a clock, or a ticket, that is not known.
absl::Status NoSuchClock(const ClockId& id);

}  // namespace watchbell::sla
