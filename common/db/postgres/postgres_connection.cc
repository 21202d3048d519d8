#include "common/db/postgres/postgres_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/db/postgres/postgres_errors.h"
#include "common/db/postgres/postgres_sessions.h"
#include "common/db/postgres/postgres_sql.h"

namespace watchbell::db {
namespace {

using Told = PipelineOutcome::Told;

constexpr int kOldestServer = 150000;
// SQL composed by filters comes in few shapes; past this many something composes values into SQL.
constexpr size_t kStatementsKept = 256;
constexpr int kBinary = 1;

std::string Milliseconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration));
}

// "PostgreSQL at HOST:PORT, database NAME, schema NAME".
std::string PlaceOf(const PostgresOptions& options) {
  std::string host = "its socket";
  std::string port = "5432";
  std::string name = "of the user";
  PQconninfoOption* const parsed = PQconninfoParse(options.url.c_str(), nullptr);
  for (PQconninfoOption* each = parsed; each != nullptr && each->keyword != nullptr; ++each) {
    if (each->val == nullptr) continue;
    if (strcmp(each->keyword, "host") == 0) host = each->val;
    if (strcmp(each->keyword, "port") == 0) port = each->val;
    if (strcmp(each->keyword, "dbname") == 0) name = each->val;
  }
  PQconninfoFree(parsed);
  return absl::StrCat("PostgreSQL at ", host, ":", port, ", database ", name, ", schema ",
                      options.schema);
}

// Set for the session; what is not said in all roles is empty.
std::string SetUpSql(PostgresConnection::Role role) {
  std::string sql =
      "SELECT (SELECT CAST(extract(epoch FROM backend_start) * 1000000 AS BIGINT) "
      "FROM pg_stat_activity WHERE pid = pg_backend_pid()), "
      "set_config('search_path', $1, false), set_config('statement_timeout', $2, false), "
      "set_config('lock_timeout', $3, false), set_config('jit', 'off', false), "
      // A client that freezes in a transaction must not keep its locks for ever.
      "set_config('idle_in_transaction_session_timeout', '60s', false)";
  if (role == PostgresConnection::Role::kReader) {
    absl::StrAppend(&sql,
                    ", set_config('default_transaction_read_only', 'on', false)"
                    ", set_config('default_transaction_isolation', 'read committed', false)");
  }
  if (role == PostgresConnection::Role::kWriter) {
    // Every statement goes from arrays of keys through a primary key. A plan made while a table was
    // small must not read the whole of it later.
    for (const char* setting : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"}) {
      absl::StrAppend(&sql, ", set_config('", setting, "', 'off', false)");
    }
    absl::StrAppend(&sql, ", set_config('plan_cache_mode', 'force_generic_plan', false)");
  }
  return sql;
}

}  // namespace

PostgresConnection::PostgresConnection(pg_conn* connection, const PostgresOptions& options,
                                       Role role, Clock& clock)
    : connection_(connection), place_(PlaceOf(options)), role_(role), clock_(clock) {}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

absl::Status PostgresConnection::CheckUrl(const std::string& url) {
  char* error = nullptr;
  PQconninfoOption* const parsed = PQconninfoParse(url.c_str(), &error);
  const absl::Cleanup free = [=] {
    PQconninfoFree(parsed);
    PQfreemem(error);
  };
  if (parsed != nullptr) return absl::OkStatus();
  // libpq's message may repeat parts of the URL, which may hold a password.
  return absl::InvalidArgumentError(
      "the URL of the PostgreSQL database cannot be read: it must look like "
      "postgresql://USER@HOST:PORT/DATABASE or like host=HOST dbname=DATABASE");
}

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Connect(
    const PostgresOptions& options, Role role, Clock& clock, absl::Duration limit) {
  const absl::Duration end = clock.Steady() + limit;
  const std::string application = PostgresApplicationName(options.application, options.owner);
  // What stands before the URL gives way to it, what stands behind it does not.
  const char* const keywords[] = {"keepalives_idle",
                                  "keepalives_interval",
                                  "keepalives_count",
                                  "dbname",
                                  "client_encoding",
                                  "application_name",
                                  nullptr};
  const char* const values[] = {"10",   "5", "3", options.url.c_str(), "UTF8", application.c_str(),
                                nullptr};
  PGconn* const raw = PQconnectStartParams(keywords, values, /*expand_dbname=*/1);
  if (raw == nullptr) return absl::UnavailableError("out of memory");
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(raw, options, role, clock));
  PQsetNoticeReceiver(raw, &PostgresConnection::OnNotice, connection.get());
  RETURN_IF_ERROR(connection->FinishConnecting(end));
  RETURN_IF_ERROR(connection->SetUp(options, end - clock.Steady()));
  return connection;
}

