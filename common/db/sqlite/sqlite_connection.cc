#include "common/db/sqlite/sqlite_connection.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/db/sqlite/sqlite_dialect.h"

namespace watchbell::db {
namespace {

// SQL composed by filters comes in few shapes; past this many something composes values into SQL.
constexpr size_t kStatementsKept = 256;
// One writer: a lock is only met during recovery or through a foreign program.
constexpr int kBusyTimeoutMs = 250;

constexpr char kWriterPragmas[] =
    "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=OFF; PRAGMA "
    "mmap_size=0;"
    "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536; PRAGMA journal_size_limit=67108864;";
constexpr char kReaderPragmas[] =
    "PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA "
    "cache_size=-8192;";

int BindValue(sqlite3_stmt* statement, int index, const Value& value) {
  // Not copied: the caller's values outlive the steps, and the bindings are cleared after them.
  switch (value.index()) {
    case 0:
      return sqlite3_bind_null(statement, index);
    case 1:
      return sqlite3_bind_int64(statement, index, std::get<int64_t>(value));
    case 2:
      return sqlite3_bind_double(statement, index, std::get<double>(value));
    case 3: {
      const std::string& text = std::get<std::string>(value);
      return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    }
    default: {
      const std::string& bytes = std::get<Bytes>(value).data;
      return sqlite3_bind_blob64(statement, index, bytes.data(), bytes.size(), SQLITE_STATIC);
    }
  }
}

std::string ColumnBytes(sqlite3_stmt* statement, int column) {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
  return data == nullptr ? std::string()
                         : std::string(data, sqlite3_column_bytes(statement, column));
}

Row ReadRow(sqlite3_stmt* statement) {
  const int columns = sqlite3_column_count(statement);
  Row row;
  row.reserve(columns);
  for (int i = 0; i < columns; ++i) {
    switch (sqlite3_column_type(statement, i)) {
      case SQLITE_INTEGER:
        row.emplace_back(static_cast<int64_t>(sqlite3_column_int64(statement, i)));
        break;
      case SQLITE_FLOAT:
        row.emplace_back(sqlite3_column_double(statement, i));
        break;
      case SQLITE_TEXT:
        row.emplace_back(ColumnBytes(statement, i));
        break;
      case SQLITE_BLOB:
        row.emplace_back(Bytes{ColumnBytes(statement, i)});
        break;
      default:
        row.emplace_back();
    }
  }
  return row;
}

bool OnlyBlanks(absl::string_view text) {
  for (const char c : text) {
    if (c != ';' && !absl::ascii_isspace(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                         Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |=
      mode == Mode::kReader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(mode == Mode::kMemory ? ":memory:" : path.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return absl::UnavailableError("out of memory");
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, handle));
  if (code != SQLITE_OK) return connection->ErrorFor(code, "opening it");
  RETURN_IF_ERROR(connection->Configure(mode));
  return connection;
}

absl::Status SqliteConnection::Configure(Mode mode) {
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  if (mode == Mode::kReader) return Script(kReaderPragmas);
  if (mode == Mode::kWriter) {
    std::vector<Row> rows;
    RETURN_IF_ERROR(Query("PRAGMA journal_mode=WAL", {}, false, &rows));
    if (rows.size() != 1 || rows[0][0] != Value("wal")) {
      return absl::UnavailableError(
          absl::StrCat("database ", path_, ": its file system does not allow a write-ahead log"));
    }
  }
  return Script(kWriterPragmas);
}

SqliteConnection::~SqliteConnection() {
  FinalizeAll();
  sqlite3_close(handle_);
}

void SqliteConnection::FinalizeAll() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
}

absl::StatusOr<sqlite3_stmt*> SqliteConnection::Prepare(absl::string_view sql) {
  if (auto known = statements_.find(sql); known != statements_.end()) return known->second;
  if (statements_.size() >= kStatementsKept) FinalizeAll();
  const std::string translated = TranslateParameters(sql);
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code =
      sqlite3_prepare_v3(handle_, translated.data(), static_cast<int>(translated.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, &rest);
  if (code != SQLITE_OK) return ErrorFor(code, sql);
  const absl::string_view left(rest, translated.data() + translated.size() - rest);
  if (statement == nullptr || !OnlyBlanks(left)) {
    sqlite3_finalize(statement);
    return absl::InternalError(absl::StrCat("not exactly one statement: ", sql));
  }
  statements_.emplace(std::string(sql), statement);
  return statement;
}

absl::Status SqliteConnection::Bind(sqlite3_stmt* statement, absl::Span<const Value> params) const {
  for (size_t i = 0; i < params.size(); ++i) {
    const int code = BindValue(statement, static_cast<int>(i) + 1, params[i]);
    if (code != SQLITE_OK) return ErrorFor(code, "binding a value");
  }
  return absl::OkStatus();
}

absl::Status SqliteConnection::StepAll(sqlite3_stmt* statement, std::vector<Row>* rows) const {
  while (true) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return absl::OkStatus();
    if (code != SQLITE_ROW) return ErrorFor(code, sqlite3_sql(statement));
    if (rows != nullptr) rows->push_back(ReadRow(statement));
  }
}

absl::Status SqliteConnection::Query(absl::string_view sql, absl::Span<const Value> params,
                                     bool read_only, std::vector<Row>* rows) {
  ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
  if (read_only && sqlite3_stmt_readonly(statement) == 0) {
    return absl::InternalError(absl::StrCat("a read that writes: ", sql));
  }
  if (static_cast<size_t>(sqlite3_bind_parameter_count(statement)) != params.size()) {
    return absl::InternalError(absl::StrCat(params.size(), " parameters given to: ", sql));
  }
  const absl::Cleanup finish = [statement] {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  };
  RETURN_IF_ERROR(Bind(statement, params));
  return StepAll(statement, rows);
}

absl::StatusOr<int64_t> SqliteConnection::Execute(absl::string_view sql,
                                                  absl::Span<const Value> params) {
  RETURN_IF_ERROR(Query(sql, params, false, nullptr));
  return static_cast<int64_t>(sqlite3_changes64(handle_));
}

absl::Status SqliteConnection::ExecuteMany(absl::string_view sql, size_t width,
                                           absl::Span<const Row> params, std::vector<Row>* rows) {
  ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(sql));
  const absl::Cleanup finish = [statement] {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  };
  for (const Row& row : params) {
    if (row.size() != width) {
      return absl::InternalError(
          absl::StrCat("a row of ", row.size(), " values instead of ", width, ": ", sql));
    }
    RETURN_IF_ERROR(Bind(statement, row));
    RETURN_IF_ERROR(StepAll(statement, rows));
    sqlite3_reset(statement);
  }
  return absl::OkStatus();
}

absl::Status SqliteConnection::Script(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorFor(code, "running a script");
}

bool SqliteConnection::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }

absl::Status SqliteConnection::ErrorFor(int code, absl::string_view doing) const {
  const std::string where = absl::StrCat("database ", path_, ": ");
  const std::string detail = absl::StrCat(" (", sqlite3_errmsg(handle_), "; ", doing, ")");
  const int system_error = sqlite3_system_errno(handle_);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::UnavailableError(absl::StrCat(where, "the disk is full", detail));
    case SQLITE_IOERR:
      if (system_error == ENOSPC || system_error == EDQUOT) {
        return absl::UnavailableError(absl::StrCat(where, "the disk is full", detail));
      }
      return absl::UnavailableError(
          absl::StrCat(where, "the disk cannot be read or written", detail));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(absl::StrCat(where, "it is locked by another program", detail));
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return absl::UnavailableError(absl::StrCat(where, "the file may not be written", detail));
    case SQLITE_CANTOPEN:
      return absl::UnavailableError(absl::StrCat(where, "the file cannot be opened", detail));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      // No input's fault: everything waits until somebody has restored the file.
      return absl::UnavailableError(
          absl::StrCat(where, "the file is damaged or is no SQLite database", detail));
    case SQLITE_NOMEM:
      return absl::UnavailableError(absl::StrCat(where, "out of memory", detail));
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
          code == SQLITE_CONSTRAINT_ROWID) {
        return absl::AlreadyExistsError(absl::StrCat(where, "the key is there already", detail));
      }
      break;
    default:
      break;
  }
  return absl::InternalError(absl::StrCat(where, "the statement is refused", detail));
}

}  // namespace watchbell::db
