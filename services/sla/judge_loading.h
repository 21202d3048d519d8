// Finds what judges a ticket among the entities an input sees.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/engine/decision.h"
#include "services/sla/calendars/calendars.h"
#include "services/sla/clocks/judge.h"
#include "services/sla/policies/compiled_policy.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {

// Memos of what is compiled. Thread-safe.
struct JudgeCaches {
  CalendarCache calendars;
  PolicyCache policies;
};

// One of three: a judge; keys that must be loaded first; an error. The judge lives no longer than
// the view and the caches.
struct LoadedJudge {
  std::optional<Judge> judge;
  std::vector<engine::EntityKey> missing;
  absl::Status error;
};

// A version of a policy set; "" = none, version 0 = the newest. One that does not exist is
// POLICY_UNUSABLE: what names it waits until it is stored, and is not left unjudged in silence.
struct PolicyChoice {
  std::string policy_set_id;
  int64_t version = 0;
  // Versions of calendars that are chosen, too, by id.
  std::map<std::string, int64_t> calendars;
};

// `ticket` gets one more era: this policy, with the versions of its calendars that count for what
// is opened at `at`. The judge is of all its eras.
LoadedJudge AddEra(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                   const PolicyChoice& policy, int64_t at, state::v1::TicketClocks& ticket);

// The versions pinned in `ticket`.
LoadedJudge LoadPinned(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                       const state::v1::TicketClocks& ticket);

}  // namespace watchbell::sla
