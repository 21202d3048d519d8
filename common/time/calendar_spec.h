// Business hours as people write them, and what is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "common/base/errors.h"

namespace watchbell {

// Half-open stretch of local wall time in minutes since midnight, 0 to 24:00. On a weekday from >
// to wraps past midnight.
struct WallInterval {
  int from = 0;
  int to = 0;
};

struct WeekdayHoursSpec {
  int weekday = 1;  // 1 = Monday ... 7 = Sunday
  std::vector<WallInterval> intervals;
};

struct DatedHoursSpec {
  absl::CivilDay date;
  std::vector<WallInterval> intervals;
};

struct HolidaySpec {
  absl::CivilDay date;
  std::string name;
  bool yearly = false;  // the same day of every year from `date` on; February 29 in leap years only
};

// A date's hours: its override if there is one, else none if it is a holiday, else the weekday's;
// then minus breaks. A weekday's interval that wraps is split at midnight before any of that. All
// keyed by local date.
struct CalendarSpec {
  std::string time_zone;  // IANA
  std::vector<WeekdayHoursSpec> weekly;
  std::vector<HolidaySpec> holidays;
  std::vector<DatedHoursSpec> overrides;
  std::vector<DatedHoursSpec> breaks;
};

// Every fault, by path within the spec ("weekly[0].intervals[1].to"); empty = it can be compiled.
// Faults: unknown zone, weekday out of range or twice, time out of range, from = to, a dated
// interval that wraps, overlapping intervals (touching ones are fine), a date twice in one list, a
// day of the year twice among yearly holidays. A calendar without any hours is none: its deadlines
// are "never".
std::vector<FieldViolation> CheckCalendar(const CalendarSpec& spec);

}  // namespace watchbell
