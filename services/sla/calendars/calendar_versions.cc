#include "services/sla/calendars/calendar_versions.h"

#include <algorithm>

namespace watchbell::sla {

int64_t CalendarVersionAt(const state::v1::StoredCalendar& newest, int64_t at) {
  int64_t version =
      newest.versions_size() > 0 ? newest.versions(0).version() : newest.calendar().version();
  for (const state::v1::CalendarVersion& each : newest.versions()) {
    if (each.effective_at() <= at) version = each.version();
  }
  return version;
}

bool NewestCountsFrom(const state::v1::StoredCalendar& newest, int64_t at) {
  const int64_t version = newest.calendar().version();
  return CalendarVersionAt(newest, at) == version &&
         newest.versions(newest.versions_size() - 1).version() == version;
}

void AddCalendarVersion(const state::v1::StoredCalendar* before, int64_t effective_at,
                        state::v1::StoredCalendar& next) {
  if (before != nullptr) *next.mutable_versions() = before->versions();
  next.set_effective_at(before == nullptr ? 0 : effective_at);
  state::v1::CalendarVersion* version = next.add_versions();
  version->set_version(next.calendar().version());
  version->set_effective_at(next.effective_at());
  std::stable_sort(
      next.mutable_versions()->begin(), next.mutable_versions()->end(),
      [](const auto& a, const auto& b) { return a.effective_at() < b.effective_at(); });
}

}  // namespace watchbell::sla
