#include "common/time/hours_described.h"

#include <algorithm>
#include <utility>

#include "common/time/zone_spans.h"

namespace watchbell {
namespace {

bool Same(const HoursStretch& a, const HoursStretch& b) {
  return a.kind == b.kind && a.member == b.member && a.holiday == b.holiday;
}

void Append(HoursStretch next, std::vector<HoursStretch>& stretches) {
  if (next.from >= next.to) return;
  if (!stretches.empty() && Same(stretches.back(), next)) {
    stretches.back().to = next.to;
  } else {
    stretches.push_back(std::move(next));
  }
}

// One member by itself.
std::vector<HoursStretch> DescribeMember(const WallHours& wall, int member, absl::Time from,
                                         absl::Time to) {
  std::vector<HoursStretch> stretches;
  const int64_t first = absl::ToUnixSeconds(from);
  const int64_t last = absl::ToUnixSeconds(to) + 1;
  for (const ZoneSpan& span : ZoneSpans(wall.zone(), first, last)) {
    const absl::CivilDay end(
        absl::ToCivilDay(absl::FromUnixSeconds(span.to + span.offset - 1), absl::UTCTimeZone()));
    for (absl::CivilDay date =
             absl::ToCivilDay(absl::FromUnixSeconds(span.from + span.offset), absl::UTCTimeZone());
         date <= end; ++date) {
      const int64_t day = date - kEpochDay;
      const int64_t midnight = day * kSecondsPerDay - span.offset;
      for (const WallPart& part : wall.PartsOf(day)) {
        HoursStretch stretch;
        stretch.from =
            std::max(from, absl::FromUnixSeconds(std::max(span.from, midnight + part.from * 60)));
        stretch.to =
            std::min(to, absl::FromUnixSeconds(std::min(span.to, midnight + part.to * 60)));
        stretch.kind = part.kind;
        if (part.kind != HoursKind::kOutside) stretch.member = member;
        if (part.kind == HoursKind::kHoliday) stretch.holiday = wall.HolidayOn(day)->name;
        Append(std::move(stretch), stretches);
      }
    }
  }
  return stretches;
}

// Open goes before closed for a reason, and that before being outside hours.
int Standing(const HoursStretch& stretch) {
  if (stretch.kind == HoursKind::kOpen) return 2;
  return stretch.kind == HoursKind::kOutside ? 0 : 1;
}

// Both cover the same time; `first` has precedence where they stand alike.
std::vector<HoursStretch> Overlay(const std::vector<HoursStretch>& first,
                                  const std::vector<HoursStretch>& second) {
  std::vector<HoursStretch> all;
  for (size_t i = 0, k = 0; i < first.size() && k < second.size();) {
    HoursStretch next = Standing(second[k]) > Standing(first[i]) ? second[k] : first[i];
    next.from = std::max(first[i].from, second[k].from);
    next.to = std::min(first[i].to, second[k].to);
    const absl::Time end = next.to;
    Append(std::move(next), all);
    if (first[i].to == end) ++i;
    if (second[k].to == end) ++k;
  }
  return all;
}

}  // namespace

std::vector<HoursStretch> DescribeHours(const BusinessCalendar& calendar, absl::Time from,
                                        absl::Time to) {
  if (to <= from) return {};
  std::vector<HoursStretch> all = DescribeMember(calendar.members()[0], 0, from, to);
  for (size_t i = 1; i < calendar.members().size(); ++i) {
    all = Overlay(all, DescribeMember(calendar.members()[i], static_cast<int>(i), from, to));
  }
  return all;
}

}  // namespace watchbell
