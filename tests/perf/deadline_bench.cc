// Deadlines in business hours: a compiled calendar beside a plain loop over minutes, which looks
// every minute's wall label up. Both answer the same questions, and the answers are compared.
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "common/time/business_calendar.h"
#include "tests/perf/bench.h"
#include "tests/perf/held_bytes.h"

namespace watchbell::perf {
namespace {

constexpr int kLooped = 300;      // questions put to the loop, too
constexpr int kAsked = 200'000;   // questions the calendar's speed is measured with
constexpr int kFirstYear = 2025;  // of those that are asked about
constexpr int kYears = 3;
constexpr int kHours[] = {4, 24, 80};

// Monday to Friday, with ten days off a year.
CalendarSpec Office(const std::string& zone, int open, int close) {
  CalendarSpec spec;
  spec.time_zone = zone;
  for (int day = 1; day <= 5; ++day) spec.weekly.push_back({day, {{open, close}}});
  for (int year = kFirstYear; year < kFirstYear + kYears; ++year) {
    for (const auto& [month, day] : {std::pair(1, 1),
                                     {1, 6},
                                     {4, 18},
                                     {4, 21},
                                     {5, 1},
                                     {5, 29},
                                     {6, 9},
                                     {10, 3},
                                     {12, 25},
                                     {12, 26}}) {
      spec.holidays.push_back({absl::CivilDay(year, month, day), "day off", false});
    }
  }
  return spec;
}

// The loop's calendar.
class Minutes {
 public:
  explicit Minutes(const std::vector<CalendarSpec>& specs) {
    for (const CalendarSpec& spec : specs) {
      Member& member = members_.emplace_back();
      absl::LoadTimeZone(spec.time_zone, &member.zone);
      for (const WeekdayHoursSpec& day : spec.weekly) {
        member.hours[static_cast<size_t>(day.weekday - 1)] = day.intervals;
      }
      for (const HolidaySpec& holiday : spec.holidays) member.off.insert(holiday.date);
    }
  }

  absl::Time Add(absl::Time start, int minutes) const {
    absl::Time t = start;
    for (int left = minutes; left > 0; t += absl::Minutes(1)) left -= IsOpen(t) ? 1 : 0;
    return t;
  }
  int Elapsed(absl::Time from, absl::Time to) const {
    int open = 0;
    for (absl::Time t = from; t < to; t += absl::Minutes(1)) open += IsOpen(t) ? 1 : 0;
    return open;
  }

 private:
  struct Member {
    absl::TimeZone zone;
    std::vector<WallInterval> hours[7];
    std::set<absl::CivilDay> off;
  };

  bool IsOpen(absl::Time t) const {
    for (const Member& member : members_) {
      const absl::CivilMinute label = absl::ToCivilMinute(t, member.zone);
      const int minute = label.hour() * 60 + label.minute();
      const absl::CivilDay day(label);
      for (const WallInterval& hours : member.hours[static_cast<size_t>(absl::GetWeekday(day))]) {
        if (minute < hours.from || minute >= hours.to) continue;
        if (member.off.count(day) == 0) return true;
      }
    }
    return false;
  }

