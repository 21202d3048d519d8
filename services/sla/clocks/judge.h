// What judges a ticket: versions of policy sets with the compiled calendars their targets name, and
// counting time the way each target counts it. Pure; times are microseconds since the epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/time/business_calendar.h"
#include "services/sla/policies/compiled_policy.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Half of what a target counts by.
struct TargetHours {
  using InZone =
      std::function<std::shared_ptr<const BusinessCalendar>(const std::string& time_zone)>;

  std::shared_ptr<const BusinessCalendar> calendar;       // null: all time
  int64_t version = 0;                                    // of the calendar; 0 with all time
  std::vector<std::pair<std::string, int64_t>> versions;  // of it and of its members, by calendar
  InZone in_zone;  // the calendar read in another zone, null if that is not known; may be null
};

// One version of a policy set with what its targets count by. `policy` outlives it; `hours` has one
// entry per target.
struct JudgeEra {
  const v1::PolicySet* policy = nullptr;
  std::shared_ptr<const CompiledPolicy> compiled;
  std::vector<TargetHours> hours;
};

// What judges a ticket: the versions that did, one after the other, the last the one in force. A
// target goes by its number: those of all eras are numbered through.
class Judge {
 public:
  // Judged by nothing: no target, no slot.
  static JudgeEra Nothing();

  void Add(JudgeEra era);

  const JudgeEra& era(int i) const { return eras_[static_cast<size_t>(i)]; }
  int eras() const { return static_cast<int>(eras_.size()); }
  // Number of the era's first target.
  int first(int era) const { return firsts_[static_cast<size_t>(era)]; }

  // The era whose target this is.
  int EraOf(int number) const { return At(number).era; }

  const v1::Target& target(int number) const {
    const Place& at = At(number);
    return era(at.era).policy->targets(at.target);
  }
  const Rules& rules(int number) const { return Compiled(number).rules; }
  const std::vector<WarnAt>& warnings(int number) const { return Compiled(number).warnings; }
  const TargetHours& hours(int number) const {
    const Place& at = At(number);
    return era(at.era).hours[static_cast<size_t>(at.target)];
  }

 private:
  struct Place {
    int era;
    int target;  // in its policy set
  };
  const Place& At(int number) const { return places_[static_cast<size_t>(number)]; }
  const CompiledTarget& Compiled(int number) const {
    const Place& at = At(number);
    return era(at.era).compiled->targets[static_cast<size_t>(at.target)];
  }

  std::vector<JudgeEra> eras_;
  std::vector<int> firsts_;
  std::vector<Place> places_;  // by number
};

// Target `target` as a clock counts it: in the zone the clock has it in ("" = the calendar's own).
struct Counting {
  int target;
  const std::string& time_zone;
};

// Number of the first target of the era's slot that selects a ticket at this moment; -1 if none
// does.
int MatchTarget(const Judge& judge, int era, const ClockSlot& slot, const Moment& moment);

// Two targets that promise the same and count the same: one may stand for the other.
bool IsSamePromise(const Judge& judge, int a, int b);

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

// Time that the finished segments of the clock's present leg counted before `until`, each by its
// own target's hours.
int64_t CountedBefore(const Judge& judge, const state::v1::ClockRecord& clock, int64_t until);

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
