// ImportBatch: another tool's history, command by command. Every command answers for itself: a
// refused one changes nothing and stops nobody; one that was applied before is remembered by its
// (row, step). Pure.
#pragma once

#include <vector>

#include "common/engine/decision.h"
#include "common/engine/input.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

// Tickets listed on one page of an import, and finished by one call.
inline constexpr int kImportPageSize = 500;

std::vector<engine::EntityKey> ImportBatchNeeds(const engine::Input& input,
                                                const v1::ImportBatchRequest& request);
engine::Decision DecideImportBatch(const engine::View& view, const engine::Input& input,
                                   const v1::ImportBatchRequest& request);

}  // namespace watchbell::tickets
