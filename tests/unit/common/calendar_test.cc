// Business hours: our own tables, what is refused, the conformance vectors, and a property against
// counting minutes.
#include "common/time/business_calendar.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "common/time/rfc3339.h"
#include "common/time/wall_time.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace watchbell {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using testing::ElementsAre;

WallInterval Hours(const std::string& from, const std::string& to) {
  return {*ParseWallTime(from), *ParseWallTime(to)};
}

// Monday to Friday 09:00-17:00.
CalendarSpec Office(const std::string& zone) {
  CalendarSpec spec;
  spec.time_zone = zone;
  for (int day = 1; day <= 5; ++day) spec.weekly.push_back({day, {Hours("09:00", "17:00")}});
  return spec;
}

std::unique_ptr<BusinessCalendar> Compiled(const CalendarSpec& spec) {
  auto calendar = BusinessCalendar::Compile(spec);
  EXPECT_TRUE(calendar.ok()) << calendar.status();
  return *std::move(calendar);
}

absl::Time T(const std::string& text) { return ParseRfc3339(text).value(); }

std::string AddText(const BusinessCalendar& calendar, const std::string& start, absl::Duration d) {
  const std::optional<absl::Time> due = calendar.Add(T(start), d);
  return due ? FormatRfc3339(*due) : "never";
}

TEST(BusinessCalendar, DeadlineIsClosingTimeNotTheNextOpening) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(8)), "2026-01-05T17:00:00Z");
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(8) + absl::Microseconds(1)),
            "2026-01-06T09:00:00.000001Z");
}

TEST(BusinessCalendar, FridayEveningRunsOverTheWeekend) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-09T16:50:00Z", absl::Minutes(30)), "2026-01-12T09:20:00Z");
}

TEST(BusinessCalendar, ZeroTargetIsDueAtItsStartEvenOutsideHours) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-10T03:00:00Z", absl::ZeroDuration()), "2026-01-10T03:00:00Z");
}

TEST(BusinessCalendar, NeverIsAnsweredForEmptyCalendarsAndBeyondTheHorizon) {
  CalendarSpec empty;
  empty.time_zone = "Europe/Berlin";
  EXPECT_EQ(AddText(*Compiled(empty), "2026-01-10T03:00:00Z", absl::Seconds(1)), "never");
  EXPECT_FALSE(Compiled(empty)->NextOpen(T("2026-01-10T03:00:00Z")).has_value());
  empty.holidays = {absl::CivilDay(2030, 1, 1)};
  EXPECT_EQ(AddText(*Compiled(empty), "2026-01-10T03:00:00Z", absl::Seconds(1)), "never");
  CalendarSpec once = empty;
  once.overrides = {{absl::CivilDay(2030, 1, 1), {Hours("10:00", "11:00")}}};
  EXPECT_EQ(AddText(*Compiled(once), "2026-01-10T03:00:00Z", absl::Hours(1)),
            "2030-01-01T10:00:00Z");
  EXPECT_EQ(AddText(*Compiled(once), "2026-01-10T03:00:00Z", absl::Hours(2)), "never");
  const auto office = Compiled(Office("UTC"));
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(8 * 5 * 52 * 30)), "never");
  EXPECT_EQ(AddText(*office, "2026-01-05T09:00:00Z", absl::Hours(24 * 366 * 21)), "never");
}

TEST(BusinessCalendar, OverrideBeatsHolidayAndBreaksComeLast) {
  CalendarSpec spec = Office("UTC");
  spec.holidays = {absl::CivilDay(2026, 1, 5), absl::CivilDay(2026, 1, 6)};
  spec.overrides = {
      {absl::CivilDay(2026, 1, 5), {Hours("08:00", "12:00"), Hours("12:00", "14:00")}}};
  spec.breaks = {{absl::CivilDay(2026, 1, 5), {Hours("11:00", "13:00")}},
                 {absl::CivilDay(2026, 1, 7), {Hours("08:00", "10:00"), Hours("16:00", "24:00")}}};
  const auto calendar = Compiled(spec);
  const auto hours = [&](const std::string& day) {
    return absl::ToInt64Hours(
        calendar->Elapsed(T(day + "T00:00:00Z"), T(day + "T00:00:00Z") + absl::Hours(24)));
  };
  EXPECT_EQ(hours("2026-01-05"), 4);
  EXPECT_EQ(hours("2026-01-06"), 0);
  EXPECT_EQ(hours("2026-01-07"), 6);
  EXPECT_EQ(hours("2026-01-08"), 8);
}

