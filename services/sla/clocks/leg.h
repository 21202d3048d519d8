// The leg of a clock: the stretch under one target, with its segments, its deadline and what of it
// is still to come. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "services/sla/clocks/judge.h"

namespace watchbell::sla {

// A view of a clock; both outlive it.
class Leg {
 public:
  Leg(const Judge& judge, state::v1::ClockRecord& clock) : judge_(judge), clock_(clock) {}

  // Whether the clock's leg is one of this target, or of one that promises the same, and of these
  // facts.
  bool IsOf(int target, const state::v1::Facts& facts) const;
  // Target `target` applies from `at` on; `facts` are the ticket's at that time.
  void Begin(int target, int64_t at, const state::v1::Facts& facts);
  // The leg goes on at `at`, or crossed its deadline then: says what a relative target allows.
  void Allow(int64_t at);
  // Counts all that a running clock has to come again, with what it has used.
  void Recount(const state::v1::Facts& facts);
  // A finished segment; one that goes on where the last ended is the same segment.
  void AddSegment(int64_t from, int64_t to);
  // What ran from then on does not count, nor is it kept.
  void TakeBack(int64_t from);
  // The clock runs from `at` on.
  void BeginSegment(int64_t at);
  // It does not any more.
  void EndSegment(int64_t at);

 private:
  Counting By() const { return {clock_.target(), clock_.time_zone()}; }
  // The zone its calendar is read in; "" = the calendar's own.
  std::string ZoneOf(int target) const;
  std::string AskedZone(int target) const;
  // Counts the deadline of a relative target; `facts` are the ticket's when the leg began.
  void FixDeadline(const state::v1::Facts& facts);
  state::v1::Segment& Open(int64_t from);
  void SetPending(int64_t at);

  const Judge& judge_;
  state::v1::ClockRecord& clock_;
};

}  // namespace watchbell::sla
