#include "common/time/wall_hours.h"

#include <algorithm>

#include "common/time/wall_time.h"
#include "common/time/zone_spans.h"

namespace watchbell {
namespace {

// Sorted, touching ones merged.
void Normalize(std::vector<WallInterval>& hours) {
  std::sort(hours.begin(), hours.end(),
            [](const WallInterval& a, const WallInterval& b) { return a.from < b.from; });
  std::vector<WallInterval> merged;
  for (const WallInterval& next : hours) {
    if (!merged.empty() && next.from <= merged.back().to) {
      merged.back().to = std::max(merged.back().to, next.to);
    } else {
      merged.push_back(next);
    }
  }
  hours = std::move(merged);
}

void AddParts(const std::vector<WallInterval>& hours, HoursKind kind,
              std::vector<WallPart>& parts) {
  for (const WallInterval& part : hours) parts.push_back({part.from, part.to, kind});
}

}  // namespace

std::vector<WallInterval> Without(const std::vector<WallInterval>& hours,
                                  const std::vector<WallInterval>& taken) {
  std::vector<WallInterval> left = hours;
  for (const WallInterval& out : taken) {
    std::vector<WallInterval> next;
    for (const WallInterval& in : left) {
      if (in.from < std::min(in.to, out.from)) next.push_back({in.from, std::min(in.to, out.from)});
      if (std::max(in.from, out.to) < in.to) next.push_back({std::max(in.from, out.to), in.to});
    }
    left = std::move(next);
  }
  return left;
}

WallHours::WallHours(const CalendarSpec& spec)
    : zone_(*LoadZone(spec.time_zone)), holidays_(spec.holidays) {
  for (const WeekdayHoursSpec& day : spec.weekly) {
    const int weekday = day.weekday - 1;
    for (const WallInterval& hours : day.intervals) {
      if (hours.from < hours.to) {
        weekdays_[weekday].push_back(hours);
        continue;
      }
      weekdays_[weekday].push_back({hours.from, kMinutesPerDay});
      if (hours.to > 0) weekdays_[(weekday + 1) % 7].push_back({0, hours.to});
    }
  }
  for (Hours& hours : weekdays_) {
    Normalize(hours);
    weekly_open_ |= !hours.empty();
  }
  for (size_t i = 0; i < holidays_.size(); ++i) {
    const HolidaySpec& holiday = holidays_[i];
    if (holiday.yearly) {
      yearly_[{holiday.date.month(), holiday.date.day()}] = i;
    } else {
      holiday_dates_[holiday.date - kEpochDay] = i;
      dates_[holiday.date - kEpochDay] = {};
    }
  }
  for (const DatedHoursSpec& dated : spec.overrides) {
    Hours hours = dated.intervals;
    Normalize(hours);
    overrides_[dated.date - kEpochDay] = hours;
    dates_[dated.date - kEpochDay] = std::move(hours);
  }
  for (const DatedHoursSpec& dated : spec.breaks) {
    const int64_t day = dated.date - kEpochDay;
    Hours hours = dated.intervals;
    Normalize(hours);
    dates_[day] = Without(Hours(OpenOn(day)), hours);
    breaks_[day] = std::move(hours);
  }
  for (const auto& [day, hours] : dates_) {
    if (!hours.empty()) last_open_date_ = std::max(last_open_date_.value_or(day), day);
  }
}

const HolidaySpec* WallHours::HolidayOn(int64_t day) const {
  if (auto it = holiday_dates_.find(day); it != holiday_dates_.end()) return &holidays_[it->second];
  if (yearly_.empty()) return nullptr;
  const absl::CivilDay date = kEpochDay + day;
  auto it = yearly_.find({date.month(), date.day()});
  if (it == yearly_.end() || date < holidays_[it->second].date) return nullptr;
  return &holidays_[it->second];
}

const std::vector<WallInterval>& WallHours::OfWeekday(int64_t day) const {
  // 1970-01-01 was a Thursday.
  return weekdays_[((day + 3) % 7 + 7) % 7];
}

const std::vector<WallInterval>& WallHours::OpenOn(int64_t day) const {
  static const auto* const none = new Hours();
  if (auto it = dates_.find(day); it != dates_.end()) return it->second;
  return HolidayOn(day) != nullptr ? *none : OfWeekday(day);
}

std::vector<WallPart> WallHours::PartsOf(int64_t day) const {
  const Hours& open = OpenOn(day);
  std::vector<WallPart> parts;
  AddParts(open, HoursKind::kOpen, parts);
  // What the date would have but for its breaks, and what its weekday would have.
  Hours due;
  if (auto it = overrides_.find(day); it != overrides_.end()) {
    due = it->second;
    AddParts(Without(OfWeekday(day), due), HoursKind::kOverride, parts);
  } else if (HolidayOn(day) != nullptr) {
    AddParts(OfWeekday(day), HoursKind::kHoliday, parts);
  } else {
    due = OfWeekday(day);
  }
  AddParts(Without(due, open), HoursKind::kBreak, parts);
  std::sort(parts.begin(), parts.end(),
            [](const WallPart& a, const WallPart& b) { return a.from < b.from; });
  std::vector<WallPart> whole;
  int at = 0;
  for (const WallPart& part : parts) {
    if (at < part.from) whole.push_back({at, part.from, HoursKind::kOutside});
    whole.push_back(part);
    at = part.to;
  }
  if (at < kMinutesPerDay) whole.push_back({at, kMinutesPerDay, HoursKind::kOutside});
  return whole;
}

bool WallHours::NeverOpenFrom(int64_t day) const {
  return !weekly_open_ && (!last_open_date_ || day > *last_open_date_);
}

}  // namespace watchbell