TEST(BusinessCalendar, WrapIsSplitAtMidnightBeforeTheDateRules) {
  CalendarSpec spec;
  spec.time_zone = "UTC";
  spec.weekly = {{5, {Hours("22:00", "06:00")}}};  // Friday night
  spec.holidays = {absl::CivilDay(2026, 1, 10)};   // a Saturday
  const auto calendar = Compiled(spec);
  EXPECT_EQ(calendar->Elapsed(T("2026-01-02T12:00:00Z"), T("2026-01-03T12:00:00Z")),
            absl::Hours(8));
  EXPECT_EQ(calendar->Elapsed(T("2026-01-09T12:00:00Z"), T("2026-01-10T12:00:00Z")),
            absl::Hours(2));
}

TEST(BusinessCalendar, MissingHourHoldsNothingAndARepeatedOneCountsTwice) {
  CalendarSpec spec;
  spec.time_zone = "Europe/Berlin";
  spec.weekly = {{7, {Hours("02:00", "03:00")}}};
  const auto calendar = Compiled(spec);
  EXPECT_EQ(calendar->Elapsed(T("2026-03-29T00:00:00Z"), T("2026-03-29T12:00:00Z")),
            absl::ZeroDuration());
  EXPECT_EQ(calendar->Elapsed(T("2026-10-25T00:00:00Z"), T("2026-10-25T12:00:00Z")),
            absl::Hours(2));
}

TEST(BusinessCalendar, SkippedLocalDateCountsNothing) {
  CalendarSpec spec;
  spec.time_zone = "Pacific/Apia";
  spec.weekly = {{5, {Hours("00:00", "24:00")}}};  // Friday 2011-12-30 never was
  EXPECT_EQ(Compiled(spec)->Elapsed(T("2011-12-28T00:00:00Z"), T("2012-01-03T00:00:00Z")),
            absl::ZeroDuration());
}

TEST(BusinessCalendar, NextOpenAndIsOpenAreHalfOpen) {
  const auto office = Compiled(Office("UTC"));
  EXPECT_TRUE(office->IsOpen(T("2026-01-05T09:00:00Z")));
  EXPECT_FALSE(office->IsOpen(T("2026-01-05T17:00:00Z")));
  EXPECT_EQ(office->NextOpen(T("2026-01-05T17:00:00Z")), T("2026-01-06T09:00:00Z"));
  EXPECT_EQ(office->NextOpen(T("2026-01-05T10:00:00.5Z")), T("2026-01-05T10:00:00.5Z"));
  EXPECT_EQ(office->Elapsed(T("2026-01-06T09:00:00Z"), T("2026-01-05T09:00:00Z")),
            absl::ZeroDuration());
}

