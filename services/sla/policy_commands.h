// Commands on policy sets: stored as drafts, put in force, taken out of it. Pure.
#pragma once

#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

std::vector<engine::EntityKey> PolicyCommandNeeds(const engine::Input& input);

engine::Decision PutPolicySet(const engine::View& view, const engine::Input& input,
                              const v1::PutPolicySetRequest& request);
engine::Decision ActivatePolicySet(const engine::View& view, const engine::Input& input,
                                   const v1::ActivatePolicySetRequest& request);
engine::Decision RetirePolicySet(const engine::View& view, const engine::Input& input,
                                 const v1::RetirePolicySetRequest& request);

}  // namespace watchbell::sla
