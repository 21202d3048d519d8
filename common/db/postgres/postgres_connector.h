// Makes connections to one database; after a failure not again for a while.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"
#include "common/db/postgres/postgres_connection.h"
#include "common/db/postgres/postgres_db.h"

namespace watchbell::db {

// How long an answer may be late before the server is taken for frozen: it cancels what takes too
// long by itself, and that takes a moment to tell.
inline constexpr absl::Duration kPostgresGrace = absl::Milliseconds(500);

// Thread-safe.
class PostgresConnector {
 public:
  PostgresConnector(PostgresOptions options, Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  // Within `limit`, or the connect time-out if that is shorter. After a failure one caller tries at
  // a time, 100 ms to 2 s after the last; the others are told at once what went wrong last.
  absl::StatusOr<std::unique_ptr<PostgresConnection>> Connect(PostgresConnection::Role role,
                                                              absl::Duration limit);

  const PostgresOptions& options() const { return options_; }

 private:
  // OK: the caller may try.
  absl::Status MayTry();
  void Tried(const absl::Status& status);

  const PostgresOptions options_;
  Clock& clock_;

  Mutex mu_;
  absl::Duration pause_ ABSL_GUARDED_BY(mu_);     // zero: the last attempt succeeded
  absl::Duration retry_at_ ABSL_GUARDED_BY(mu_);  // steady time
  bool trying_ ABSL_GUARDED_BY(mu_) = false;      // somebody is, after a failure
  absl::Status last_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::db
