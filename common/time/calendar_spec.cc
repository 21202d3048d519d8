#include "common/time/calendar_spec.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/time/wall_time.h"

namespace watchbell {
namespace {

// An interval after the split at midnight, with where it came from.
struct Placed {
  int from;
  int to;
  std::string path;
};

class Checker {
 public:
  explicit Checker(const CalendarSpec& spec) : spec_(spec) {}

  std::vector<FieldViolation> Run() {
    if (!LoadZone(spec_.time_zone)) {
      Fault("time_zone", spec_.time_zone.empty()
                             ? "is required"
                             : absl::StrCat("unknown time zone \"", spec_.time_zone, "\""));
    }
    CheckWeekly();
    CheckHolidays();
    CheckDated("overrides", spec_.overrides);
    CheckDated("breaks", spec_.breaks);
    return std::move(faults_);
  }

 private:
  void Fault(std::string path, std::string description) {
    faults_.push_back({std::move(path), std::move(description)});
  }

  // False if the interval cannot be placed on a day at all.
  bool CheckInterval(const WallInterval& interval, const std::string& path, bool may_wrap) {
    bool sound = true;
    if (interval.from < 0 || interval.from >= kMinutesPerDay) {
      Fault(absl::StrCat(path, ".from"), "must be a time from 00:00 to 23:59");
      sound = false;
    }
    if (interval.to < 0 || interval.to > kMinutesPerDay) {
      Fault(absl::StrCat(path, ".to"), "must be a time from 00:00 to 24:00");
      sound = false;
    }
    if (!sound) return false;
    if (interval.from == interval.to) {
      Fault(path, "from and to are the same time");
      return false;
    }
    if (interval.from > interval.to && !may_wrap) {
      Fault(path, "hours of a date may not wrap past midnight");
      return false;
    }
    return true;
  }

  void CheckOverlaps(std::vector<Placed> placed) {
    std::stable_sort(placed.begin(), placed.end(),
                     [](const Placed& a, const Placed& b) { return a.from < b.from; });
    for (size_t i = 1; i < placed.size(); ++i) {
      if (placed[i].from < placed[i - 1].to) {
        Fault(placed[i].path, absl::StrCat("overlaps ", placed[i - 1].path));
        placed[i].to = std::max(placed[i].to, placed[i - 1].to);
      }
    }
  }

  void CheckWeekly() {
    std::set<int> seen;
    std::vector<Placed> days[7];
    for (size_t i = 0; i < spec_.weekly.size(); ++i) {
      const WeekdayHoursSpec& day = spec_.weekly[i];
      const std::string path = absl::StrCat("weekly[", i, "]");
      if (day.weekday < 1 || day.weekday > 7) {
        Fault(absl::StrCat(path, ".weekday"), "must be 1 (Monday) to 7 (Sunday)");
        continue;
      }
      if (!seen.insert(day.weekday).second) {
        Fault(absl::StrCat(path, ".weekday"),
              absl::StrCat("weekday ", day.weekday, " is given twice"));
      }
      for (size_t k = 0; k < day.intervals.size(); ++k) {
        const WallInterval& interval = day.intervals[k];
        const std::string here = absl::StrCat(path, ".intervals[", k, "]");
        if (!CheckInterval(interval, here, true)) continue;
        if (interval.from < interval.to) {
          days[day.weekday - 1].push_back({interval.from, interval.to, here});
        } else {
          days[day.weekday - 1].push_back({interval.from, kMinutesPerDay, here});
          if (interval.to > 0) days[day.weekday % 7].push_back({0, interval.to, here});
        }
      }
    }
    for (std::vector<Placed>& day : days) CheckOverlaps(std::move(day));
  }

  void CheckHolidays() {
    std::set<absl::CivilDay> seen;
    std::set<std::pair<int, int>> seen_yearly;
    for (size_t i = 0; i < spec_.holidays.size(); ++i) {
      const HolidaySpec& holiday = spec_.holidays[i];
      const std::string path = absl::StrCat("holidays[", i, "].date");
      if (!seen.insert(holiday.date).second) {
        Fault(path, absl::StrCat(FormatLocalDate(holiday.date), " is given twice"));
      } else if (holiday.yearly &&
                 !seen_yearly.emplace(holiday.date.month(), holiday.date.day()).second) {
        Fault(path, absl::StrCat("the day of the year of ", FormatLocalDate(holiday.date),
                                 " is given twice"));
      }
    }
  }

  void CheckDated(const char* list, const std::vector<DatedHoursSpec>& entries) {
    std::set<absl::CivilDay> seen;
    for (size_t i = 0; i < entries.size(); ++i) {
      const std::string path = absl::StrCat(list, "[", i, "]");
      if (!seen.insert(entries[i].date).second) {
        Fault(absl::StrCat(path, ".date"),
              absl::StrCat(FormatLocalDate(entries[i].date), " is given twice"));
      }
      std::vector<Placed> placed;
      for (size_t k = 0; k < entries[i].intervals.size(); ++k) {
        const WallInterval& interval = entries[i].intervals[k];
        const std::string here = absl::StrCat(path, ".intervals[", k, "]");
        if (CheckInterval(interval, here, false))
          placed.push_back({interval.from, interval.to, here});
      }
      CheckOverlaps(std::move(placed));
    }
  }

  const CalendarSpec& spec_;
  std::vector<FieldViolation> faults_;
};

}  // namespace

std::vector<FieldViolation> CheckCalendar(const CalendarSpec& spec) { return Checker(spec).Run(); }

}  // namespace watchbell
