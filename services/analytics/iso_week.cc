#include "services/analytics/iso_week.h"

#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"

namespace watchbell::analytics {
namespace {

absl::CivilDay MondayOf(absl::Time time) {
  const absl::CivilDay day = absl::ToCivilDay(time, absl::UTCTimeZone());
  return absl::PrevWeekday(day + 1, absl::Weekday::monday);
}

}  // namespace

absl::Time WeekStart(absl::Time time) {
  return absl::FromCivil(MondayOf(time), absl::UTCTimeZone());
}

std::string WeekName(absl::Time time) {
  const absl::CivilDay thursday = MondayOf(time) + 3;
  return absl::StrFormat("%04d-W%02d", thursday.year(), (absl::GetYearDay(thursday) - 1) / 7 + 1);
}

std::string MonthName(absl::Time time) {
  const absl::CivilMonth month = absl::ToCivilMonth(time, absl::UTCTimeZone());
  return absl::StrFormat("%04d-%02d", month.year(), month.month());
}

}  // namespace watchbell::analytics
