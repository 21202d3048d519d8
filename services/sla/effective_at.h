// From when on a new version counts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"

namespace watchbell::sla {

// Microseconds since the epoch; `now` if the request's effective_at is not set. Callers' clocks may
// differ from ours by a little; beyond that the past is INVALID_ARGUMENT: what was judged stays.
template <typename Request>
absl::StatusOr<int64_t> EffectiveAt(const Request& request, absl::Time now) {
  constexpr absl::Duration kTolerance = absl::Seconds(5);
  if (!request.has_effective_at()) return absl::ToUnixMicros(now);
  const absl::Time at = FromProto(request.effective_at());
  if (at < now - kTolerance) {
    return InvalidField("effective_at", "lies in the past: what was judged stays as it is");
  }
  return absl::ToUnixMicros(std::max(at, now));
}

}  // namespace watchbell::sla