absl::Status PostgresConnection::FinishConnecting(absl::Duration end) {
  PostgresPollingStatusType state =
      PQstatus(connection_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return Lost(PQerrorMessage(connection_));
    const bool reading = state == PGRES_POLLING_READING;
    if (!WaitFor(reading, !reading, end).ok()) return Lost("no answer while connecting");
    state = PQconnectPoll(connection_);
  }
  if (PQserverVersion(connection_) < kOldestServer) {
    return Lost(absl::StrCat("PostgreSQL 15 or newer is needed, this is ",
                             PQparameterStatus(connection_, "server_version")));
  }
  if (PQsetnonblocking(connection_, 1) != 0 || PQenterPipelineMode(connection_) != 1) {
    return Lost(PQerrorMessage(connection_));
  }
  return absl::OkStatus();
}

absl::Status PostgresConnection::SetUp(const PostgresOptions& options, absl::Duration limit) {
  PostgresParameters parameters;
  parameters.Add(QuoteIdentifier(options.schema));
  parameters.Add(role_ == Role::kScript ? "0" : Milliseconds(options.statement_timeout));
  parameters.Add(Milliseconds(options.lock_timeout));
  std::vector<Row> rows;
  Queue(SetUpSql(role_), parameters, &rows);
  const PipelineOutcome outcome = Sync(limit);
  if (!outcome.status.ok()) return Lost(outcome.status.message());
  session_ = absl::StrCat(PQbackendPID(connection_), ":", AsInt(rows.at(0).at(0)));
  if (role_ == Role::kScript && PQexitPipelineMode(connection_) != 1) {
    return Lost(PQerrorMessage(connection_));
  }
  return absl::OkStatus();
}

absl::Status PostgresConnection::Lost(absl::string_view why) {
  lost_ = true;
  return PostgresGone(place_, why);
}

void PostgresConnection::OnNotice(void* self, const pg_result* notice) {
  const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  // Outside of any statement a server that hangs up says so in a notice.
  const bool last =
      severity != nullptr && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
  if (last) static_cast<PostgresConnection*>(self)->lost_ = true;
}

bool PostgresConnection::LookIfLost() {
  // The server's last words, and the end of the stream after them.
  for (int look = 0; look < 3 && !lost_; ++look) {
    pollfd ready = {PQsocket(connection_), POLLIN, 0};
    if (poll(&ready, 1, 0) <= 0) break;
    if (PQconsumeInput(connection_) == 0 || PQstatus(connection_) == CONNECTION_BAD) lost_ = true;
    (void)PQisBusy(connection_);  // hands what has come to OnNotice
  }
  return lost_;
}

void PostgresConnection::ForgetAll() {
  static constexpr char kForget[] = "DEALLOCATE ALL";
  prepared_.clear();
  if (PQsendQueryParams(connection_, kForget, 0, nullptr, nullptr, nullptr, nullptr, kBinary) !=
      1) {
    Lost(PQerrorMessage(connection_)).IgnoreError();
    return;
  }
  steps_.push_back({Step::Kind::kForget, kForget, nullptr});
}

