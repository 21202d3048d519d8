// ListTicketHistory: a ticket's events as the journal keeps them, oldest first.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"
#include "common/journal/journal.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::tickets {

// One event for people: its own fields as `detail`, without the facts every event repeats.
absl::StatusOr<v1::HistoryEntry> MakeHistoryEntry(const journal::JournalRow& row);

// Pages of 100, at most 500. NOT_FOUND, INVALID_ARGUMENT for a bad name or page token.
absl::StatusOr<v1::ListTicketHistoryResponse> ListTicketHistory(
    db::Database& database, const journal::Reader& journal, const std::string& tenant,
    const v1::ListTicketHistoryRequest& request);

}  // namespace watchbell::tickets
