// What a draft would have made of the tickets of a past window: page by page, added up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/watchbell/policy_file.h"

namespace watchbell::cli {

struct WhatIfTally {
  int64_t tickets = 0;
  std::map<std::pair<std::string, int>, sla::v1::WhatIfCount> counts;  // by clock and priority
  int64_t changed_tickets = 0;
  int64_t changed_clocks = 0;
  std::vector<sla::v1::WhatIfChange> first;  // of changed clocks, the first 20
};

// `request` without page_token.
absl::StatusOr<WhatIfTally> AskWhatIf(sla::v1::WhatIfRequest request, const CallSla& call);

// Lines of text: met and missed before and after, by clock and priority, and which clocks changed.
// `asked`: what the tally answers.
std::string WhatIfText(const WhatIfTally& tally, const sla::v1::WhatIfRequest& asked);

}  // namespace watchbell::cli
