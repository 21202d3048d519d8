// Which version of a calendar counts for a live ticket, by the instant it was opened at. Pure;
// times are microseconds since the epoch.
#pragma once

#include <cstdint>

#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// Of `newest`'s versions the one in force at `at`; the first one before any other is.
int64_t CalendarVersionAt(const state::v1::StoredCalendar& newest, int64_t at);

// Whether the newest version is what counts from `at` on, for good.
bool NewestCountsFrom(const state::v1::StoredCalendar& newest, int64_t at);

// `next`, a newer version that counts from `effective_at` on, knows the versions before it.
void AddCalendarVersion(const state::v1::StoredCalendar* before, int64_t effective_at,
                        state::v1::StoredCalendar& next);

}  // namespace watchbell::sla
