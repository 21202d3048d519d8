#include "services/sla/calendars/holiday_import.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "common/base/errors.h"
#include "common/time/ical_holidays.h"
#include "common/time/wall_time.h"

namespace watchbell::sla {
namespace {

constexpr char kField[] = "holidays_ics";
constexpr int kYearsBack = 10;
constexpr int kYearsAhead = 20;
constexpr int kMostHolidays = 2000;  // as the rules of v1::Calendar have it

std::string DayOfYear(const std::string& date) { return date.size() == 10 ? date.substr(5) : date; }

// Answers the faults; with any, nothing is added.
std::vector<FieldViolation> AddHolidays(const std::string& ics, absl::Time now,
                                        v1::Calendar& calendar) {
  if (calendar.union_of_size() > 0) {
    return {{kField, "a union has no holidays of its own: its members have"}};
  }
  const int year = static_cast<int>(absl::ToCivilYear(now, absl::UTCTimeZone()).year());
  const auto read = ReadHolidays(ics, year - kYearsBack, year + kYearsAhead);
  if (!read.ok()) {
    std::vector<FieldViolation> faults = FieldViolations(read.status());
    for (FieldViolation& fault : faults) fault.field = absl::StrCat(kField, ".", fault.field);
    if (faults.empty()) faults.push_back({kField, std::string(read.status().message())});
    return faults;
  }
  std::set<std::string> dates;
  std::set<std::string> yearly;
  for (const v1::Holiday& holiday : calendar.holidays()) {
    dates.insert(holiday.date());
    if (holiday.yearly()) yearly.insert(DayOfYear(holiday.date()));
  }
  std::vector<v1::Holiday> added;
  for (const HolidaySpec& holiday : *read) {
    v1::Holiday next;
    next.set_date(FormatLocalDate(holiday.date));
    next.set_name(holiday.name);
    next.set_yearly(holiday.yearly);
    if (dates.contains(next.date())) continue;
    if (next.yearly() && yearly.contains(DayOfYear(next.date()))) continue;
    added.push_back(std::move(next));
  }
  if (calendar.holidays_size() + added.size() > kMostHolidays) {
    return {{kField, absl::StrCat("makes it ", calendar.holidays_size() + added.size(),
                                  " holidays; at most ", kMostHolidays, " are allowed")}};
  }
  for (v1::Holiday& holiday : added) *calendar.add_holidays() = std::move(holiday);
  return {};
}

}  // namespace

absl::StatusOr<v1::PutCalendarRequest> WithHolidays(v1::PutCalendarRequest request,
                                                    absl::Time now) {
  if (request.holidays_ics().empty()) return request;
  std::vector<FieldViolation> faults =
      AddHolidays(request.holidays_ics(), now, *request.mutable_calendar());
  if (!faults.empty()) return InvalidFields(std::move(faults));
  request.clear_holidays_ics();
  return request;
}

}  // namespace watchbell::sla
