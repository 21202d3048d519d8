// The life of one clock, input by input: its ticket's inputs are run through the machine once more,
// and what each of them left behind is kept. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/sla/clocks/course.h"
#include "services/sla/clocks/judge.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// From one input to the next.
struct ClockMoment {
  int64_t at = 0;
  Demand demand = Demand::kNone;  // where the clock stood; kNone: it had not begun
  int cause = -1;                 // place of the input that brought it there
  int target = 0;
  int leg = 0;
  std::string group;
  std::string assignee;
  tickets::v1::HoldReason hold_reason = tickets::v1::HOLD_REASON_UNSPECIFIED;
};

struct ClockHistory {
  std::vector<ClockMoment> moments;  // one an input
  std::vector<int> legs;             // of the clock's segments
  int chosen = -1;                   // place of the input by which it got its present target

  // The moment in force at `time`; before all inputs the first.
  const ClockMoment& At(int64_t time) const;
};

// `ticket` has at least one input, `clock` is one of its clocks.
ClockHistory HistoryOf(const Judge& judge, const state::v1::TicketClocks& ticket,
                       const state::v1::ClockRecord& clock);

}  // namespace watchbell::sla
