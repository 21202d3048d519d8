// FinishImport: tells, ticket by ticket and page by page, up to which instant an import's history
// is known. A round is one as_of; another one begins when the as_of moves on or the import goes
// live. Pure.
#pragma once

#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

std::vector<engine::EntityKey> FinishImportNeeds(const engine::Input& input,
                                                 const v1::FinishImportRequest& request);
engine::Decision DecideFinishImport(const engine::View& view, const engine::Input& input,
                                    const v1::FinishImportRequest& request);

}  // namespace watchbell::tickets
