// ExplainClock: reads what the explanation needs.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/runtime/module.h"
#include "services/sla/judge_loading.h"
#include "watchbell/sla/v1/explain.pb.h"

namespace watchbell::sla {

// INVALID_ARGUMENT for a malformed clock id, NOT_FOUND for a clock that is not known.
absl::StatusOr<v1::ClockExplanation> AnswerExplainClock(runtime::ServiceCore& core,
                                                        JudgeCaches& caches,
                                                        const std::string& tenant,
                                                        const v1::ExplainClockRequest& request);

}  // namespace watchbell::sla
