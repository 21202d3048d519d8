#include "services/sla/calendars/calendar_lint.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/time/business_calendar.h"
#include "common/time/wall_time.h"
#include "common/time/zone_spans.h"

namespace watchbell::sla {
namespace {

using Hours = std::vector<WallInterval>;

std::string Text(const Hours& hours) {
  if (hours.empty()) return "no hours";
  return absl::StrJoin(hours, ", ", [](std::string* out, const WallInterval& interval) {
    absl::StrAppend(out, FormatWallTime(interval.from), "-", FormatWallTime(interval.to));
  });
}

std::string Text(int64_t seconds) {
  const absl::Duration time = absl::Seconds(seconds);
  return seconds == 0 ? "0h" : absl::FormatDuration(time);
}

bool Same(const Hours& a, const Hours& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const WallInterval& x, const WallInterval& y) {
                      return x.from == y.from && x.to == y.to;
                    });
}

template <typename Entry>
std::optional<size_t> PlaceOf(const std::vector<Entry>& entries, absl::CivilDay date) {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].date == date) return i;
  }
  return std::nullopt;
}

class Linter {
 public:
  Linter(const std::string& id, const CalendarSpec& spec, absl::CivilDay from)
      : id_(id),
        spec_(spec),
        from_(from),
        to_(absl::CivilDay(from.year() + 1, from.month(), from.day())),
        calendar_(BusinessCalendar::Compile(spec).value()),
        wall_(calendar_->members()[0]) {}

