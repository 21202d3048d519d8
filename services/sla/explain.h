// Why a clock stands where it stands: its life taken apart, and what would change it. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/sla/judge.h"
#include "watchbell/sla/v1/explain.pb.h"

namespace watchbell::sla {

struct ClockId {
  std::string ticket;
  std::string name;
  int32_t cycle = 0;
};

// "<ticket>/<name>/<cycle>"; INVALID_ARGUMENT for any other text.
absl::StatusOr<ClockId> ReadClockId(absl::string_view text);

// `judge` is what judges `ticket`; `now` in microseconds. NOT_FOUND if the ticket has no such
// clock.
absl::StatusOr<v1::ClockExplanation> Explain(const Judge& judge,
                                             const state::v1::TicketClocks& ticket,
                                             const ClockId& id, int64_t now);

}  // namespace watchbell::sla
