// The stretches of a clock's life and what each was to it. Pure; times are microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/sla/clocks/judge.h"
#include "services/sla/explain/explain_history.h"
#include "watchbell/sla/v1/explain.pb.h"

namespace watchbell::sla {

// [from, to).
struct ClockStretch {
  int64_t from = 0;
  int64_t to = 0;
  v1::ClockSegmentKind kind = v1::CLOCK_SEGMENT_KIND_NOT_RUNNING;
  std::string holiday;
  int cause = -1;  // place of an input; -1 = none
  int target = 0;
  int leg = 0;
  bool set_aside = false;
  bool expected = false;
  const ClockMoment* moment = nullptr;  // facts then; of the history

  int64_t counted() const { return kind == v1::CLOCK_SEGMENT_KIND_COUNTED ? to - from : 0; }
};

// In order, from the clock's start without a gap to its end; of an open clock to its deadline or
// `as_of`, whichever is later. `clock` is settled up to `as_of`; `history` outlives the result.
std::vector<ClockStretch> StretchesOf(const Judge& judge, const state::v1::ClockRecord& clock,
                                      const ClockHistory& history, int64_t as_of);

}  // namespace watchbell::sla
