// Counting time inside business hours. A calendar, or a union of several, is compiled to half-open
// UTC intervals with running sums, a UTC year at a time and only the years that are asked for.
//
// An instant is open if its local wall label is: an hour the zone skips holds no time, one it
// repeats counts twice. In a union it counts once, for the first member that is open; each member
// has its own zone. What goes by local dates (working days) goes by those of the first member.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "common/time/calendar_spec.h"
#include "common/time/wall_hours.h"

namespace watchbell {

// How far ahead a deadline is looked for; what lies beyond is "never". 20 years of 365 days.
inline constexpr absl::Duration kDeadlineHorizon = absl::Hours(24 * 365 * 20);

// Working time without a gap, [from, to), and the member of the union it counts for.
struct OpenStretch {
  absl::Time from;
  absl::Time to;
  int member = 0;
};

// Immutable to its callers; thread-safe. Instants are taken in microseconds.
class BusinessCalendar {
 public:
  // INVALID_ARGUMENT with every fault of CheckCalendar.
  static absl::StatusOr<std::unique_ptr<BusinessCalendar>> Compile(const CalendarSpec& spec);
  // The union of one or more, in their order; of several, paths begin with "members[<place>].".
  static absl::StatusOr<std::unique_ptr<BusinessCalendar>> Compile(
      absl::Span<const CalendarSpec> members);
  ~BusinessCalendar();

  // Open time in [from, to); zero if to <= from. What remains until a deadline is this too.
  absl::Duration Elapsed(absl::Time from, absl::Time to) const;

  // The smallest t >= start with Elapsed(start, t) >= amount: closing time, not the next opening.
  // `start` itself if amount <= 0. Nothing if there is none within the horizon.
  std::optional<absl::Time> Add(absl::Time start, absl::Duration amount) const;

  // The first open instant at or after t, within the horizon.
  std::optional<absl::Time> NextOpen(absl::Time t) const;

  bool IsOpen(absl::Time t) const;

  // The open stretches of [from, to), in order; touching ones are of different members.
  std::vector<OpenStretch> OpenBetween(absl::Time from, absl::Time to) const;

  // The rest goes by working days: local dates that have working time. In business_days.cc.

  // The open stretches of a local date, in order; none for a day off or a date the zone skips.
  // Hours that go on over midnight end with the date.
  std::vector<OpenStretch> HoursOfDate(absl::CivilDay date) const;

  // The n-th working day after `date`, n >= 1; nothing if it lies beyond the horizon.
  std::optional<absl::CivilDay> LaterWorkingDay(absl::CivilDay date, int n) const;

  // The local time of `start` on the n-th working day after it, n >= 1, clamped into that date's
  // hours: not before the first opening nor after the last closing, and from a gap between them on
  // to the next opening. A start outside hours counts as the next opening. A local time the date
  // skips is the instant of the skip; of one it repeats, the first. Nothing if there is none within
  // the horizon.
  std::optional<absl::Time> BusinessDays(absl::Time start, int n) const;

  // The last closing of the n-th working day after that of `start`; n = 0: of the day of `start`
  // itself. A start outside hours counts as the next opening. Nothing if there is none within the
  // horizon.
  std::optional<absl::Time> EndOfBusinessDay(absl::Time start, int n) const;

  absl::Span<const WallHours> members() const { return members_; }
  // The zone of local dates: the first member's.
  const absl::TimeZone& zone() const { return members_[0].zone(); }

 private:
  struct Interval {
    int64_t from;
    int64_t to;
    int64_t before;  // open time of the year up to `from`
    int member;
  };
  struct Year {
    std::vector<Interval> intervals;
    int64_t end = 0;    // start of the next year
    int64_t total = 0;  // open time of the year
  };

  explicit BusinessCalendar(std::vector<WallHours> members) : members_(std::move(members)) {}

  bool NeverOpenFrom(int64_t year) const;
  const Year& YearAt(int64_t year) const;
  Year CompileYear(int64_t number) const;
  std::vector<Interval> MemberYear(int member, int64_t number) const;
  std::optional<absl::CivilDay> WorkingDay(absl::Time opened, int n) const;
  static int64_t OpenBefore(const Year& year, int64_t t);
  static std::vector<Interval>::const_iterator FirstEndingAfter(const Year& year, int64_t t);

  const std::vector<WallHours> members_;  // at least one

  // Compiled years are kept as long as the calendar; those around now are found without a lock.
  static constexpr int64_t kFirstNearYear = 1990;
  mutable std::array<std::atomic<const Year*>, 80> near_years_ = {};
  mutable Mutex mu_;
  mutable absl::flat_hash_map<int64_t, std::unique_ptr<const Year>> years_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell
