// WatchTickets: the journal as a change feed. A resume token is a journal sequence, valid on every
// replica.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "common/journal/journal.h"
#include "common/rpc/service.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

std::string MakeResumeToken(int64_t sequence);
// INVALID_ARGUMENT naming resume_token if it is none of ours.
absl::StatusOr<int64_t> ReadResumeToken(const std::string& token);

// Everything outlives the source. An empty token means: from the journal's head now.
// INVALID_ARGUMENT for a bad token or name, OUT_OF_RANGE for a token from beyond the journal's
// head, NOT_FOUND for an unknown ticket.
absl::StatusOr<std::unique_ptr<rpc::WatchSource>> WatchTickets(
    db::Database& database, const journal::Reader& journal, const std::string& tenant,
    const v1::WatchTicketsRequest& request);

}  // namespace watchbell::tickets