std::string PostgresConnection::Prepare(const std::string& sql,
                                        const PostgresParameters& parameters) {
  const auto* types = reinterpret_cast<const char*>(parameters.types().data());
  const std::string key =
      absl::StrCat(absl::string_view(types, parameters.size() * sizeof(uint32_t)), sql);
  if (auto known = prepared_.find(key); known != prepared_.end()) return known->second;
  if (prepared_.size() >= kStatementsKept) ForgetAll();
  const std::string name = absl::StrCat("s", ++names_given_);
  if (PQsendPrepare(connection_, name.c_str(), sql.c_str(), static_cast<int>(parameters.size()),
                    parameters.types().data()) != 1) {
    Lost(PQerrorMessage(connection_)).IgnoreError();
    return name;
  }
  prepared_.emplace(key, name);
  steps_.push_back({Step::Kind::kPrepare, key, nullptr});
  return name;
}

void PostgresConnection::Queue(absl::string_view sql, const PostgresParameters& parameters,
                               std::vector<Row>* rows) {
  if (lost_) return;
  const std::string text(sql);
  const std::string name = Prepare(text, parameters);
  if (lost_) return;
  const int count = static_cast<int>(parameters.size());
  std::vector<const char*> values(count);
  std::vector<int> lengths(count);
  const std::vector<int> formats(count, kBinary);
  for (int i = 0; i < count; ++i) {
    values[i] = parameters.null(i) ? nullptr : parameters.data(i).data();
    lengths[i] = static_cast<int>(parameters.data(i).size());
  }
  if (PQsendQueryPrepared(connection_, name.c_str(), count, values.data(), lengths.data(),
                          formats.data(), kBinary) != 1) {
    Lost(PQerrorMessage(connection_)).IgnoreError();
    return;
  }
  steps_.push_back({Step::Kind::kStatement, text, rows});
  ++statements_;
}

absl::Status PostgresConnection::WaitFor(bool readable, bool writable, absl::Duration end) {
  while (true) {
    const absl::Duration left = end - clock_.Steady();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("");
    pollfd ready = {PQsocket(connection_), 0, 0};
    ready.events = static_cast<int16_t>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
    const int found =
        poll(&ready, 1,
             static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (found > 0) return absl::OkStatus();
    if (found == 0) return absl::DeadlineExceededError("");
    if (errno != EINTR) return absl::OkStatus();  // libpq will see what is wrong with the socket
  }
}

absl::Status PostgresConnection::Flush(absl::Duration end) {
  while (true) {
    const int left = PQflush(connection_);
    if (left < 0) return Lost(PQerrorMessage(connection_));
    if (left == 0) return absl::OkStatus();
    // The server may itself wait for us to read.
    RETURN_IF_ERROR(WaitFor(true, true, end));
    // If this fails there may still be answers to read.
    if (PQconsumeInput(connection_) == 0) return absl::OkStatus();
  }
}

absl::StatusOr<pg_result*> PostgresConnection::Next(absl::Duration end) {
  while (PQisBusy(connection_) != 0) {
    RETURN_IF_ERROR(WaitFor(true, false, end));
    // What has arrived before the end of the stream is still read below.
    if (PQconsumeInput(connection_) == 0) break;
  }
  return PQgetResult(connection_);
}

PipelineOutcome PostgresConnection::Sync(absl::Duration limit) {
  PipelineOutcome outcome;
  const absl::Duration end = clock_.Steady() + limit;
  const std::vector<Step> steps = std::exchange(steps_, {});
  statements_ = 0;
  if (!lost_ && PQpipelineSync(connection_) != 1) {
    Lost(PQerrorMessage(connection_)).IgnoreError();
  }
  if (lost_) {
    outcome.status = Lost("the connection is lost");
    return outcome;
  }
  Note(Flush(end), limit, &outcome);
  for (const Step& step : steps) {
    if (lost_) break;
    Note(Collect(step, end, &outcome), limit, &outcome);
  }
  if (lost_) return outcome;
  // The answer to the sync. Without it the statements have succeeded all the same.
  const absl::StatusOr<pg_result*> last = Next(end);
  if (!last.ok() || PQresultStatus(*last) != PGRES_PIPELINE_SYNC) lost_ = true;
  if (last.ok()) PQclear(*last);
  return outcome;
}

void PostgresConnection::Note(absl::Status status, absl::Duration limit, PipelineOutcome* outcome) {
  if (status.ok()) return;
  const bool late = absl::IsDeadlineExceeded(status);
  if (late) status = Lost(absl::StrCat("no answer within ", absl::FormatDuration(limit)));
  if (!outcome->status.ok()) return;  // the first error stands
  outcome->status = std::move(status);
  outcome->timed_out = outcome->timed_out || late;
}

absl::Status PostgresConnection::Collect(const Step& step, absl::Duration end,
                                         PipelineOutcome* outcome) {
  for (int taken = 0; !lost_; ++taken) {
    ASSIGN_OR_RETURN(pg_result* const result, Next(end));
    if (result == nullptr) {
      return taken > 0 ? absl::OkStatus() : Lost("the connection is lost: no result came");
    }
    Note(Take(step, result, outcome), absl::ZeroDuration(), outcome);
    PQclear(result);
  }
  return absl::OkStatus();
}

absl::Status PostgresConnection::Take(const Step& step, pg_result* result,
                                      PipelineOutcome* outcome) {
  const bool statement = step.kind == Step::Kind::kStatement;
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: {
      if (!statement) return absl::OkStatus();
      int64_t changed = 0;
      (void)absl::SimpleAtoi(PQcmdTuples(result), &changed);
      outcome->done.push_back({changed, PQcmdStatus(result)});
      return step.rows == nullptr ? absl::OkStatus() : AppendRows(result, step.rows);
    }
    case PGRES_PIPELINE_ABORTED:
      if (step.kind == Step::Kind::kPrepare) prepared_.erase(step.sql);
      return absl::OkStatus();  // the first error has been told
    default:
      if (step.kind == Step::Kind::kPrepare) prepared_.erase(step.sql);
      return ErrorOf(result, step.sql, outcome);
  }
}