  std::vector<Member> members_;
};

std::vector<absl::Time> Starts(int count) {
  std::mt19937 random(11);
  const absl::Time first = absl::FromCivil(absl::CivilDay(kFirstYear, 1, 1), absl::UTCTimeZone());
  // So that the last deadlines lie within the years with days off.
  std::uniform_int_distribution<int> minute(0, (kYears * 365 - 60) * 24 * 60);
  std::vector<absl::Time> starts;
  for (int i = 0; i < count; ++i) starts.push_back(first + absl::Minutes(minute(random)));
  return starts;
}

template <typename Work>
double NanosecondsEach(int count, const Work& work) {
  const absl::Duration began = ThreadTime();
  work();
  return absl::ToDoubleNanoseconds(ThreadTime() - began) / count;
}

void Compare(const BusinessCalendar& calendar, const Minutes& minutes, int hours) {
  const std::vector<absl::Time> starts = Starts(kAsked);
  const absl::Duration amount = absl::Hours(hours);
  std::vector<absl::Time> due(starts.size());
  const double add = NanosecondsEach(kAsked, [&] {
    for (size_t i = 0; i < starts.size(); ++i) due[i] = *calendar.Add(starts[i], amount);
  });
  absl::Duration open;
  const double elapsed = NanosecondsEach(kAsked, [&] {
    for (size_t i = 0; i < starts.size(); ++i) open += calendar.Elapsed(starts[i], due[i]);
  });
  if (open != amount * kAsked) Must(absl::InternalError("Elapsed is not what Add took"));
  bool same = true;
  const double loop_add = NanosecondsEach(kLooped, [&] {
    for (size_t i = 0; i < kLooped; ++i) same &= minutes.Add(starts[i], hours * 60) == due[i];
  });
  const double loop_elapsed = NanosecondsEach(kLooped, [&] {
    for (size_t i = 0; i < kLooped; ++i) same &= minutes.Elapsed(starts[i], due[i]) == hours * 60;
  });
  if (!same) Must(absl::InternalError("the loop over minutes answers otherwise"));
  const auto line = [hours](const std::string& what, double ours, double loop) {
    // Longer spans take the loop longer; four hours are the hardest.
    const double goal = hours == 4 ? 50 : 0;
    const bool met = ours <= 1000 && loop / ours >= goal;
    Figure(absl::StrCat("  ", what, " ", hours, " h"),
           absl::StrFormat("%6.0f ns   loop %8.1f us   %7.0f times as fast%s%s", ours, loop / 1000,
                           loop / ours, goal > 0 ? "   goal >= 50, <= 1 us" : "",
                           met ? "" : "  NOT MET"));
  };
  line("Add", add, loop_add);
  line("Elapsed over", elapsed, loop_elapsed);
}

// What a calendar costs until it has answered for every one of the years.
void MeasureCompiling(const std::vector<CalendarSpec>& specs) {
  constexpr int kTimes = 200;
  const std::vector<absl::Time> starts = {
      absl::FromCivil(absl::CivilDay(kFirstYear, 7, 1), absl::UTCTimeZone()),
      absl::FromCivil(absl::CivilDay(kFirstYear + 1, 7, 1), absl::UTCTimeZone()),
      absl::FromCivil(absl::CivilDay(kFirstYear + 2, 7, 1), absl::UTCTimeZone())};
  std::vector<std::unique_ptr<BusinessCalendar>> calendars;
  const double before = HeldBytes();
  const double compiling = NanosecondsEach(kTimes, [&] {
    for (int i = 0; i < kTimes; ++i) calendars.push_back(Must(BusinessCalendar::Compile(specs)));
  });
  const double using_it = NanosecondsEach(kTimes, [&] {
    for (const auto& calendar : calendars) {
      for (const absl::Time start : starts) calendar->IsOpen(start);
    }
  });
  Figure("  compiling, and three years on first use",
         absl::StrFormat("%6.0f us   %6.0f us   %.1f KB", compiling / 1000, using_it / 1000,
                         (HeldBytes() - before) / kTimes / 1000));
}

void Measure(const std::string& what, const std::vector<CalendarSpec>& specs) {
  Figure(what, "");
  const auto calendar = Must(BusinessCalendar::Compile(specs));
  const Minutes minutes(specs);
  for (const int hours : kHours) Compare(*calendar, minutes, hours);
  MeasureCompiling(specs);
}

int Main() {
  Title("deadline_bench",
        "deadlines in business hours, beside a loop over minutes; processor time");
  const CalendarSpec berlin = Office("Europe/Berlin", 9 * 60, 17 * 60 + 30);
  const CalendarSpec new_york = Office("America/New_York", 8 * 60, 18 * 60);
  const CalendarSpec kolkata = Office("Asia/Kolkata", 9 * 60 + 30, 18 * 60);
  Measure("office hours with days off, UTC", {Office("UTC", 9 * 60, 17 * 60 + 30)});
  Measure("the same in a zone with summer time", {berlin});
  Measure("union of three in three zones", {berlin, new_york, kolkata});
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
