// Working days of a calendar.
#include <algorithm>

#include "common/time/business_calendar.h"
#include "common/time/zone_spans.h"

namespace watchbell {
namespace {

std::optional<absl::Time> WithinHorizon(absl::Time start, absl::Time due) {
  if (due - start > kDeadlineHorizon) return std::nullopt;
  // Where clocks went back over midnight a part of the next date precedes the end of this one.
  return std::max(start, due);
}

// The first instant of a date; of one the zone skips, the instant of the skip.
absl::Time BeginningOf(const absl::TimeZone::TimeInfo& midnight) {
  return midnight.kind == absl::TimeZone::TimeInfo::SKIPPED ? midnight.trans : midnight.pre;
}

}  // namespace

std::vector<OpenStretch> BusinessCalendar::HoursOfDate(absl::CivilDay date) const {
  std::vector<OpenStretch> hours;
  for (const ZoneSpan& span : LocalDateSpans(zone(), date)) {
    for (const OpenStretch& open :
         OpenBetween(absl::FromUnixSeconds(span.from), absl::FromUnixSeconds(span.to))) {
      if (!hours.empty() && hours.back().to == open.from && hours.back().member == open.member) {
        hours.back().to = open.to;
      } else {
        hours.push_back(open);
      }
    }
  }
  return hours;
}

std::optional<absl::CivilDay> BusinessCalendar::LaterWorkingDay(absl::CivilDay date, int n) const {
  const absl::Time limit = BeginningOf(zone().At(absl::CivilSecond(date))) + kDeadlineHorizon;
  // From opening to opening.
  for (int found = 0; found < n; ++found) {
    const absl::CivilDay next = date + 1;
    const absl::TimeZone::TimeInfo midnight = zone().At(absl::CivilSecond(next));
    std::optional<absl::Time> open = NextOpen(BeginningOf(midnight));
    // Clocks that go back over midnight bring the end of `date` a second time: look after it.
    if (open && absl::ToCivilDay(*open, zone()) < next) open = NextOpen(midnight.post);
    if (!open || *open > limit) return std::nullopt;
    date = absl::ToCivilDay(*open, zone());
  }
  return date;
}

std::optional<absl::CivilDay> BusinessCalendar::WorkingDay(absl::Time opened, int n) const {
  const absl::CivilDay date = absl::ToCivilDay(opened, zone());
  return n == 0 ? date : LaterWorkingDay(date, n);
}

std::optional<absl::Time> BusinessCalendar::BusinessDays(absl::Time start, int n) const {
  const std::optional<absl::Time> opened = NextOpen(start);
  if (!opened) return std::nullopt;
  const std::optional<absl::CivilDay> date = WorkingDay(*opened, n);
  if (!date) return std::nullopt;
  const absl::TimeZone::CivilInfo local = zone().At(*opened);
  const absl::TimeZone::TimeInfo label =
      zone().At(absl::CivilSecond(date->year(), date->month(), date->day(), local.cs.hour(),
                                  local.cs.minute(), local.cs.second()));
  const bool skipped = label.kind == absl::TimeZone::TimeInfo::SKIPPED;
  const absl::Time wanted = skipped ? label.trans : label.pre + local.subsecond;
  absl::Time due = start;
  for (const OpenStretch& open : HoursOfDate(*date)) {
    due = std::clamp(wanted, open.from, open.to);
    if (wanted <= open.to) break;
  }
  return WithinHorizon(start, due);
}

std::optional<absl::Time> BusinessCalendar::EndOfBusinessDay(absl::Time start, int n) const {
  const std::optional<absl::Time> opened = NextOpen(start);
  if (!opened) return std::nullopt;
  const std::optional<absl::CivilDay> date = WorkingDay(*opened, n);
  if (!date) return std::nullopt;
  return WithinHorizon(start, HoursOfDate(*date).back().to);
}

}  // namespace watchbell
