// Numbered, forward-only schema changes.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/db/db.h"

namespace watchbell::db {

// One step. `sql` is a script in the portable subset (see db.h).
struct Migration {
  int number;  // from 1, without holes
  std::string name;
  std::string sql;
};

// Version the database is at; 0 = empty.
absl::StatusOr<int> SchemaVersion(Database& database);

// Brings the database to the last of `migrations`, each in a transaction of its own.
// FAILED_PRECONDITION with a sentence if the database is newer than the last one known here. Doing
// it twice does nothing.
absl::Status Migrate(Database& database, absl::Span<const Migration> migrations);

// OK if the database is exactly at the last migration; FAILED_PRECONDITION with a sentence that
// says what to do if not.
absl::Status CheckSchema(Database& database, absl::Span<const Migration> migrations);

}  // namespace watchbell::db
