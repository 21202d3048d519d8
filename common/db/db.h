// The narrow interface to a relational database. Nothing above it knows which one it is.
//
// SQL is written once, in the subset both databases share, with parameters $1..$n; types are
// BIGINT, DOUBLE PRECISION, TEXT and BYTEA. Batches of rows go through Load/Insert/Upsert/Delete
// with a Table, so that each backend moves them in its own best way (prepared statements in a loop,
// unnest() arrays).
//
// Error codes: UNAVAILABLE = nobody's fault, try again (lock, disk full, lost connection);
// ALREADY_EXISTS = a unique constraint; UNKNOWN (from Commit only) = the outcome is not known;
// INTERNAL = a bug (bad SQL, wrong types).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace watchbell::db {

// A BYTEA value.
struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

// NULL, BIGINT, DOUBLE PRECISION, TEXT, BYTEA.
using Value = std::variant<std::monostate, int64_t, double, std::string, Bytes>;
using Row = std::vector<Value>;

inline int64_t AsInt(const Value& value) { return std::get<int64_t>(value); }
inline const std::string& AsText(const Value& value) { return std::get<std::string>(value); }
inline const std::string& AsBytes(const Value& value) { return std::get<Bytes>(value).data; }
inline bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

enum class ColumnType { kInt, kReal, kText, kBytes };

struct Column {
  std::string name;
  ColumnType type;
};

// A table as batches see it: the first `key_columns` columns are its primary key.
struct Table {
  std::string name;
  std::vector<Column> columns;
  int key_columns;
};

// A write transaction. One thread. Rolled back when destroyed without Commit.
class Transaction {
 public:
  virtual ~Transaction() = default;

  // Rows with these keys, locked until the transaction ends where the database has row locks; a
  // missing key gives no row. The order is the database's own.
  virtual absl::StatusOr<std::vector<Row>> Load(const Table& table, absl::Span<const Row> keys) = 0;
  // ALREADY_EXISTS if a key is there.
  virtual absl::Status Insert(const Table& table, absl::Span<const Row> rows) = 0;
  // Inserts or replaces by key.
  virtual absl::Status Upsert(const Table& table, absl::Span<const Row> rows) = 0;
  // Keys that are not there are ignored.
  virtual absl::Status Delete(const Table& table, absl::Span<const Row> keys) = 0;

  virtual absl::StatusOr<std::vector<Row>> Query(absl::string_view sql,
                                                 absl::Span<const Value> params) = 0;
  // Returns the number of rows changed.
  virtual absl::StatusOr<int64_t> Execute(absl::string_view sql,
                                          absl::Span<const Value> params) = 0;

  // OK: durable. UNKNOWN: find out before trying again. Anything else: not committed. Over in every
  // case.
  virtual absl::Status Commit() = 0;
};

// One service's database. Begin belongs to one thread at a time (there is one writer); the rest is
// thread-safe.
class Database {
 public:
  virtual ~Database() = default;

  virtual absl::StatusOr<std::unique_ptr<Transaction>> Begin() = 0;

  // One read-only statement on a snapshot; nothing stays open after it.
  virtual absl::StatusOr<std::vector<Row>> Read(absl::string_view sql,
                                                absl::Span<const Value> params) = 0;

  // Runs a script of several statements outside a transaction of ours; migrations only.
  virtual absl::Status RunScript(absl::string_view sql) = 0;

  // Housekeeping (checkpoint) on the writer's thread, when there is nothing better to do or the log
  // has grown.
  virtual absl::Status Maintain(bool idle) = 0;
};

}  // namespace watchbell::db
