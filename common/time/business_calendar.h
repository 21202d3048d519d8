// Counting time inside business hours. A spec is compiled to half-open UTC intervals with running
// sums, a UTC year at a time and only the years that are asked for.
//
// An instant is open if its local wall label is: an hour the zone skips holds no time, one it
// repeats counts twice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/time/calendar_spec.h"

namespace watchbell {

// How far ahead a deadline is looked for; what lies beyond is "never". 20 years of 365 days.
inline constexpr absl::Duration kDeadlineHorizon = absl::Hours(24 * 365 * 20);

// Immutable to its callers; thread-safe. Instants are taken in microseconds.
class BusinessCalendar {
 public:
  // INVALID_ARGUMENT with every fault of CheckCalendar.
  static absl::StatusOr<std::unique_ptr<BusinessCalendar>> Compile(const CalendarSpec& spec);
  ~BusinessCalendar();

  // Open time in [from, to); zero if to <= from.
  absl::Duration Elapsed(absl::Time from, absl::Time to) const;

  // The smallest t >= start with Elapsed(start, t) >= amount: closing time, not the next opening.
  // `start` itself if amount <= 0. Nothing if there is none within the horizon.
  std::optional<absl::Time> Add(absl::Time start, absl::Duration amount) const;

  // The first open instant at or after t, within the horizon.
  std::optional<absl::Time> NextOpen(absl::Time t) const;

  bool IsOpen(absl::Time t) const;

 private:
  struct Interval {
    int64_t from;
    int64_t to;
    int64_t before;  // open time of the year up to `from`
  };
  struct Year {
    std::vector<Interval> intervals;
    int64_t end = 0;    // start of the next year
    int64_t total = 0;  // open time of the year
  };
  struct Minutes {
    int from;
    int to;
  };
  using Day = std::vector<Minutes>;  // sorted, disjoint, not touching

  explicit BusinessCalendar(absl::TimeZone zone) : zone_(zone) {}

  const Day& HoursOf(int64_t day) const;  // days since 1970-01-01, local
  std::shared_ptr<const Year> YearAt(int64_t year) const;
  Year CompileYear(int64_t year) const;
  static int64_t OpenBefore(const Year& year, int64_t t);

  // Constant after Compile.
  absl::TimeZone zone_;
  Day weekdays_[7];                          // Monday first, breaks not applied
  absl::flat_hash_map<int64_t, Day> dates_;  // dates that differ from their weekday, breaks applied
  bool weekly_open_ = false;                 // some weekday has hours
  std::optional<int64_t> last_date_;         // the last of dates_ that has hours

  mutable Mutex mu_;
  mutable absl::flat_hash_map<int64_t, std::shared_ptr<const Year>> years_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell
