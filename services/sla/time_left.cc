#include "services/sla/time_left.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "services/sla/clocks/clock_view.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

constexpr int64_t kFirstLookBack = 3'600'000'000;  // an hour: most of what is overdue is so briefly

int64_t Horizon() { return absl::ToInt64Microseconds(kDeadlineHorizon); }

std::string VersionText(const std::string& calendar_id, int64_t version) {
  return absl::StrCat(calendar_id, "@", version);
}

absl::Status Unusable(const std::string& counting) {
  return WithReason(absl::StatusCode::kFailedPrecondition, "CALENDAR_UNUSABLE",
                    absl::StrCat("there is no calendar ", counting));
}

}  // namespace

// "<calendar>@<version>", then "|<zone>" if it is read in another zone than its own, else
// "+<calendar>@<version>" for each other calendar the ticket is judged by: if the first is a union,
// its members are among them.
std::string CountingOf(const state::v1::TicketClocks& ticket, const state::v1::ClockRecord& clock) {
  if (clock.calendar_id().empty()) return "";
  std::string text = VersionText(clock.calendar_id(), clock.calendar_version());
  if (!clock.time_zone().empty()) return absl::StrCat(text, "|", clock.time_zone());
  for (const state::v1::PinnedCalendar& other : EraOf(ticket, clock.target()).calendars()) {
    if (other.calendar_id() == clock.calendar_id()) continue;
    absl::StrAppend(&text, "+", VersionText(other.calendar_id(), other.version()));
  }
  return text;
}

int64_t TimeLeft::Until(int64_t due) const {
  if (calendar_ == nullptr) return due - as_of_;
  const absl::Time from = absl::FromUnixMicros(std::min(due, as_of_));
  const absl::Time to = absl::FromUnixMicros(std::max(due, as_of_));
  const int64_t between = absl::ToInt64Microseconds(calendar_->Elapsed(from, to));
  return due >= as_of_ ? between : -between;
}

int64_t TimeLeft::FirstDeadline(int64_t left) const {
  if (calendar_ == nullptr) return as_of_ + std::clamp(left, -2 * Horizon(), Horizon());
  if (left > 0) {
    const auto at = calendar_->Add(absl::FromUnixMicros(as_of_), absl::Microseconds(left));
    return at ? absl::ToUnixMicros(*at) : as_of_ + Horizon();
  }
  int64_t back = kFirstLookBack;
  while (back < 2 * Horizon() && Until(as_of_ - back) >= left) back *= 2;
  back = std::min(back, 2 * Horizon());
  int64_t low = as_of_ - back;  // has less, or is the end
  int64_t high = as_of_;        // has as much
  while (low + 1 < high) {
    const int64_t middle = low + (high - low) / 2;
    (Until(middle) >= left ? high : low) = middle;
  }
  return Until(low) >= left ? low : high;
}

absl::StatusOr<const TimeLeft*> TimesLeft::By(const std::string& counting) {
  auto it = made_.find(counting);
  if (it == made_.end()) {
    ASSIGN_OR_RETURN(CalendarPtr calendar, Calendar(counting));
    it = made_.emplace(counting, TimeLeft(std::move(calendar), as_of_)).first;
  }
  return &it->second;
}

absl::StatusOr<TimesLeft::CalendarPtr> TimesLeft::Calendar(const std::string& counting) {
  if (counting.empty()) return CalendarPtr();
  const std::pair<std::string, std::string> in_zone =
      absl::StrSplit(counting, absl::MaxSplits('|', 1));
  const std::vector<std::string> versions = absl::StrSplit(in_zone.first, '+');
  ASSIGN_OR_RETURN(const state::v1::StoredCalendar* const calendar, Load(versions[0]));
  std::vector<const state::v1::StoredCalendar*> members;
  for (const std::string& id : calendar->calendar().union_of()) {
    const auto member =
        std::find_if(versions.begin() + 1, versions.end(), [&](const std::string& version) {
          return absl::StartsWith(version, absl::StrCat(id, "@"));
        });
    if (member == versions.end()) return Unusable(id);
    ASSIGN_OR_RETURN(members.emplace_back(), Load(*member));
  }
  const absl::StatusOr<CalendarPtr> there =
      calendars_.Get(tenant_, *calendar, members, in_zone.second);
  // As clocks are counted: a zone that is gone leaves the calendar's own.
  if (there.ok() || in_zone.second.empty()) return there;
  return calendars_.Get(tenant_, *calendar);
}

absl::StatusOr<const state::v1::StoredCalendar*> TimesLeft::Load(absl::string_view version) {
  const std::vector<std::string> parts = absl::StrSplit(version, '@');
  int64_t number = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &number))
    return Unusable(std::string(version));
  const engine::EntityKey key = CalendarVersionKey(tenant_, parts[0], number);
  RETURN_IF_ERROR(stored_.Load(key));
  const auto* stored = stored_.Get<state::v1::StoredCalendar>(key);
  if (stored == nullptr) return Unusable(key.id);
  return stored;
}

}  // namespace watchbell::sla
