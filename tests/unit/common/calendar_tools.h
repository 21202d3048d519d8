// What tests of calendars share.
#pragma once

#include <memory>
#include <string>

#include "common/time/business_calendar.h"
#include "common/time/rfc3339.h"
#include "common/time/wall_time.h"
#include "gtest/gtest.h"

namespace watchbell {

inline absl::Time T(const std::string& text) { return ParseRfc3339(text).value(); }

inline WallInterval Hours(const std::string& from, const std::string& to) {
  return {*ParseWallTime(from), *ParseWallTime(to)};
}

// Monday to Friday 09:00-17:00.
inline CalendarSpec Office(const std::string& zone) {
  CalendarSpec spec;
  spec.time_zone = zone;
  for (int day = 1; day <= 5; ++day) spec.weekly.push_back({day, {Hours("09:00", "17:00")}});
  return spec;
}

// Always open.
inline CalendarSpec Around(const std::string& zone) {
  CalendarSpec spec;
  spec.time_zone = zone;
  for (int day = 1; day <= 7; ++day) spec.weekly.push_back({day, {Hours("00:00", "24:00")}});
  return spec;
}

// One or a union of several.
template <typename Specs>
std::unique_ptr<BusinessCalendar> Compiled(const Specs& specs) {
  auto calendar = BusinessCalendar::Compile(specs);
  EXPECT_TRUE(calendar.ok()) << calendar.status();
  return *std::move(calendar);
}

}  // namespace watchbell
