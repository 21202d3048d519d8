// ApplyPolicyVersion: finds the open tickets page by page and has them moved.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/service.h"
#include "common/runtime/module.h"
#include "services/sla/judge_loading.h"
#include "watchbell/sla/v1/policy_move.pb.h"

namespace watchbell::sla {

// Blocks on the database, and on the engine unless it is a preview. NOT_FOUND for a set or version
// that is not there.
absl::StatusOr<v1::ApplyPolicyVersionResponse> AnswerApplyPolicyVersion(
    runtime::ServiceCore& core, JudgeCaches& caches, const rpc::CallContext& call,
    const v1::ApplyPolicyVersionRequest& request);

}  // namespace watchbell::sla