absl::Status PostgresConnection::ErrorOf(pg_result* result, absl::string_view doing,
                                         PipelineOutcome* outcome) {
  const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  // An error of libpq itself: the connection, of which everything that came was read before.
  if (sqlstate == nullptr) return Lost(PQresultErrorMessage(result));
  if (outcome->status.ok()) {
    const char* const severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const bool error = severity != nullptr && strcmp(severity, "ERROR") == 0;
    outcome->told = error ? Told::kError : Told::kFatal;
    outcome->timed_out = IsCancelled(sqlstate);
  }
  if (role_ == Role::kReader && WouldWrite(sqlstate)) {
    return absl::InternalError(absl::StrCat("a read that writes: ", doing));
  }
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return PostgresError(place_, sqlstate, message == nullptr ? "" : message, doing);
}

absl::Status PostgresConnection::AppendRows(pg_result* result, std::vector<Row>* rows) const {
  const int columns = PQnfields(result);
  const int count = PQntuples(result);
  rows->reserve(rows->size() + count);
  for (int i = 0; i < count; ++i) {
    Row row;
    row.reserve(columns);
    for (int j = 0; j < columns; ++j) {
      if (PQgetisnull(result, i, j) != 0) {
        row.emplace_back();
        continue;
      }
      ASSIGN_OR_RETURN(Value value, DecodePostgres(PQftype(result, j),
                                                   absl::string_view(PQgetvalue(result, i, j),
                                                                     PQgetlength(result, i, j)),
                                                   PQfname(result, j)));
      row.push_back(std::move(value));
    }
    rows->push_back(std::move(row));
  }
  return absl::OkStatus();
}

absl::Status PostgresConnection::Script(const std::string& sql, absl::Duration limit) {
  const absl::Duration end = clock_.Steady() + limit;
  if (lost_ || PQsendQuery(connection_, sql.c_str()) != 1) {
    return Lost(PQerrorMessage(connection_));
  }
  PipelineOutcome outcome;
  Note(Flush(end), limit, &outcome);
  Note(Collect({Step::Kind::kStatement, "a script", nullptr}, end, &outcome), limit, &outcome);
  if (outcome.status.ok() && PQtransactionStatus(connection_) != PQTRANS_IDLE) {
    return absl::InternalError("the script left its transaction open");
  }
  return outcome.status;
}

}  // namespace watchbell::db
