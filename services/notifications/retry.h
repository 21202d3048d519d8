// When a delivery that was not taken is tried again. Pure.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace watchbell::notifications {

// Attempts before a delivery is given up: about half an hour with the delays below.
inline constexpr int kMaxAttempts = 8;

// How long a claimed delivery may be without an outcome before it is taken as lost and sent again.
// The sender begins nothing that could still be under way by then (sender_pool.h).
inline constexpr int kClaimSeconds = 60;
inline constexpr absl::Duration kClaimTime = absl::Seconds(kClaimSeconds);

// Pause after attempt number `attempt` (from 1): 5 s x 3^(attempt-1), at most 10 min, shortened by
// up to a fifth by the delivery's id, so that what failed together does not come back together. The
// same id always gives the same pause.
absl::Duration RetryDelay(absl::string_view delivery_id, int attempt);

}  // namespace watchbell::notifications
