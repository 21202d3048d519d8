// PostgreSQL (15 or newer) behind db.h: libpq in pipeline mode, binary parameters, unnest()
// batches.
//
// A transaction costs one round trip for each LoadAll and one for everything it writes together
// with its COMMIT. Numbers of kSequence columns are taken in that last round trip from the sequence
// `journal_sequence`, which a migration makes, under an advisory lock that is held until the end of
// the transaction: so they become visible in their order, whichever process took them.
//
// No call waits much longer than its time-out, whatever the server does: a frozen server, a cut
// cable and a stopped machine all end in UNAVAILABLE, or UNKNOWN from a Commit that was sent. Only
// names of hosts are looked up by the system, in its own time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/db/db.h"

namespace watchbell::db {

struct PostgresOptions {
  std::string url;     // libpq's: postgresql://USER@HOST:PORT/DATABASE?..., or KEY=VALUE pairs
  std::string schema;  // where the tables are; made by the first RunScript if missing
  absl::Duration statement_timeout = absl::Seconds(10);
  absl::Duration lock_timeout = absl::Seconds(2);
  absl::Duration connect_timeout = absl::Seconds(3);
  std::string application;  // as the server's own lists name these sessions, before their owner
  std::string owner;        // what they have in common; OpenPostgres makes one up
  int readers = 4;  // most connections for Read; the writer has its own, ReadSettled has two
};

// INVALID_ARGUMENT if the URL cannot be read or the schema has no name. The server need not be up:
// connections are made when first used, and while it is down every call answers UNAVAILABLE, at
// once between attempts (100 ms to 2 s apart).
//
// Read heeds the thread's deadline (common/base/deadline.h): DEADLINE_EXCEEDED once it has passed.
// `clock` outlives the database.
absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options, Clock& clock);

}  // namespace watchbell::db
