// The course a clock takes by the conditions of one target alone, over a ticket's whole history:
// when it began, when it ran, where it stands. Targets decide live as inputs come
// (clock_machine.h); this is for a clock that is attached late, taken up again, or given another
// target. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "services/sla/clocks/judge.h"
#include "services/sla/policies/metric_rules.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

enum class Demand {
  kNone,  // it has not begun
  kRun,
  kPause,
  kStop,
  kCancel,
};

struct Course {
  struct Stretch {
    int64_t from;
    int64_t to;
  };

  Demand demand = Demand::kNone;
  int64_t since = 0;               // when it came to that
  int64_t started_at = 0;          // of the last cycle
  bool begins = false;             // the last cycle, with the last input
  std::vector<Stretch> stretches;  // in which the last cycle ran, up to the last input
};

inline bool HasBegun(const Course& course) {
  return course.demand != Demand::kNone && course.demand != Demand::kCancel;
}

// Over the inputs, in event-time order.
Course CourseOf(const Rules& rules, v1::ReopenMode on_reopen,
                const google::protobuf::RepeatedPtrField<state::v1::TicketInput>& inputs);

// The same for a clock that is there. Of what repeats, each cycle is on its own: this one began
// with the clock, whatever the target says of what was before.
Course CourseOfClock(const Judge& judge, const state::v1::ClockRecord& clock, int target,
                     const google::protobuf::RepeatedPtrField<state::v1::TicketInput>& inputs);

}  // namespace watchbell::sla
