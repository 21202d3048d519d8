// SQLite behind db.h: WAL, synchronous=FULL, one writer connection that is also the only
// checkpointer (Debian's 3.40.1 has the WAL-reset bug that needs two connections writing or
// checkpointing at once).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/db/db.h"

namespace watchbell::db {

// Opens or makes the database file. Readers open it mode=ro and leave no statement open between
// looks.
absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path);

// A database that lives in memory and dies with the object. Reads share the writer's connection.
absl::StatusOr<std::unique_ptr<Database>> OpenSqliteInMemory();

}  // namespace watchbell::db
