// What judges a ticket: one version of a policy set with the compiled calendars its targets name,
// and counting time the way each target counts it. Pure; times are microseconds since the epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time/business_calendar.h"
#include "services/sla/compiled_policy.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Half of what a target counts by.
struct TargetHours {
  using InZone =
      std::function<std::shared_ptr<const BusinessCalendar>(const std::string& time_zone)>;

  std::shared_ptr<const BusinessCalendar> calendar;  // null: all time
  int64_t version = 0;                               // of the calendar; 0 with all time
  InZone in_zone;  // the calendar read in another zone, null if that is not known; may be null
};

// `policy` outlives the judge; `hours` has one entry per target.
struct Judge {
  const v1::PolicySet* policy = nullptr;
  std::shared_ptr<const CompiledPolicy> compiled;
  std::vector<TargetHours> hours;

  const v1::Target& target(int i) const { return policy->targets(i); }
  const Rules& rules(int i) const { return compiled->targets[static_cast<size_t>(i)].rules; }
};

// Target `target` as a clock counts it: in the zone the clock has it in ("" = the calendar's own).
struct Counting {
  int target;
  const std::string& time_zone;
};

// The first target of the slot that selects a ticket at this moment; -1 if none does.
int MatchTarget(const Judge& judge, const ClockSlot& slot, const Moment& moment);

// What the target counts by; null: all time.
std::shared_ptr<const BusinessCalendar> HoursOf(const Judge& judge, const Counting& by);

// Time counted in [from, to).
int64_t CountedTime(const Judge& judge, const Counting& by, int64_t from, int64_t to);

// The smallest instant by which `amount` has been counted since `start`; nothing if that is never.
std::optional<int64_t> Deadline(const Judge& judge, const Counting& by, int64_t start,
                                int64_t amount);

// The deadline of a relative target for a clock that starts at `start`; never before it. Nothing if
// there is none within the horizon.
std::optional<int64_t> RelativeDeadline(const Judge& judge, const Counting& by, int64_t start,
                                        const state::v1::Facts& facts);

// The instant at which the finished segments of the clock's present leg had counted `amount`, each
// by its own target's hours, if that was before the segment it lies in ended. At a segment's very
// end nothing is crossed yet: the remainder is 0 and due again at the next segment's start.
std::optional<int64_t> Crossing(const Judge& judge, const state::v1::ClockRecord& clock,
                                int64_t amount);

// The same for the clock's deadline, whatever its kind.
std::optional<int64_t> DueCrossing(const Judge& judge, const state::v1::ClockRecord& clock);

// Microseconds a target of `duration` allows.
int64_t AllowedTime(const v1::Target& target);

}  // namespace watchbell::sla
