#include "common/db/postgres/postgres_readers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/deadline.h"
#include "common/base/status_macros.h"
#include "common/db/postgres/postgres_sql.h"
#include "common/db/postgres/postgres_values.h"

namespace watchbell::db {
namespace {

absl::Status Expired() { return absl::DeadlineExceededError("the caller's deadline has passed"); }

}  // namespace

absl::StatusOr<std::vector<Row>> PostgresReaders::Read(absl::string_view sql,
                                                       absl::Span<const Value> params) {
  absl::Duration limit = connector_.options().statement_timeout;
  bool by_caller = false;
  if (const absl::Time deadline = CurrentDeadline(); deadline != absl::InfiniteFuture()) {
    const absl::Duration left = deadline - clock_.Now();
    if (left <= absl::ZeroDuration()) return Expired();
    by_caller = left < limit;
    limit = std::min(limit, left);
  }
  const absl::Duration end = clock_.Steady() + limit;
  PostgresParameters parameters;
  for (const Value& param : params) parameters.Add(param);
  while (true) {
    absl::StatusOr<Reader> reader = Take(end);
    if (!reader.ok()) {
      return by_caller && clock_.Steady() >= end ? Expired() : reader.status();
    }
    std::vector<Row> rows;
    const PipelineOutcome outcome =
        Run(*reader->connection, sql, parameters, end - clock_.Steady(), &rows);
    // An idle connection may have been cut since it was last used: once more, with another.
    const bool again = reader->connection->lost() && !reader->fresh && !outcome.timed_out;
    GiveBack(std::move(reader->connection));
    if (outcome.status.ok()) return rows;
    if (again) continue;
    return by_caller && outcome.timed_out ? Expired() : outcome.status;
  }
}

PipelineOutcome PostgresReaders::Run(PostgresConnection& connection, absl::string_view sql,
                                     const PostgresParameters& parameters, absl::Duration limit,
                                     std::vector<Row>* rows) const {
  if (limit + kPostgresGrace < connector_.options().statement_timeout) {
    // Until the sync, that is for this statement. 0 would mean for ever.
    PostgresParameters timeout;
    timeout.Add(absl::StrCat(std::max<int64_t>(1, absl::ToInt64Milliseconds(limit))));
    connection.Queue("SELECT set_config('statement_timeout', $1, true)", timeout);
  }
  if (kind_ == Kind::kSettled) {
    // A statement of its own: the snapshot must be taken after it. All up to the sync is one
    // transaction, each statement of which sees what is committed by then. A time-out of locks
    // would only say in other words that there was no answer in time.
    connection.Queue("SELECT set_config('lock_timeout', '0', true)");
    connection.Queue(AwaitNumbersSql());
  }
  connection.Queue(sql, parameters, rows);
  return connection.Sync(limit + kPostgresGrace);
}

absl::StatusOr<PostgresReaders::Reader> PostgresReaders::Take(absl::Duration end) {
  {
    MutexLock lock(mu_);
    while (idle_.empty() && made_ >= most_) {
      const absl::Duration left = end - clock_.Steady();
      if (left <= absl::ZeroDuration()) {
        return absl::UnavailableError("all connections for reading are busy");
      }
      clock_.WaitUntil(mu_, given_back_, clock_.Now() + left);
    }
    while (!idle_.empty()) {
      std::unique_ptr<PostgresConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      if (!connection->LookIfLost()) return Reader{std::move(connection), false};
      --made_;
    }
    ++made_;
  }
  absl::StatusOr<std::unique_ptr<PostgresConnection>> connection =
      connector_.Connect(PostgresConnection::Role::kReader, end - clock_.Steady());
  if (!connection.ok()) {
    GiveBack(nullptr);
    return connection.status();
  }
  return Reader{*std::move(connection), true};
}

void PostgresReaders::GiveBack(std::unique_ptr<PostgresConnection> connection) {
  if (connection != nullptr && connection->lost()) connection = nullptr;
  {
    MutexLock lock(mu_);
    if (connection == nullptr) {
      --made_;
    } else {
      idle_.push_back(std::move(connection));
    }
  }
  given_back_.NotifyOne();
}

}  // namespace watchbell::db
