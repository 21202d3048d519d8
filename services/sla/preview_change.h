// The clocks of a ticket before and after a change that is not made.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "services/sla/judge_loading.h"
#include "watchbell/sla/v1/preview.pb.h"

namespace watchbell::sla {

// `judge` is what judges `ticket`; `now` in microseconds. INVALID_ARGUMENT by path for a change
// that cannot be (see InputsOfChange), is dated before the ticket's last one or far ahead. Pure.
absl::StatusOr<v1::PreviewChangeResponse> PreviewChange(const Judge& judge,
                                                        const state::v1::TicketClocks& ticket,
                                                        const v1::PreviewChangeRequest& request,
                                                        int64_t now);

// NOT_FOUND for a ticket that is not known, FAILED_PRECONDITION for one no policy set judges.
// Blocks on the database.
absl::StatusOr<v1::PreviewChangeResponse> AnswerPreviewChange(
    db::Database& database, JudgeCaches& caches, const std::string& tenant,
    const v1::PreviewChangeRequest& request, int64_t now);

}  // namespace watchbell::sla
