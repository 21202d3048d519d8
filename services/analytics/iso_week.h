// ISO 8601 weeks in UTC: Monday 00:00 to the next, exclusive.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace watchbell::analytics {

// Monday 00:00 UTC of the week `time` is in.
absl::Time WeekStart(absl::Time time);

// Its name, for example "2016-W09"; the year is that of the week's Thursday.
std::string WeekName(absl::Time time);

// "2016-02"
std::string MonthName(absl::Time time);

}  // namespace watchbell::analytics
