// Ending other sessions of the server, for good.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/clock/clock.h"
#include "common/db/postgres/postgres_connection.h"

namespace watchbell::db {

// Ends the sessions (as PostgresConnection::session names them) and returns when the server lists
// none of them any more: what they had not committed is rolled back, and nothing of theirs can be
// committed later. Those that are no sessions, and those of other roles, are ignored. UNAVAILABLE
// if one is still there after `limit`.
absl::Status EndPostgresSessions(PostgresConnection& connection,
                                 absl::Span<const std::string> sessions, absl::Duration limit,
                                 Clock& clock);

}  // namespace watchbell::db
