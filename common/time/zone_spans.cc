#include "common/time/zone_spans.h"

#include <algorithm>
#include <limits>

namespace watchbell {
namespace {

// Of dates, weekdays and the rules of zones.
constexpr int64_t kGregorianCycle = 146'097 * kSecondsPerDay;

// The next transition after `from`, where the offset is `offset`; the largest value if there is
// none. The library lists them for one cycle after the last one the zone data names: what follows
// is looked up whole cycles earlier. Of a zone without any it may so answer one that changes
// nothing.
int64_t NextTransition(const absl::TimeZone& zone, int64_t from, int64_t offset) {
  int64_t cycles = 0;
  absl::TimeZone::CivilTransition transition;
  while (!zone.NextTransition(absl::FromUnixSeconds(from - cycles), &transition)) {
    cycles += kGregorianCycle;
    if (cycles > from) return std::numeric_limits<int64_t>::max();
  }
  return absl::ToUnixSeconds(absl::FromCivil(transition.from, absl::UTCTimeZone())) - offset +
         cycles;
}

}  // namespace

std::vector<ZoneSpan> ZoneSpans(const absl::TimeZone& zone, int64_t from, int64_t to) {
  std::vector<ZoneSpan> spans;
  while (from < to) {
    const int64_t offset = zone.At(absl::FromUnixSeconds(from)).offset;
    const int64_t next = NextTransition(zone, from, offset);
    const int64_t end = next > from ? std::min(to, next) : to;
    // Some transitions change the zone's name only, or nothing.
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