TEST(BusinessCalendar, EveryFaultIsListedAtOnceByPath) {
  CalendarSpec spec;
  spec.time_zone = "Mars/Olympus";
  spec.weekly = {{1, {Hours("09:00", "09:00"), Hours("10:00", "12:00"), Hours("11:00", "13:00")}},
                 {1, {Hours("13:00", "14:00")}},
                 {7, {Hours("22:00", "10:30")}},
                 {8, {}}};
  spec.holidays = {absl::CivilDay(2026, 1, 1), absl::CivilDay(2026, 1, 1)};
  spec.overrides = {{absl::CivilDay(2026, 1, 2), {Hours("22:00", "06:00")}}};
  spec.breaks = {{absl::CivilDay(2026, 1, 3), {{-1, 1441}}}, {absl::CivilDay(2026, 1, 3), {}}};
  std::vector<std::string> fields;
  for (const FieldViolation& fault : CheckCalendar(spec)) fields.push_back(fault.field);
  EXPECT_THAT(fields, ElementsAre("time_zone", "weekly[0].intervals[0]", "weekly[1].weekday",
                                  "weekly[3].weekday", "weekly[0].intervals[1]",
                                  "weekly[0].intervals[2]", "holidays[1].date",
                                  "overrides[0].intervals[0]", "breaks[0].intervals[0].from",
                                  "breaks[0].intervals[0].to", "breaks[1].date"));
  EXPECT_EQ(BusinessCalendar::Compile(spec).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BusinessCalendar, TouchingIntervalsMerge) {
  CalendarSpec spec;
  spec.time_zone = "UTC";
  spec.weekly = {{1, {Hours("12:00", "17:00"), Hours("09:00", "12:00")}}};
  EXPECT_TRUE(CheckCalendar(spec).empty());
  EXPECT_EQ(AddText(*Compiled(spec), "2026-01-05T00:00:00Z", absl::Hours(3)),
            "2026-01-05T12:00:00Z");
  EXPECT_EQ(Compiled(spec)->Elapsed(T("2026-01-05T00:00:00Z"), T("2026-01-06T00:00:00Z")),
            absl::Hours(8));
}

std::vector<WallInterval> VectorIntervals(const Value& value) {
  std::vector<WallInterval> intervals;
  for (const Value& pair : value.list_value().values()) {
    intervals.push_back(Hours(pair.list_value().values(0).string_value(),
                              pair.list_value().values(1).string_value()));
  }
  return intervals;
}

CalendarSpec VectorCalendar(const Struct& json) {
  static constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  CalendarSpec spec;
  spec.time_zone = json.fields().at("time_zone").string_value();
  for (int day = 0; day < 7; ++day) {
    const auto& hours = json.fields().at("hours").struct_value().fields();
    if (auto it = hours.find(kDays[day]); it != hours.end()) {
      spec.weekly.push_back({day + 1, VectorIntervals(it->second)});
    }
  }
  for (const Value& date : json.fields().at("holidays").list_value().values()) {
    spec.holidays.push_back(*ParseLocalDate(date.string_value()));
  }
  const auto dated = [&](const char* name, std::vector<DatedHoursSpec>& into) {
    auto it = json.fields().find(name);
    if (it == json.fields().end()) return;
    for (const auto& [date, hours] : it->second.struct_value().fields()) {
      into.push_back({*ParseLocalDate(date), VectorIntervals(hours)});
    }
  };
  dated("shifts", spec.overrides);
  dated("breaks", spec.breaks);
  return spec;
}

TEST(BusinessCalendar, ConformanceVectors) {
  const std::string path =
      std::string(WATCHBELL_SOURCE_DIR) + "/../shared/vectors/business_time.jsonl";
  std::ifstream file(path);
  if (!file) {
    std::cerr << "*** CONFORMANCE VECTORS NOT RUN: there is no " << path << " ***\n";
    if (std::getenv("CI") != nullptr) FAIL() << "CI must have the vectors";
    GTEST_SKIP() << "NOT TESTED: the conformance vectors are absent";
  }
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    Struct json;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &json).ok()) << line;
    const auto& fields = json.fields();
    const auto calendar = Compiled(VectorCalendar(fields.at("calendar").struct_value()));
    const absl::Time start = T(fields.at("start").string_value());
    const std::string id = fields.at("id").string_value();
    if (fields.at("op").string_value() == "add") {
      const auto amount = static_cast<int64_t>(fields.at("amount_s").number_value());
      const std::optional<absl::Time> due = calendar->Add(start, absl::Seconds(amount));
      EXPECT_EQ(due ? FormatRfc3339(*due) : "never", fields.at("expect").string_value()) << id;
    } else {
      const absl::Duration open = calendar->Elapsed(start, T(fields.at("end").string_value()));
      EXPECT_EQ(absl::ToDoubleSeconds(open), fields.at("expect").number_value()) << id;
    }
    ++cases;
  }
  EXPECT_GE(cases, 531);
}

// The same rules, said a second time without intervals: is this wall label open?
bool LabelOpen(const CalendarSpec& spec, absl::CivilMinute label) {
  const absl::CivilDay day(label);
  const int minute = label.hour() * 60 + label.minute();
  const auto within = [&](const std::vector<WallInterval>& hours) {
    for (const WallInterval& h : hours) {
      if (h.from <= minute && minute < h.to) return true;
    }
    return false;
  };
  for (const DatedHoursSpec& dated : spec.breaks) {
    if (dated.date == day && within(dated.intervals)) return false;
  }
  for (const DatedHoursSpec& dated : spec.overrides) {
    if (dated.date == day) return within(dated.intervals);
  }
  for (const absl::CivilDay& holiday : spec.holidays) {
    if (holiday == day) return false;
  }
  const int today = static_cast<int>(absl::GetWeekday(day)) + 1;
  const int yesterday = today == 1 ? 7 : today - 1;
  for (const WeekdayHoursSpec& weekday : spec.weekly) {
    for (const WallInterval& h : weekday.intervals) {
      const bool wraps = h.from > h.to;
      if (weekday.weekday == today && h.from <= minute && (wraps || minute < h.to)) return true;
      if (weekday.weekday == yesterday && wraps && minute < h.to) return true;
    }
  }
  return false;
}

class RandomCalendars {
 public:
  explicit RandomCalendars(uint32_t seed) : random_(seed) {}

  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  std::vector<WallInterval> Intervals(bool may_wrap) {
    std::vector<int> edges;
    const int pairs = 1 + Below(3);
    while (static_cast<int>(edges.size()) < 2 * pairs) {
      const int edge = Below(4) == 0 ? 60 * Below(25) : Below(kMinutesPerDay + 1);
      if (std::find(edges.begin(), edges.end(), edge) == edges.end()) edges.push_back(edge);
    }
    std::sort(edges.begin(), edges.end());
    std::vector<WallInterval> intervals;
    for (int i = 0; i < pairs; ++i) intervals.push_back({edges[2 * i], edges[2 * i + 1]});
    if (may_wrap && Below(3) == 0 && intervals.back().from > 240 && intervals.front().from > 120) {
      intervals.back().to = Below(120);
    }
    return intervals;
  }