  std::vector<v1::CalendarFinding> Run() {
    ZeroHours();
    ChangesOfClocks();
    Holidays();
    for (absl::CivilDay date = from_; date < to_; ++date) OddDay(date);
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const auto& a, const auto& b) { return a.date() < b.date(); });
    return std::move(findings_);
  }

 private:
  v1::CalendarFinding& Find(v1::CalendarFindingKind kind, std::string field, std::string text) {
    v1::CalendarFinding& finding = findings_.emplace_back();
    finding.set_kind(kind);
    finding.set_calendar_id(id_);
    finding.set_field(std::move(field));
    finding.set_text(std::move(text));
    return finding;
  }

  void ZeroHours() {
    for (size_t i = 0; i < spec_.weekly.size(); ++i) {
      if (!spec_.weekly[i].intervals.empty()) continue;
      Find(v1::CALENDAR_FINDING_KIND_ZERO_HOURS, absl::StrCat("weekly[", i, "]"),
           absl::StrCat("weekday ", spec_.weekly[i].weekday, " is listed without hours"));
    }
    const absl::Time from = absl::FromCivil(absl::CivilSecond(from_), wall_.zone());
    const absl::Time to = absl::FromCivil(absl::CivilSecond(to_), wall_.zone());
    if (calendar_->Elapsed(from, to) == absl::ZeroDuration()) {
      Find(v1::CALENDAR_FINDING_KIND_ZERO_HOURS, "weekly",
           absl::StrCat("there is no working time from ", FormatLocalDate(from_), " to ",
                        FormatLocalDate(to_)));
    }
  }

  // Edges within labels that are skipped or repeated, in local seconds since 1970.
  void ChangesOfClocks() {
    const std::vector<ZoneSpan> spans =
        ZoneSpans(wall_.zone(), (from_ - 1 - kEpochDay) * kSecondsPerDay,
                  (to_ + 1 - kEpochDay) * kSecondsPerDay);
    for (size_t i = 1; i < spans.size(); ++i) {
      const int64_t before = spans[i].from + spans[i - 1].offset;
      const int64_t after = spans[i].from + spans[i].offset;
      for (absl::CivilDay date = DayOf(std::min(before, after));
           date <= DayOf(std::max(before, after)); ++date) {
        if (date < from_ || date >= to_) continue;
        if (LocalDateSpans(wall_.zone(), date).empty()) continue;  // an odd day, and no more
        for (const WallInterval& hours : wall_.OpenOn(date - kEpochDay)) {
          Edge(date, hours.from, true, before, after);
          Edge(date, hours.to, false, before, after);
        }
      }
    }
  }

  static absl::CivilDay DayOf(int64_t local_second) {
    return absl::ToCivilDay(absl::FromUnixSeconds(local_second), absl::UTCTimeZone());
  }

  void Edge(absl::CivilDay date, int minute, bool opens, int64_t before, int64_t after) {
    if (GoesOnOverMidnight(date, minute)) return;
    const int64_t label = (date - kEpochDay) * kSecondsPerDay + minute * 60;
    const bool skipped = before < after;
    // Within what is skipped every edge moves, those on its own edges that face inwards too; what
    // is repeated is only cut in two by an edge inside.
    const bool hit =
        skipped ? (opens ? before <= label && label < after : before < label && label <= after)
                : after < label && label < before;
    if (!hit) return;
    v1::CalendarFinding& finding = Find(
        skipped ? v1::CALENDAR_FINDING_KIND_EDGE_IN_GAP : v1::CALENDAR_FINDING_KIND_EDGE_IN_FOLD,
        PathOfEdge(date, minute, opens),
        absl::StrCat("hours ", opens ? "begin" : "end", " at ", FormatWallTime(minute),
                     ", a local time which the change of clocks ",
                     skipped ? "skips: they do so at the instant of the change"
                             : "repeats: they count both times"));
    finding.set_date(FormatLocalDate(date));
  }

  bool GoesOnOverMidnight(absl::CivilDay date, int minute) const {
    const int64_t day = date - kEpochDay;
    if (minute == 0) {
      const Hours& yesterday = wall_.OpenOn(day - 1);
      return !yesterday.empty() && yesterday.back().to == kMinutesPerDay;
    }
    if (minute < kMinutesPerDay) return false;
    const Hours& tomorrow = wall_.OpenOn(day + 1);
    return !tomorrow.empty() && tomorrow.front().from == 0;
  }

  // The interval whose edge it is; "" if it comes of several.
  std::string PathOfEdge(absl::CivilDay date, int minute, bool opens) const {
    const auto at_edge = [&](const WallInterval& interval, bool begins) {
      return (begins ? interval.from : interval.to) == minute;
    };
    if (const auto place = PlaceOf(spec_.breaks, date)) {
      const Hours& intervals = spec_.breaks[*place].intervals;
      for (size_t k = 0; k < intervals.size(); ++k) {
        if (at_edge(intervals[k], !opens)) {
          return absl::StrCat("breaks[", *place, "].intervals[", k, "]");
        }
      }
    }
    if (const auto place = PlaceOf(spec_.overrides, date)) {
      const Hours& intervals = spec_.overrides[*place].intervals;
      for (size_t k = 0; k < intervals.size(); ++k) {
        if (at_edge(intervals[k], opens)) {
          return absl::StrCat("overrides[", *place, "].intervals[", k, "]");
        }
      }
      return "";
    }
    const int today = static_cast<int>(absl::GetWeekday(date)) + 1;
    for (size_t i = 0; i < spec_.weekly.size(); ++i) {
      for (size_t k = 0; k < spec_.weekly[i].intervals.size(); ++k) {
        const WallInterval& interval = spec_.weekly[i].intervals[k];
        const bool of_next_day = !opens && interval.from > interval.to;
        const int weekday = of_next_day ? spec_.weekly[i].weekday % 7 + 1 : spec_.weekly[i].weekday;
        if (weekday == today && at_edge(interval, opens)) {
          return absl::StrCat("weekly[", i, "].intervals[", k, "]");
        }
      }
    }
    return "";
  }

  void Holidays() {
    for (size_t i = 0; i < spec_.holidays.size(); ++i) {
      const HolidaySpec& holiday = spec_.holidays[i];
      absl::CivilDay date = holiday.date;
      if (holiday.yearly) {
        const auto in = [&](absl::civil_year_t year) {
          return absl::CivilDay(year, holiday.date.month(), holiday.date.day());
        };
        date = std::max(date, in(from_.year()));
        if (date < from_) date = in(from_.year() + 1);
        // February 29 of a year without one is carried into March.
        if (date >= to_ || date.day() != holiday.date.day()) continue;
      }
      if (date < from_ || !wall_.OfWeekday(date - kEpochDay).empty() ||
          wall_.HasOverride(date - kEpochDay)) {
        continue;
      }
      Find(v1::CALENDAR_FINDING_KIND_HOLIDAY_ON_DAY_OFF, absl::StrCat("holidays[", i, "]"),
           absl::StrCat(Named(holiday), " is on a day without hours"))
          .set_date(FormatLocalDate(date));
    }
  }

  static std::string Named(const HolidaySpec& holiday) {
    return holiday.name.empty() ? "the holiday" : absl::StrCat("holiday \"", holiday.name, "\"");
  }

  void OddDay(absl::CivilDay date) {
    const int64_t day = date - kEpochDay;
    const Hours& usual = wall_.OfWeekday(day);
    const Hours& hours = wall_.OpenOn(day);
    int64_t expected = 0;
    for (const WallInterval& interval : hours) expected += (interval.to - interval.from) * 60;
    int64_t open = 0;
    for (const OpenStretch& stretch : calendar_->HoursOfDate(date)) {
      open += absl::ToInt64Seconds(stretch.to - stretch.from);
    }
    const bool changed = !Same(usual, hours);
    if (!changed && open == expected) return;
    std::vector<std::string> why;
    std::string field;
    if (changed) {
      field = CauseOf(date, why);
      why.back() += absl::StrCat(": ", Text(hours), " instead of ", Text(usual));
    }
    if (open != expected) {
      why.push_back(
          LocalDateSpans(wall_.zone(), date).empty()
              ? "the zone skips this date"
              : absl::StrCat("the clocks change: ", Text(open), " instead of ", Text(expected)));
    }
    v1::CalendarFinding& finding =
        Find(v1::CALENDAR_FINDING_KIND_ODD_DAY, std::move(field), absl::StrJoin(why, "; "));
    finding.set_date(FormatLocalDate(date));
    for (const WallInterval& interval : hours) {
      v1::LocalInterval* shown = finding.add_hours();
      shown->set_from(FormatWallTime(interval.from));
      shown->set_to(FormatWallTime(interval.to));
    }
    finding.set_open_seconds(open);
  }

  // Path of what makes the date's hours differ; what that is goes to `why`.
  std::string CauseOf(absl::CivilDay date, std::vector<std::string>& why) const {
    const std::optional<size_t> broken = PlaceOf(spec_.breaks, date);
    if (const auto place = PlaceOf(spec_.overrides, date)) {
      why.push_back(broken ? "override and break" : "override");
      return absl::StrCat("overrides[", *place, "]");
    }
    if (const HolidaySpec* holiday = wall_.HolidayOn(date - kEpochDay)) {
      why.push_back(Named(*holiday));
      return absl::StrCat("holidays[", *PlaceOf(spec_.holidays, holiday->date), "]");
    }
    why.push_back("break");
    return absl::StrCat("breaks[", broken.value(), "]");
  }

  const std::string& id_;
  const CalendarSpec& spec_;
  const absl::CivilDay from_;
  const absl::CivilDay to_;
  const std::unique_ptr<BusinessCalendar> calendar_;
  const WallHours& wall_;
  std::vector<v1::CalendarFinding> findings_;
};

}  // namespace

std::vector<v1::CalendarFinding> LintCalendar(const std::string& id, const CalendarSpec& spec,
                                              absl::CivilDay from) {
  return Linter(id, spec, from).Run();
}

}  // namespace watchbell::sla
