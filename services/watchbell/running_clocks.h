// A version of a policy set put over the tickets that are open, or the same only looked at: page by
// page, added up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/watchbell/policy_file.h"

namespace watchbell::cli {

struct RunningMoves {
  int64_t tickets = 0;  // looked at
  int64_t moved_tickets = 0;
  int64_t clocks = 0;                     // that changed
  std::vector<sla::v1::ClockMove> first;  // of them, the first 20
  std::vector<std::string> failed;        // tickets that could not be moved, and why
};

// `request` without page_token. `moves`: what was done, also if it failed half-way.
absl::Status ApplyToRunning(sla::v1::ApplyPolicyVersionRequest request, const CallSla& call,
                            RunningMoves* moves);

// Lines of text: how many moved, or would, and where the first clocks would stand.
std::string RunningMovesText(const RunningMoves& moves, bool preview);

}  // namespace watchbell::cli
