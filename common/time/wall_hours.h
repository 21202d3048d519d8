// The hours a calendar has on local dates, and why it has none at the other times. Knows no
// instants: where the labels lie is the zone's affair (zone_spans.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/time/calendar_spec.h"

namespace watchbell {

// Why a stretch counts or does not.
enum class HoursKind {
  kOpen,
  kOutside,   // neither the weekday nor anything else has hours here
  kHoliday,   // the weekday's hours, taken by a holiday
  kOverride,  // the weekday's hours, which an override of the date does not have
  kBreak,     // hours of the weekday or of an override, taken by a break
};

// A part of a local date.
struct WallPart {
  int from;  // minutes since midnight
  int to;
  HoursKind kind;
};

// Constant; thread-safe.
class WallHours {
 public:
  // A sound spec (see CheckCalendar).
  explicit WallHours(const CalendarSpec& spec);

  const absl::TimeZone& zone() const { return zone_; }

  // Days are counted from 1970-01-01. Sorted, disjoint, not touching.
  const std::vector<WallInterval>& OpenOn(int64_t day) const;
  // What the day would have if its date were none in particular.
  const std::vector<WallInterval>& OfWeekday(int64_t day) const;
  // The whole day, part by part.
  std::vector<WallPart> PartsOf(int64_t day) const;

  // The holiday on this day, or null; one of this very date goes before a yearly one.
  const HolidaySpec* HolidayOn(int64_t day) const;
  bool HasOverride(int64_t day) const { return overrides_.contains(day); }

  // No day from this one on is open.
  bool NeverOpenFrom(int64_t day) const;

 private:
  using Hours = std::vector<WallInterval>;

  absl::TimeZone zone_;
  Hours weekdays_[7];  // Monday first
  std::vector<HolidaySpec> holidays_;
  absl::flat_hash_map<int64_t, size_t> holiday_dates_;       // places in holidays_
  absl::flat_hash_map<std::pair<int, int>, size_t> yearly_;  // by month and day
  absl::flat_hash_map<int64_t, Hours> overrides_;
  absl::flat_hash_map<int64_t, Hours> breaks_;
  absl::flat_hash_map<int64_t, Hours> dates_;  // all of the above but yearly, as they come out
  bool weekly_open_ = false;                   // some weekday has hours
  std::optional<int64_t> last_open_date_;      // the last of dates_ that has hours
};

// Of two sorted lists: what `hours` has and `taken` has not.
std::vector<WallInterval> Without(const std::vector<WallInterval>& hours,
                                  const std::vector<WallInterval>& taken);

}  // namespace watchbell
