// The algebra of one alert's episodes. What is kept only grows (the latest start, the latest end),
// so deliveries may be lost, repeated and reordered: any permutation of the same ones ends in the
// same state. Pure.
#pragma once

#include <optional>

#include "absl/time/time.h"

namespace watchbell::tickets {

// How far ahead of our clock a monitoring system's time is believed.
inline constexpr absl::Duration kAlertAhead = absl::Minutes(5);

struct Episode {
  absl::Time fired_at = absl::InfinitePast();       // latest start heard of
  absl::Time cleared_until = absl::InfinitePast();  // what started at or before it is over

  bool firing() const { return fired_at > cleared_until; }
};

// What a delivery tells us.
enum class News {
  kNone,          // known already
  kStillFiring,   // it fires still: a later delivery of a source that names no start
  kOld,           // a fire of an episode that is known to be over
  kBegan,         // it fires now and did not before
  kMovedOn,       // it fires, in a newer episode than the one known
  kBornResolved,  // an episode not heard of before, and over already
  kCleared,       // it fired and does no longer
  kNotFiring,     // an end for what does not fire: kept against a fire that comes late
  kNewerEpisode,  // the end of an earlier episode than the one that fires
};

// A firing delivery. A start that is not known, or too far ahead, is `now` unless it fires already.
News HearFiring(std::optional<absl::Time> starts_at, absl::Time now, Episode* episode);

// A firing delivery of a source that names no start but when it sent it: it begins an episode, or
// is one more word of the one that fires.
News HearStillFiring(std::optional<absl::Time> sent_at, absl::Time now, Episode* episode);

// A resolved delivery. An end before its start is its start; one that is not known, or too far
// ahead, is `now`.
News HearResolved(std::optional<absl::Time> starts_at, std::optional<absl::Time> ends_at,
                  absl::Time now, Episode* episode);

}  // namespace watchbell::tickets