  // A calendar whose dates lie around `middle`; drawn again until it is sound.
  CalendarSpec Next(absl::CivilDay middle) {
    static constexpr const char* kZones[] = {"UTC",
                                             "Europe/Berlin",
                                             "Europe/Dublin",
                                             "America/New_York",
                                             "America/St_Johns",
                                             "America/Sao_Paulo",
                                             "Australia/Lord_Howe",
                                             "Asia/Kathmandu",
                                             "Asia/Tehran",
                                             "Africa/Casablanca",
                                             "Pacific/Apia",
                                             "Pacific/Chatham",
                                             "Asia/Colombo",
                                             "Africa/Cairo",
                                             "America/Havana",
                                             "Europe/Moscow",
                                             "Antarctica/Troll",
                                             "Asia/Gaza"};
    while (true) {
      CalendarSpec spec;
      spec.time_zone = kZones[Below(std::size(kZones))];
      for (int day = 1; day <= 7; ++day) {
        if (Below(4) > 0) spec.weekly.push_back({day, Intervals(true)});
      }
      for (int i = -8; i <= 8; ++i) {
        if (Below(6) == 0) spec.holidays.push_back(middle + i);
        if (Below(6) == 0) spec.overrides.push_back({middle + i, Intervals(false)});
        if (Below(6) == 0) spec.breaks.push_back({middle + i, Intervals(false)});
      }
      if (CheckCalendar(spec).empty()) return spec;
    }
  }

 private:
  std::mt19937 random_;
};

TEST(BusinessCalendar, AgreesWithCountingMinutes) {
  const uint32_t seed = std::random_device()();
  std::cerr << "seed " << seed << "\n";
  RandomCalendars random(seed);
  for (int i = 0; i < 400; ++i) {
    const absl::CivilDay middle = absl::CivilDay(1975, 1, 1) + random.Below(365 * 60);
    const CalendarSpec spec = random.Next(middle);
    const auto calendar = Compiled(spec);
    const absl::TimeZone zone = *LoadZone(spec.time_zone);
    const absl::Time from = absl::FromCivil(
        absl::CivilMinute(middle - 7) + random.Below(kMinutesPerDay), absl::UTCTimeZone());
    const int minutes = random.Below(14 * kMinutesPerDay);
    int open = 0;
    const int wanted = 1 + random.Below(3000);
    std::optional<absl::Time> due;
    for (int m = 0; m < minutes; ++m) {
      const absl::Time t = from + absl::Minutes(m);
      if (LabelOpen(spec, absl::ToCivilMinute(t, zone)) && ++open == wanted)
        due = t + absl::Minutes(1);
    }
    const std::string where =
        absl::StrCat("case ", i, " in ", spec.time_zone, " from ", FormatRfc3339(from));
    ASSERT_EQ(calendar->Elapsed(from, from + absl::Minutes(minutes)), absl::Minutes(open)) << where;
    if (due) {
      ASSERT_EQ(calendar->Add(from, absl::Minutes(wanted)), due) << where;
    }
    // The smallest instant, to the microsecond.
    const absl::Duration odd = absl::Microseconds(1 + random.Below(2'000'000'000));
    if (const std::optional<absl::Time> t = calendar->Add(from, odd)) {
      ASSERT_EQ(calendar->Elapsed(from, *t), odd) << where;
      ASSERT_LT(calendar->Elapsed(from, *t - absl::Microseconds(1)), odd) << where;
    }
  }
}

TEST(WallTime, ParsesOnlyWhatExists) {
  EXPECT_EQ(ParseWallTime("24:00"), kMinutesPerDay);
  EXPECT_EQ(ParseWallTime("09:05"), 545);
  for (const char* bad : {"24:01", "9:00", "09:60", "ab:cd", "-1:00", "09:00 ", ""}) {
    EXPECT_FALSE(ParseWallTime(bad).has_value()) << bad;
  }
  EXPECT_EQ(FormatWallTime(545), "09:05");
  EXPECT_EQ(ParseLocalDate("2028-02-29"), absl::CivilDay(2028, 2, 29));
  for (const char* bad : {"2026-02-29", "2026-13-01", "2026-1-01", "0000-01-01", "2026-01-00"}) {
    EXPECT_FALSE(ParseLocalDate(bad).has_value()) << bad;
  }
  EXPECT_EQ(FormatLocalDate(absl::CivilDay(2026, 1, 5)), "2026-01-05");
  EXPECT_TRUE(LoadZone("America/Argentina/Buenos_Aires").has_value());
  for (const char* bad :
       {"", "localtime", "/etc/localtime", "../zoneinfo/UTC", "libc:localtime", "X/Y"}) {
    EXPECT_FALSE(LoadZone(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace watchbell
