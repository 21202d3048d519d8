#include "common/time/zone_spans.h"

#include <algorithm>

namespace watchbell {

std::vector<ZoneSpan> ZoneSpans(const absl::TimeZone& zone, int64_t from, int64_t to) {
  std::vector<ZoneSpan> spans;
  while (from < to) {
    const int64_t offset = zone.At(absl::FromUnixSeconds(from)).offset;
    int64_t end = to;
    absl::TimeZone::CivilTransition transition;
    if (zone.NextTransition(absl::FromUnixSeconds(from), &transition)) {
      const int64_t at =
          absl::ToUnixSeconds(absl::FromCivil(transition.from, absl::UTCTimeZone())) - offset;
      if (at > from) end = std::min(end, at);
    }
    // Some transitions change the zone's name only.
    if (!spans.empty() && spans.back().offset == offset) {
      spans.back().to = end;
    } else {
      spans.push_back({from, end, offset});
    }
    from = end;
  }
  return spans;
}

std::vector<ZoneSpan> LocalDateSpans(const absl::TimeZone& zone, absl::CivilDay day) {
  // No offset is more than a day and two hours.
  constexpr int64_t kReach = kSecondsPerDay + 2 * 3600;
  const int64_t midnight = (day - kEpochDay) * kSecondsPerDay;
  std::vector<ZoneSpan> spans;
  for (ZoneSpan span : ZoneSpans(zone, midnight - kReach, midnight + kSecondsPerDay + kReach)) {
    span.from = std::max(span.from, midnight - span.offset);
    span.to = std::min(span.to, midnight + kSecondsPerDay - span.offset);
    if (span.from < span.to) spans.push_back(span);
  }
  return spans;
}

}  // namespace watchbell
