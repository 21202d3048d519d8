// WhatIf, page by page: reads the tickets that are judged again. A scan of the tenant's tickets.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "services/sla/judge_loading.h"
#include "watchbell/sla/v1/what_if.pb.h"

namespace watchbell::sla {

// Blocks on the database. The page ends by itself when half of the time until `deadline` is gone.
// INVALID_ARGUMENT for a window that ends before it begins, a bad page token, and what ReadDraft
// refuses; NOT_FOUND as there.
absl::StatusOr<v1::WhatIfResponse> AnswerWhatIf(db::Database& database, Clock& clock,
                                                const std::string& tenant,
                                                const v1::WhatIfRequest& request,
                                                absl::Time deadline);

}  // namespace watchbell::sla
