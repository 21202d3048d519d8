// Who is on call in a rota: turns of equal length on the local clock.
//
// Turn k runs from anchor + k * turn_days to anchor + (k + 1) * turn_days, each boundary computed
// from the anchor on the wall clock, never from the boundary before it. A boundary in a skipped
// hour falls on the gap's end, in a repeated hour on the first pass. So a turn may last 23 or 25
// hours a day, and one that starts and ends in the same gap has no length and nobody serves it.
// Before the anchor nobody is on call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "watchbell/escalation/v1/escalation.pb.h"

namespace watchbell::escalation {

// Local wall time "YYYY-MM-DDTHH:MM", years 1970 to 2200; nothing if it is no such time.
std::optional<absl::CivilMinute> ParseAnchor(absl::string_view text);

// An IANA zone by its name; nothing if this machine knows none of that name.
std::optional<absl::TimeZone> FindZone(const std::string& name);

// The instant of a local wall time: the gap's end if it was skipped, the first pass if it is
// repeated.
absl::Time ResolveWallTime(absl::CivilMinute local, absl::TimeZone zone);

// Half-open: [from, until).
struct Turn {
  int64_t index = 0;  // 0 = the first
  std::string person;
  absl::Time from;
  absl::Time until;
};

// The turn `at` lies in; nothing before the anchor, and for a rota that PutEscalationSetup would
// refuse.
std::optional<Turn> TurnAt(const v1::Rota& rota, absl::Time at);

// When the first turn starts; nothing for a rota that PutEscalationSetup would refuse.
std::optional<absl::Time> FirstTurn(const v1::Rota& rota);

}  // namespace watchbell::escalation
