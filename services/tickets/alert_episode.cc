#include "services/tickets/alert_episode.h"

#include <algorithm>

namespace watchbell::tickets {
namespace {

std::optional<absl::Time> Believable(std::optional<absl::Time> time, absl::Time now) {
  return time.has_value() && *time <= now + kAlertAhead ? time : std::nullopt;
}

}  // namespace

News HearFiring(std::optional<absl::Time> starts_at, absl::Time now, Episode* episode) {
  const bool fired = episode->firing();
  starts_at = Believable(starts_at, now);
  if (!starts_at.has_value() && fired) return News::kNone;
  const absl::Time start = starts_at.value_or(now);
  if (start <= episode->fired_at) return fired ? News::kNone : News::kOld;
  episode->fired_at = start;
  if (start <= episode->cleared_until) return News::kBornResolved;
  return fired ? News::kMovedOn : News::kBegan;
}

News HearStillFiring(std::optional<absl::Time> sent_at, absl::Time now, Episode* episode) {
  const News news = HearFiring(sent_at, now, episode);
  return news == News::kMovedOn ? News::kStillFiring : news;
}

News HearResolved(std::optional<absl::Time> starts_at, std::optional<absl::Time> ends_at,
                  absl::Time now, Episode* episode) {
  const bool fired = episode->firing();
  ends_at = Believable(ends_at, now);
  if (!ends_at.has_value() && !fired) return News::kNone;
  absl::Time end = ends_at.value_or(now);
  if (const auto start = Believable(starts_at, now)) end = std::max(end, *start);
  if (end <= episode->cleared_until) return News::kNone;
  episode->cleared_until = end;
  if (!fired) return News::kNotFiring;
  return episode->firing() ? News::kNewerEpisode : News::kCleared;
}

}  // namespace watchbell::tickets
