// What each stretch of a time is to a calendar, for people who ask why.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/business_calendar.h"

namespace watchbell {

// [from, to) of one kind.
struct HoursStretch {
  absl::Time from;
  absl::Time to;
  HoursKind kind = HoursKind::kOutside;
  // Open: the member of the union it counts for. Closed by a holiday, an override or a break: whose
  // that is. 0 otherwise.
  int member = 0;
  std::string holiday;  // name of the holiday; "" if the kind is another or it has none
};

// [from, to) without a gap, in order; neighbours differ; nothing if to <= from. The open ones add
// up to Elapsed(from, to). Only hours that the weekday has are put down to a holiday or an
// override: the night of a holiday is outside hours, as any night is. A stretch in which a union is
// closed has the first of its members' reasons that is more than being outside hours.
std::vector<HoursStretch> DescribeHours(const BusinessCalendar& calendar, absl::Time from,
                                        absl::Time to);

}  // namespace watchbell
