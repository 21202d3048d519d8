// What is wrong with a setup, all of it at once, each fault by its field path
// ("setup.policies[1].steps[0].rotas[2]").
#pragma once

#include <vector>

#include "common/base/errors.h"
#include "watchbell/escalation/v1/escalation.pb.h"

namespace watchbell::escalation {

// A policy travels in every event of its runs; this keeps such an event far below the 256 KiB an
// event may have.
inline constexpr size_t kMaxPolicyBytes = 32 * 1024;
// Longest id of a person, in bytes.
inline constexpr size_t kMaxPersonLength = 128;

// Empty if the setup can work.
std::vector<FieldViolation> CheckSetup(const v1::EscalationSetup& setup);

}  // namespace watchbell::escalation
