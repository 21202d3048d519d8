// Days off out of an iCalendar file (RFC 5545).
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/time/calendar_spec.h"

namespace watchbell {

// The holidays of the all-day events of `ics`, by date; what CheckCalendar wants of holidays holds.
//  - An event of several days gives each of them. Cancelled events give none.
//  - A rule is expanded within the years [from_year, to_year]; its exceptions (EXDATE), additions
//    (RDATE) and moved or cancelled instances (RECURRENCE-ID) are honoured. A plain FREQ=YEARLY
//    without any of these and without end becomes one yearly holiday from its first date on.
//  - Dates outside those years are left out, but for the first of a yearly one.
//  - Events on one date make one holiday with their names joined by " / ". A name is its event's
//    SUMMARY, on one line, cut at 200 bytes.
//
// INVALID_ARGUMENT with every fault (the first 20), by path "events[<place in the text>]", or
// without a path if the text as a whole is not one: what is no iCalendar text, an event that is not
// all-day (a feed that holds such events is none of days off, and nothing is dropped in silence),
// without a start, with dates or rules that cannot be read, of more than 366 days or before 1900, a
// rule with FREQ below DAILY, with INTERVAL above 100, or which never falls into those years; too
// much of anything (5,000 events, 100 rules to expand, 20,000 steps in all: each date, as often as
// it is given, and each period of a rule is one; 100 lines that cannot be read).
//
// Mostly milliseconds, but up to some seconds where a rule fits no date: not for threads that
// others wait for.
absl::StatusOr<std::vector<HolidaySpec>> ReadHolidays(absl::string_view ics, int from_year,
                                                      int to_year);

}  // namespace watchbell
