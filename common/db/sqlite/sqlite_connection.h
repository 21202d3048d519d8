// One connection to SQLite, its prepared statements, and what its errors mean in the words of db.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/db/db.h"

struct sqlite3;
struct sqlite3_stmt;

namespace watchbell::db {

// One thread at a time. No statement stays open between two calls.
class SqliteConnection {
 public:
  enum class Mode {
    kWriter,  // opens or makes the file; WAL, synchronous=FULL; never checkpoints by itself
    kReader,  // mode=ro
    kMemory,  // a database of its own, gone with the connection; `path` is only its name in errors
  };

  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Mode mode);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  // Runs one statement and appends its rows. With `read_only` a statement that would write is
  // refused (INTERNAL).
  absl::Status Query(absl::string_view sql, absl::Span<const Value> params, bool read_only,
                     std::vector<Row>* rows);
  // Runs one statement; the number of rows changed.
  absl::StatusOr<int64_t> Execute(absl::string_view sql, absl::Span<const Value> params);
  // Runs one statement once for each row of parameters and appends its rows, if `rows` is not null.
  // `width` is how many values each parameter row must have.
  absl::Status ExecuteMany(absl::string_view sql, size_t width, absl::Span<const Row> params,
                           std::vector<Row>* rows);
  // Runs a script as it is.
  absl::Status Script(const std::string& sql);

  // False again after SQLite has rolled back by itself.
  bool InTransaction() const;
  absl::Status ErrorFor(int code, absl::string_view doing) const;
  sqlite3* handle() { return handle_; }

 private:
  SqliteConnection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  absl::Status Configure(Mode mode);
  absl::StatusOr<sqlite3_stmt*> Prepare(absl::string_view sql);
  absl::Status Bind(sqlite3_stmt* statement, absl::Span<const Value> params) const;
  absl::Status StepAll(sqlite3_stmt* statement, std::vector<Row>* rows) const;
  void FinalizeAll();

  const std::string path_;
  sqlite3* const handle_;
  absl::flat_hash_map<std::string, sqlite3_stmt*> statements_;  // by SQL as it was given
};

}  // namespace watchbell::db
