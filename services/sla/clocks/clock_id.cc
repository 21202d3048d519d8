#include "services/sla/clocks/clock_id.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/errors.h"

namespace watchbell::sla {
namespace {

template <typename Clocks>
auto Find(Clocks& clocks, const ClockId& id) -> decltype(&*clocks.begin()) {
  for (auto& clock : clocks) {
    if (clock.name() == id.name && clock.cycle() == id.cycle) return &clock;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<ClockId> ReadClockId(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  ClockId id;
  if (parts.size() != 3 || parts[0].empty() || parts[1].empty() ||
      !absl::SimpleAtoi(parts[2], &id.cycle) || id.cycle < 1 ||
      parts[2] != absl::StrCat(id.cycle)) {
    return InvalidField("clock_id", "must be <ticket>/<clock>/<cycle>");
  }
  id.ticket = parts[0];
  id.name = parts[1];
  return id;
}

const state::v1::ClockRecord* FindClock(const state::v1::TicketClocks& ticket, const ClockId& id) {
  return Find(ticket.clocks(), id);
}

state::v1::ClockRecord* FindClock(state::v1::TicketClocks& ticket, const ClockId& id) {
  return Find(*ticket.mutable_clocks(), id);
}

absl::Status NoSuchClock(const ClockId& id) {
  return NotFound(absl::StrCat("clocks/", id.ticket, "/", id.name, "/", id.cycle));
}

}  // namespace watchbell::sla
