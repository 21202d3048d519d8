// What the server's errors mean in the words of db.h.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace watchbell::db {

// An error the server answered with. `place` names the database, `sqlstate` has five characters,
// `message` is the primary message, `doing` the statement.
absl::Status PostgresError(absl::string_view place, absl::string_view sqlstate,
                           absl::string_view message, absl::string_view doing);

// The connection cannot be made, is gone, or the server does not answer in time.
absl::Status PostgresGone(absl::string_view place, absl::string_view what);

// True for the SQLSTATE of a statement that was cancelled, by its time-out or by a person.
bool IsCancelled(absl::string_view sqlstate);
// That of a statement that would write where that is forbidden.
bool WouldWrite(absl::string_view sqlstate);

}  // namespace watchbell::db
