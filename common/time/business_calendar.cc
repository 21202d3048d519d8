#include "common/time/business_calendar.h"

#include <algorithm>
#include <utility>

#include "absl/time/civil_time.h"
#include "common/time/wall_time.h"

namespace watchbell {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kMicros = 1'000'000;
constexpr absl::CivilDay kEpoch(1970, 1, 1);

int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

int64_t YearOf(int64_t micros) {
  return absl::ToCivilYear(absl::FromUnixMicros(micros), absl::UTCTimeZone()).year();
}

int64_t StartOfYear(int64_t year) { return (absl::CivilDay(year, 1, 1) - kEpoch) * kSecondsPerDay; }

// Sorted, touching ones merged.
template <typename Minutes>
void Normalize(std::vector<Minutes>& day) {
  std::sort(day.begin(), day.end(),
            [](const Minutes& a, const Minutes& b) { return a.from < b.from; });
  std::vector<Minutes> merged;
  for (const Minutes& m : day) {
    if (!merged.empty() && m.from <= merged.back().to) {
      merged.back().to = std::max(merged.back().to, m.to);
    } else {
      merged.push_back(m);
    }
  }
  day = std::move(merged);
}

template <typename Minutes>
std::vector<Minutes> Subtract(const std::vector<Minutes>& day,
                              const std::vector<WallInterval>& taken) {
  std::vector<Minutes> left = day;
  for (const WallInterval& out : taken) {
    std::vector<Minutes> next;
    for (const Minutes& m : left) {
      if (m.from < std::min(m.to, out.from)) next.push_back({m.from, std::min(m.to, out.from)});
      if (std::max(m.from, out.to) < m.to) next.push_back({std::max(m.from, out.to), m.to});
    }
    left = std::move(next);
  }
  return left;
}

}  // namespace

BusinessCalendar::~BusinessCalendar() = default;

absl::StatusOr<std::unique_ptr<BusinessCalendar>> BusinessCalendar::Compile(
    const CalendarSpec& spec) {
  if (std::vector<FieldViolation> faults = CheckCalendar(spec); !faults.empty()) {
    return InvalidFields(std::move(faults));
  }
  auto calendar =
      std::unique_ptr<BusinessCalendar>(new BusinessCalendar(*LoadZone(spec.time_zone)));
  for (const WeekdayHoursSpec& day : spec.weekly) {
    const int weekday = day.weekday - 1;
    for (const WallInterval& hours : day.intervals) {
      if (hours.from < hours.to) {
        calendar->weekdays_[weekday].push_back({hours.from, hours.to});
        continue;
      }
      calendar->weekdays_[weekday].push_back({hours.from, kMinutesPerDay});
      if (hours.to > 0) calendar->weekdays_[(weekday + 1) % 7].push_back({0, hours.to});
    }
  }
  for (Day& day : calendar->weekdays_) {
    Normalize(day);
    calendar->weekly_open_ |= !day.empty();
  }
  for (const absl::CivilDay& holiday : spec.holidays) calendar->dates_[holiday - kEpoch] = {};
  for (const DatedHoursSpec& dated : spec.overrides) {
    Day& day = calendar->dates_[dated.date - kEpoch];
    day.clear();
    for (const WallInterval& hours : dated.intervals) day.push_back({hours.from, hours.to});
    Normalize(day);
  }
  for (const DatedHoursSpec& dated : spec.breaks) {
    const int64_t date = dated.date - kEpoch;
    calendar->dates_[date] = Subtract(Day(calendar->HoursOf(date)), dated.intervals);
  }
  for (const auto& [date, day] : calendar->dates_) {
    if (!day.empty()) calendar->last_date_ = std::max(calendar->last_date_.value_or(date), date);
  }
  return calendar;
}

const BusinessCalendar::Day& BusinessCalendar::HoursOf(int64_t day) const {
  if (auto it = dates_.find(day); it != dates_.end()) return it->second;
  // 1970-01-01 was a Thursday.
  return weekdays_[((day + 3) % 7 + 7) % 7];
}

