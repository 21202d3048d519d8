// What tests of the API's calendars share.
#pragma once

#include <string>
#include <vector>

#include "common/base/errors.h"
#include "common/time/rfc3339.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla::test {

// Monday to Friday 09:00-17:00.
inline v1::Calendar OfficeCalendar(const std::string& id, const std::string& zone) {
  v1::Calendar calendar;
  calendar.set_calendar_id(id);
  calendar.set_time_zone(zone);
  for (int day = 1; day <= 5; ++day) {
    v1::WeekdayHours* hours = calendar.add_weekly();
    hours->set_weekday(day);
    hours->add_intervals()->set_from("09:00");
    hours->mutable_intervals(0)->set_to("17:00");
  }
  return calendar;
}

inline v1::Calendar UnionCalendar(const std::string& id, const std::vector<std::string>& members) {
  v1::Calendar calendar;
  calendar.set_calendar_id(id);
  for (const std::string& member : members) calendar.add_union_of(member);
  return calendar;
}

inline void AddHoliday(v1::Calendar& calendar, const std::string& date, const std::string& name) {
  v1::Holiday* holiday = calendar.add_holidays();
  holiday->set_date(date);
  holiday->set_name(name);
}

inline std::vector<std::string> Fields(const std::vector<FieldViolation>& faults) {
  std::vector<std::string> fields;
  for (const FieldViolation& fault : faults) fields.push_back(fault.field);
  return fields;
}

}  // namespace watchbell::sla::test
