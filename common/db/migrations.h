// Numbered, forward-only schema changes.
//
// They only add: programs of the version before and of the version after run on the same database
// while replicas are replaced one by one.
#pragma once

#include <string>
#include <vector>

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
  bool needed = true;  // false: programs of this version also run without it
};

// Version the database is at; 0 = empty. Needs no right but to read; UNAVAILABLE if that is denied.
absl::StatusOr<int> SchemaVersion(Database& database);

// The steps of `migrations` that Migrate would take.
absl::StatusOr<std::vector<Migration>> PlanMigrations(Database& database,
                                                      absl::Span<const Migration> migrations);

// Brings the database to the last of `migrations`, each in a transaction of its own. Doing it twice
// does nothing, and several may do it at once. A database that is one change ahead is left as it
// is; FAILED_PRECONDITION with a sentence if it is further.
absl::Status Migrate(Database& database, absl::Span<const Migration> migrations);

// OK if programs with these migrations run on the database: it has the last one that is needed, and
// is at most one change ahead of the last one known. FAILED_PRECONDITION with a sentence that says
// what to do if not.
absl::Status CheckSchema(Database& database, absl::Span<const Migration> migrations);

}  // namespace watchbell::db
