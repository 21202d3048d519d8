#include "common/time/business_calendar.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "common/time/zone_spans.h"

namespace watchbell {
namespace {

constexpr int64_t kMicros = 1'000'000;

int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

// The year of the Gregorian calendar, by whole cycles of 400 years that begin in March: several
// times as fast as the civil time of a zone.
int64_t YearOf(int64_t micros) {
  const int64_t day = FloorDiv(micros, kMicros * kSecondsPerDay) + 719'468;  // since 0000-03-01
  const int64_t cycle = FloorDiv(day, 146'097);
  const int64_t of_cycle = day - cycle * 146'097;
  const int64_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36'524 - of_cycle / 146'096) / 365;
  const int64_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
  return cycle * 400 + year + (of_year >= 306 ? 1 : 0);  // January and February
}

int64_t StartOfYear(int64_t year) {
  return (absl::CivilDay(year, 1, 1) - kEpochDay) * kSecondsPerDay;
}

// Both sorted; what is open in `first` already stays with it.
template <typename Interval>
std::vector<Interval> Union(const std::vector<Interval>& first,
                            const std::vector<Interval>& second) {
  std::vector<Interval> all;
  auto taken = first.begin();
  for (Interval next : second) {
    for (; taken != first.end() && taken->from < next.to; ++taken) {
      if (next.from < taken->from) {
        Interval before = next;
        before.to = taken->from;
        all.push_back(before);
      }
      next.from = std::max(next.from, taken->to);
      if (taken->to > next.to) break;  // it may reach into the one after `next`
      all.push_back(*taken);
    }
    if (next.from < next.to) all.push_back(next);
  }
  all.insert(all.end(), taken, first.end());
  return all;
}

}  // namespace

BusinessCalendar::~BusinessCalendar() = default;

absl::StatusOr<std::unique_ptr<BusinessCalendar>> BusinessCalendar::Compile(
    const CalendarSpec& spec) {
  return Compile(absl::MakeConstSpan(&spec, 1));
}

absl::StatusOr<std::unique_ptr<BusinessCalendar>> BusinessCalendar::Compile(
    absl::Span<const CalendarSpec> members) {
  std::vector<FieldViolation> faults;
  if (members.empty()) faults.push_back({"members", "at least one is required"});
  for (size_t i = 0; i < members.size(); ++i) {
    for (FieldViolation& fault : CheckCalendar(members[i])) {
      if (members.size() > 1) fault.field = absl::StrCat("members[", i, "].", fault.field);
      faults.push_back(std::move(fault));
    }
  }
  if (!faults.empty()) return InvalidFields(std::move(faults));
  return std::unique_ptr<BusinessCalendar>(
      new BusinessCalendar(std::vector<WallHours>(members.begin(), members.end())));
}

bool BusinessCalendar::NeverOpenFrom(int64_t year) const {
  // No local date lies further than two days from its UTC namesake.
  const int64_t day = StartOfYear(year) / kSecondsPerDay - 2;
  return std::all_of(members_.begin(), members_.end(),
                     [&](const WallHours& member) { return member.NeverOpenFrom(day); });
}

std::vector<BusinessCalendar::Interval> BusinessCalendar::MemberYear(int member,
                                                                     int64_t number) const {
  const WallHours& wall = members_[static_cast<size_t>(member)];
  std::vector<Interval> intervals;
  for (const ZoneSpan& span :
       ZoneSpans(wall.zone(), StartOfYear(number), StartOfYear(number + 1))) {
    for (int64_t day = FloorDiv(span.from + span.offset, kSecondsPerDay);
         day * kSecondsPerDay < span.to + span.offset; ++day) {
      const int64_t midnight = day * kSecondsPerDay - span.offset;
      for (const WallInterval& hours : wall.OpenOn(day)) {
        const int64_t open = std::max(span.from, midnight + hours.from * 60) * kMicros;
        const int64_t close = std::min(span.to, midnight + hours.to * 60) * kMicros;
        if (open >= close) continue;
        if (!intervals.empty() && intervals.back().to == open) {
          intervals.back().to = close;
        } else {
          intervals.push_back({open, close, 0, member});
        }
      }
    }
  }
  return intervals;
}

BusinessCalendar::Year BusinessCalendar::CompileYear(int64_t number) const {
  Year year;
  year.end = StartOfYear(number + 1) * kMicros;
  year.intervals = MemberYear(0, number);
  for (size_t i = 1; i < members_.size(); ++i) {
    year.intervals = Union(year.intervals, MemberYear(static_cast<int>(i), number));
  }
  for (Interval& interval : year.intervals) {
    interval.before = year.total;
    year.total += interval.to - interval.from;
  }
  return year;
}

const BusinessCalendar::Year& BusinessCalendar::YearAt(int64_t year) const {
  const auto place = static_cast<uint64_t>(year - kFirstNearYear);
  const bool near = place < near_years_.size();
  if (near) {
    if (const Year* ready = near_years_[place].load(std::memory_order_acquire)) return *ready;
  }
  {
    MutexLock lock(mu_);
    if (auto it = years_.find(year); it != years_.end()) return *it->second;
  }
  auto compiled = std::make_unique<const Year>(CompileYear(year));
  MutexLock lock(mu_);
  const Year& kept = *years_.try_emplace(year, std::move(compiled)).first->second;
  if (near) near_years_[place].store(&kept, std::memory_order_release);
  return kept;
}

int64_t BusinessCalendar::OpenBefore(const Year& year, int64_t t) {
  auto it = std::upper_bound(
      year.intervals.begin(), year.intervals.end(), t,
      [](int64_t value, const Interval& interval) { return value < interval.from; });
  if (it == year.intervals.begin()) return 0;
  --it;
  return it->before + std::min(t, it->to) - it->from;
}

std::vector<BusinessCalendar::Interval>::const_iterator BusinessCalendar::FirstEndingAfter(
    const Year& year, int64_t t) {
  return std::upper_bound(
      year.intervals.begin(), year.intervals.end(), t,
      [](int64_t value, const Interval& interval) { return value < interval.to; });
}

absl::Duration BusinessCalendar::Elapsed(absl::Time from, absl::Time to) const {
  const int64_t a = absl::ToUnixMicros(from);
  const int64_t b = absl::ToUnixMicros(to);
  if (b <= a) return absl::ZeroDuration();
  const int64_t last = YearOf(b);
  int64_t year = YearOf(a);
  int64_t open = -OpenBefore(YearAt(year), a);
  for (; year < last; ++year) open += YearAt(year).total;
  open += OpenBefore(YearAt(last), b);
  return absl::Microseconds(open);
}

std::optional<absl::Time> BusinessCalendar::Add(absl::Time start, absl::Duration amount) const {
  if (amount <= absl::ZeroDuration()) return start;
  if (amount > kDeadlineHorizon) return std::nullopt;
  const int64_t from = absl::ToUnixMicros(start);
  const int64_t horizon = absl::ToUnixMicros(start + kDeadlineHorizon);
  int64_t year = YearOf(from);
  int64_t wanted = absl::ToInt64Microseconds(absl::Ceil(amount, absl::Microseconds(1))) +
                   OpenBefore(YearAt(year), from);
  for (;; ++year) {
    if (NeverOpenFrom(year)) return std::nullopt;
    const Year& block = YearAt(year);
    if (wanted <= block.total) {
      auto it = std::lower_bound(block.intervals.begin(), block.intervals.end(), wanted,
                                 [](const Interval& interval, int64_t value) {
                                   return interval.before + (interval.to - interval.from) < value;
                                 });
      const int64_t t = it->from + wanted - it->before;
      if (t > horizon) return std::nullopt;
      return absl::FromUnixMicros(t);
    }
    wanted -= block.total;
    if (block.end > horizon) return std::nullopt;
  }
}

std::optional<absl::Time> BusinessCalendar::NextOpen(absl::Time t) const {
  const int64_t from = absl::ToUnixMicros(t);
  const int64_t horizon = absl::ToUnixMicros(t + kDeadlineHorizon);
  for (int64_t year = YearOf(from); !NeverOpenFrom(year); ++year) {
    const Year& block = YearAt(year);
    if (const auto it = FirstEndingAfter(block, from); it != block.intervals.end()) {
      if (it->from > horizon) return std::nullopt;
      return absl::FromUnixMicros(std::max(from, it->from));
    }
    if (block.end > horizon) return std::nullopt;
  }
  return std::nullopt;
}

bool BusinessCalendar::IsOpen(absl::Time t) const {
  const int64_t at = absl::ToUnixMicros(t);
  const Year& block = YearAt(YearOf(at));
  const auto it = FirstEndingAfter(block, at);
  return it != block.intervals.end() && it->from <= at;
}

std::vector<OpenStretch> BusinessCalendar::OpenBetween(absl::Time from, absl::Time to) const {
  const int64_t a = absl::ToUnixMicros(from);
  const int64_t b = absl::ToUnixMicros(to);
  std::vector<OpenStretch> open;
  if (b <= a) return open;
  for (int64_t year = YearOf(a), last = YearOf(b); year <= last; ++year) {
    const Year& block = YearAt(year);
    for (auto it = FirstEndingAfter(block, a); it != block.intervals.end() && it->from < b; ++it) {
      const absl::Time begin = absl::FromUnixMicros(std::max(a, it->from));
      const absl::Time end = absl::FromUnixMicros(std::min(b, it->to));
      // Hours that go on over the turn of a UTC year.
      if (!open.empty() && open.back().to == begin && open.back().member == it->member) {
        open.back().to = end;
      } else {
        open.push_back({begin, end, it->member});
      }
    }
  }
  return open;
}

}  // namespace watchbell
