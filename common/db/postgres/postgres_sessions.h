// Ending other sessions of the server, for good.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/clock/clock.h"
#include "common/db/postgres/postgres_connection.h"

namespace watchbell::db {

// A name that no other database object has. Its sessions carry it from the moment they can be told
// anything, as the end of what the server knows as their application name.
std::string NewPostgresOwner();
std::string PostgresApplicationName(const std::string& application, const std::string& owner);

// Ends the sessions (as PostgresConnection::session names them; an owner stands for all of its
// sessions) and returns when the server lists
// none of them any more: what they had not committed is rolled back, and nothing of theirs can be
// committed later. Those that are no sessions, and those of other roles, are ignored. UNAVAILABLE
// if one is still there after `limit`.
absl::Status EndPostgresSessions(PostgresConnection& connection,
                                 absl::Span<const std::string> sessions, absl::Duration limit,
                                 Clock& clock);

}  // namespace watchbell::db
