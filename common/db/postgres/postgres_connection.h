// One session with the server: a pipeline of statements, and what came of them.
//
// Statements are queued, then Sync sends them in one go and waits for all their results: one round
// trip. Every wait has a limit; a connection that missed one, or was lost, is of no more use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/db/postgres/postgres_db.h"
#include "common/db/postgres/postgres_values.h"

struct pg_conn;
struct pg_result;

namespace watchbell::db {

// What a Sync came to.
struct PipelineOutcome {
  enum class Told {
    kNothing,  // the server did not say: no connection, no answer in time
    kError,    // it refused the statement and did nothing after it
    kFatal,    // it ended the session at the statement and did nothing after it
  };
  struct Done {
    int64_t changed;  // rows
    std::string tag;  // of the command, e.g. "COMMIT"
  };

  absl::Status status;         // of the first statement that failed
  std::vector<Done> done;      // the statements before it, in order
  Told told = Told::kNothing;  // who says that it failed
  bool timed_out = false;      // it was cancelled, or there was no answer in time
};

// One thread at a time.
class PostgresConnection {
 public:
  enum class Role {
    kWriter,  // plans for keyed batches
    kReader,  // read-only
    kScript,  // no statement time-out; for Script, nothing else
  };

  // INVALID_ARGUMENT if libpq cannot read the URL.
  static absl::Status CheckUrl(const std::string& url);

  // Connects and sets the session up within `limit`. UNAVAILABLE if that fails, whoever is to
  // blame.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Connect(const PostgresOptions& options,
                                                                     Role role, Clock& clock,
                                                                     absl::Duration limit);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // Puts a statement at the end of the pipeline. Its rows are appended to `rows`, if not null,
  // which lives until Sync returns.
  void Queue(absl::string_view sql, const PostgresParameters& parameters = {},
             std::vector<Row>* rows = nullptr);
  // Statements in the pipeline.
  size_t queued() const { return statements_; }

  // Sends what is queued, ended by a sync, and reads all results. After a failure the server skips
  // the rest of the queue.
  PipelineOutcome Sync(absl::Duration limit);

  // Runs several statements as they are. INTERNAL if they leave a transaction open.
  absl::Status Script(const std::string& sql, absl::Duration limit);

  // Nothing more can be done with it.
  bool lost() const { return lost_; }
  // The same, after a look whether the server has hung up meanwhile.
  bool LookIfLost();

  // "PID:START", START in microseconds: names the session for good, unlike its pid alone.
  const std::string& session() const { return session_; }

 private:
  // What is in the pipeline.
  struct Step {
    enum class Kind { kPrepare, kForget, kStatement } kind;
    std::string sql;         // with its types, if kPrepare
    std::vector<Row>* rows;  // if kStatement
  };

  PostgresConnection(pg_conn* connection, const PostgresOptions& options, Role role, Clock& clock);

  absl::Status FinishConnecting(absl::Duration end);
  absl::Status SetUp(const PostgresOptions& options, absl::Duration limit);
  // Name of the prepared statement; queues its preparation if there is none yet.
  std::string Prepare(const std::string& sql, const PostgresParameters& parameters);
  void ForgetAll();
  // Waits until the socket is ready; DEADLINE_EXCEEDED when `end` (steady time) has come.
  absl::Status WaitFor(bool readable, bool writable, absl::Duration end);
  absl::Status Flush(absl::Duration end);
  // The next result, nullptr between statements.
  absl::StatusOr<pg_result*> Next(absl::Duration end);
  // All results of one step; DEADLINE_EXCEEDED when `end` has come.
  absl::Status Collect(const Step& step, absl::Duration end, PipelineOutcome* outcome);
  // Keeps the first error in `outcome`.
  void Note(absl::Status status, absl::Duration limit, PipelineOutcome* outcome);
  absl::Status Take(const Step& step, pg_result* result, PipelineOutcome* outcome);
  absl::Status AppendRows(pg_result* result, std::vector<Row>* rows) const;
  absl::Status ErrorOf(pg_result* result, absl::string_view doing, PipelineOutcome* outcome);
  absl::Status Lost(absl::string_view why);
  static void OnNotice(void* self, const pg_result* notice);

  pg_conn* const connection_;
  const std::string place_;  // names the database in errors
  const Role role_;
  Clock& clock_;
  std::string session_;
  bool lost_ = false;
  absl::flat_hash_map<std::string, std::string> prepared_;  // name by types and SQL
  int64_t names_given_ = 0;
  std::vector<Step> steps_;
  size_t statements_ = 0;  // of them
};

}  // namespace watchbell::db
