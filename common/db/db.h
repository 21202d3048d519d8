// The narrow interface to a relational database. Nothing above it knows which one it is.
//
// SQL is written once, in the subset both databases share, with parameters $1..$n; types are
// BIGINT, DOUBLE PRECISION, TEXT and BYTEA. Batches of rows go through Load/Insert/Upsert/Delete
// with a Table, so that each backend moves them in its own best way (prepared statements in a loop,
// unnest() arrays).
//
// A line of a script that begins with "--postgresql:" is run there without that prefix, and is a
// comment elsewhere.
//
// Error codes: UNAVAILABLE = nobody's fault, try again later (disk full, lost connection,
// time-out); ABORTED = another transaction was in the way (deadlock, lock not got in time), try
// again at once; ALREADY_EXISTS = a unique constraint; UNKNOWN (from Commit only) = the outcome is
// not known; INTERNAL = a bug (bad SQL, wrong types).
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
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

// NULL, BIGINT, DOUBLE PRECISION, TEXT, BYTEA.
using Value = std::variant<std::monostate, int64_t, double, std::string, Bytes>;
using Row = std::vector<Value>;

inline int64_t AsInt(const Value& value) { return std::get<int64_t>(value); }
inline const std::string& AsText(const Value& value) { return std::get<std::string>(value); }
inline const std::string& AsBytes(const Value& value) { return std::get<Bytes>(value).data; }
inline bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

// kSequence: a BIGINT whose numbers the database gives, in the order in which transactions become
// visible: whoever has seen number n will see nothing new below it. Gaps are allowed. In a row it
// holds k, "the k-th number of this transaction" (k >= 1); see Transaction::SequenceBase.
enum class ColumnType { kInt, kReal, kText, kBytes, kSequence };

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

// How loaded rows are locked until the transaction ends, where the database has row locks.
enum class Lock {
  kUpdate,  // against every other Load
  kShare,   // against those who would change it
};

// Keys of one table to be loaded.
struct KeySet {
  const Table* table;
  std::vector<Row> keys;
  Lock lock = Lock::kUpdate;
};

// A write transaction. One thread. Rolled back when destroyed without Commit. After an error it is
// dead: every further call fails.
//
// Insert, Upsert, Delete and scripts of them may wait in a pipeline: then their error comes from
// the next call that answers (LoadAll, Query, Execute, Commit), with the code it would have had.
class Transaction {
 public:
  virtual ~Transaction() = default;

  // For each set the rows with these keys, in one round trip; a missing key gives no row. Rows of a
  // set are locked in the order of its keys, sets in their order. The order of the rows returned is
  // the database's own.
  virtual absl::StatusOr<std::vector<std::vector<Row>>> LoadAll(absl::Span<const KeySet> sets) = 0;
  // One set, locked for update.
  absl::StatusOr<std::vector<Row>> Load(const Table& table, absl::Span<const Row> keys) {
    absl::StatusOr<std::vector<std::vector<Row>>> rows =
        LoadAll({KeySet{&table, {keys.begin(), keys.end()}}});
    if (!rows.ok()) return rows.status();
    return std::move((*rows)[0]);
  }
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

  // After Commit returned OK: the k-th number of this transaction's kSequence columns is this + k.
  virtual int64_t SequenceBase() const = 0;
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

  // The same once every transaction is over that has taken numbers (kSequence) before: on the
  // snapshot are all that it committed. (In an embedded database, which one process writes, this is
  // Read: who writes knows what is under way.)
  virtual absl::StatusOr<std::vector<Row>> ReadSettled(absl::string_view sql,
                                                       absl::Span<const Value> params) {
    return Read(sql, params);
  }

  // Runs a script of several statements outside a transaction of ours; migrations only.
  virtual absl::Status RunScript(absl::string_view sql) = 0;

  // Housekeeping (checkpoint) on the writer's thread, when there is nothing better to do or the log
  // has grown.
  virtual absl::Status Maintain(bool idle) = 0;

  // The sessions that may hold locks for this object, those it makes later included, as EndSessions
  // of another process's object takes them. Embedded databases have none.
  virtual std::vector<std::string> Sessions() { return {}; }
  // Ends sessions of a dead or frozen process, and returns when they are gone: what they had not
  // committed is rolled back. Unknown ones are ignored.
  virtual absl::Status EndSessions(absl::Span<const std::string> sessions) {
    (void)sessions;
    return absl::OkStatus();
  }
};

}  // namespace watchbell::db
