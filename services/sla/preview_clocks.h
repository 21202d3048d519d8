// The clocks of a ticket that does not exist yet, as of the instant it would be opened.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "services/sla/judge_loading.h"
#include "watchbell/sla/v1/preview.pb.h"

namespace watchbell::sla {

// `judge` is of one era, that of `policy`; `ticket` has its opened_at and no TicketFaults. Pure.
v1::PreviewClocksResponse PreviewClocks(const Judge& judge, const v1::PolicySet& policy,
                                        const tickets::v1::Ticket& ticket);

// INVALID_ARGUMENT with every fault of the ticket by path below "ticket"; else errors of ReadDraft.
// `now` in microseconds. Blocks on the database.
absl::StatusOr<v1::PreviewClocksResponse> AnswerPreviewClocks(
    db::Database& database, const std::string& tenant, const v1::PreviewClocksRequest& request,
    int64_t now);

}  // namespace watchbell::sla
