#include "services/sla/calendars/calendar_words.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace watchbell::sla {
namespace {

constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr size_t kDaysOfWeek = 7;

std::string Hours(const v1::WeekdayHours& day) {
  std::vector<std::string> stretches;
  for (const v1::LocalInterval& interval : day.intervals()) {
    stretches.push_back(absl::StrCat(interval.from(), "-", interval.to()));
  }
  std::sort(stretches.begin(), stretches.end());
  return absl::StrJoin(stretches, ", ");
}

// "Mon to Fri 09:00-17:00; Sat 10:00-12:00": days of the same hours that follow each other are one.
std::string Week(const v1::Calendar& calendar) {
  std::array<std::string, kDaysOfWeek> hours;
  for (const v1::WeekdayHours& day : calendar.weekly()) {
    hours[static_cast<size_t>(day.weekday() - 1)] = Hours(day);
  }
  std::vector<std::string> parts;
  for (size_t first = 0; first < kDaysOfWeek;) {
    size_t last = first;
    while (last + 1 < kDaysOfWeek && hours[last + 1] == hours[first]) ++last;
    const std::string days =
        first == last ? std::string(kDays[first]) : absl::StrCat(kDays[first], " to ", kDays[last]);
    if (!hours[first].empty()) parts.push_back(absl::StrCat(days, " ", hours[first]));
    first = last + 1;
  }
  return parts.empty() ? "no weekly hours" : absl::StrJoin(parts, "; ");
}

std::string Counted(int count, const char* thing) {
  return absl::StrCat(count, " ", thing, count == 1 ? "" : "s");
}

}  // namespace

std::string CalendarInWords(const v1::Calendar& calendar) {
  std::string text = absl::StrCat("Calendar ", calendar.calendar_id(), "\n");
  if (calendar.union_of_size() > 0) {
    absl::StrAppend(&text, "  open while one of these is, each in its own zone: ",
                    absl::StrJoin(calendar.union_of(), ", "), "\n");
    return text;
  }
  absl::StrAppend(&text, "  ", Week(calendar), ", in ", calendar.time_zone(), "\n");
  const auto yearly = std::count_if(calendar.holidays().begin(), calendar.holidays().end(),
                                    [](const v1::Holiday& day) { return day.yearly(); });
  absl::StrAppend(&text, "  ", Counted(calendar.holidays_size(), "holiday"));
  if (yearly > 0) absl::StrAppend(&text, ", ", yearly, " of them every year");
  if (calendar.overrides_size() > 0) {
    absl::StrAppend(&text, "; ", Counted(calendar.overrides_size(), "date"),
                    " with hours of their own");
  }
  if (calendar.breaks_size() > 0) {
    absl::StrAppend(&text, "; ", Counted(calendar.breaks_size(), "date"), " with breaks");
  }
  return text + "\n";
}

}  // namespace watchbell::sla
