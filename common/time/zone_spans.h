// Stretches of time in which a zone's offset does not change: there the local label is the instant
// plus a constant.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace watchbell {

inline constexpr int64_t kSecondsPerDay = 86'400;
inline constexpr absl::CivilDay kEpochDay(1970, 1, 1);

// [from, to) in seconds since 1970, UTC; the local label of t is t + offset.
struct ZoneSpan {
  int64_t from;
  int64_t to;
  int64_t offset;
};

// [from, to) cut where the offset changes. Spans touch, and neighbours differ in offset.
std::vector<ZoneSpan> ZoneSpans(const absl::TimeZone& zone, int64_t from, int64_t to);

// The spans of instants whose local date is `day`, in order: none for a date the zone skips, and
// more than one where the clocks went back over midnight.
std::vector<ZoneSpan> LocalDateSpans(const absl::TimeZone& zone, absl::CivilDay day);

}  // namespace watchbell