BusinessCalendar::Year BusinessCalendar::CompileYear(int64_t number) const {
  Year year;
  const int64_t end = StartOfYear(number + 1);
  year.end = end * kMicros;
  // Between two transitions of the zone the local label is the instant plus a constant, so open
  // labels are open stretches of instants; each side of a transition is done by itself.
  for (int64_t from = StartOfYear(number); from < end;) {
    const int64_t offset = zone_.At(absl::FromUnixSeconds(from)).offset;
    int64_t to = end;
    absl::TimeZone::CivilTransition transition;
    if (zone_.NextTransition(absl::FromUnixSeconds(from), &transition)) {
      const int64_t at =
          absl::ToUnixSeconds(absl::FromCivil(transition.from, absl::UTCTimeZone())) - offset;
      if (at > from) to = std::min(to, at);
    }
    for (int64_t day = FloorDiv(from + offset, kSecondsPerDay); day * kSecondsPerDay < to + offset;
         ++day) {
      for (const Minutes& hours : HoursOf(day)) {
        const int64_t midnight = day * kSecondsPerDay - offset;
        const int64_t open = std::max(from, midnight + hours.from * 60) * kMicros;
        const int64_t close = std::min(to, midnight + hours.to * 60) * kMicros;
        if (open >= close) continue;
        if (!year.intervals.empty() && year.intervals.back().to == open) {
          year.intervals.back().to = close;
        } else {
          year.intervals.push_back({open, close, year.total});
        }
        year.total += close - open;
      }
    }
    from = to;
  }
  return year;
}

std::shared_ptr<const BusinessCalendar::Year> BusinessCalendar::YearAt(int64_t year) const {
  {
    MutexLock lock(mu_);
    if (auto it = years_.find(year); it != years_.end()) return it->second;
  }
  auto compiled = std::make_shared<const Year>(CompileYear(year));
  MutexLock lock(mu_);
  return years_.emplace(year, std::move(compiled)).first->second;
}

int64_t BusinessCalendar::OpenBefore(const Year& year, int64_t t) {
  auto it = std::upper_bound(
      year.intervals.begin(), year.intervals.end(), t,
      [](int64_t value, const Interval& interval) { return value < interval.from; });
  if (it == year.intervals.begin()) return 0;
  --it;
  return it->before + std::min(t, it->to) - it->from;
}

absl::Duration BusinessCalendar::Elapsed(absl::Time from, absl::Time to) const {
  const int64_t a = absl::ToUnixMicros(from);
  const int64_t b = absl::ToUnixMicros(to);
  if (b <= a) return absl::ZeroDuration();
  const int64_t last = YearOf(b);
  int64_t year = YearOf(a);
  int64_t open = -OpenBefore(*YearAt(year), a);
  for (; year < last; ++year) open += YearAt(year)->total;
  open += OpenBefore(*YearAt(last), b);
  return absl::Microseconds(open);
}

std::optional<absl::Time> BusinessCalendar::Add(absl::Time start, absl::Duration amount) const {
  if (amount <= absl::ZeroDuration()) return start;
  if (amount > kDeadlineHorizon) return std::nullopt;
  const int64_t from = absl::ToUnixMicros(start);
  const int64_t horizon = absl::ToUnixMicros(start + kDeadlineHorizon);
  int64_t year = YearOf(from);
  int64_t wanted = absl::ToInt64Microseconds(absl::Ceil(amount, absl::Microseconds(1))) +
                   OpenBefore(*YearAt(year), from);
  for (;; ++year) {
    // No local date lies further than two days from its UTC namesake.
    if (!weekly_open_ && (!last_date_ || StartOfYear(year) > (*last_date_ + 2) * kSecondsPerDay)) {
      return std::nullopt;
    }
    const std::shared_ptr<const Year> block = YearAt(year);
    if (wanted <= block->total) {
      auto it = std::lower_bound(block->intervals.begin(), block->intervals.end(), wanted,
                                 [](const Interval& interval, int64_t value) {
                                   return interval.before + (interval.to - interval.from) < value;
                                 });
      const int64_t t = it->from + wanted - it->before;
      if (t > horizon) return std::nullopt;
      return absl::FromUnixMicros(t);
    }
    wanted -= block->total;
    if (block->end > horizon) return std::nullopt;
  }
}

std::optional<absl::Time> BusinessCalendar::NextOpen(absl::Time t) const {
  if (IsOpen(t)) return t;
  // The instant before the first microsecond of open time is spent.
  const std::optional<absl::Time> spent = Add(t, absl::Microseconds(1));
  if (!spent) return std::nullopt;
  return *spent - absl::Microseconds(1);
}

bool BusinessCalendar::IsOpen(absl::Time t) const {
  return Elapsed(t, t + absl::Microseconds(1)) > absl::ZeroDuration();
}

}  // namespace watchbell
