#include "common/db/sqlite/sqlite_db.h"

#include <sqlite3.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/db/sqlite/sqlite_connection.h"
#include "common/db/sqlite/sqlite_dialect.h"

namespace watchbell::db {
namespace {

using Mode = SqliteConnection::Mode;

// Pages (4 KiB) of the log that are not yet in the database file: worth a checkpoint when idle, or
// in any case. Nobody is served meanwhile, so it is done often: 2,000 pages take about 2 ms.
constexpr int kCheckpointWhenIdle = 1000;
constexpr int kCheckpointAnyway = 2000;
// A log file this long is given back to the file system when idle. Below, it is kept: overwriting
// syncs faster than growing.
constexpr int kTruncateWhenIdle = 16000;
constexpr size_t kIdleReaders = 8;

std::string ColumnList(const Table& table, int count) {
  return absl::StrJoin(table.columns.begin(), table.columns.begin() + count, ", ",
                       [](std::string* out, const Column& c) { absl::StrAppend(out, c.name); });
}

std::string KeyCondition(const Table& table) {
  std::string sql;
  for (int i = 0; i < table.key_columns; ++i) {
    absl::StrAppend(&sql, i == 0 ? "" : " AND ", table.columns[i].name, " = $", i + 1);
  }
  return sql;
}

std::string InsertSql(const Table& table) {
  const int columns = static_cast<int>(table.columns.size());
  std::string sql =
      absl::StrCat("INSERT INTO ", table.name, " (", ColumnList(table, columns), ") VALUES (");
  for (int i = 1; i <= columns; ++i) absl::StrAppend(&sql, i == 1 ? "$" : ", $", i);
  return absl::StrCat(sql, ")");
}

std::string UpsertSql(const Table& table) {
  std::string sql = absl::StrCat(InsertSql(table), " ON CONFLICT (",
                                 ColumnList(table, table.key_columns), ") DO ");
  for (size_t i = table.key_columns; i < table.columns.size(); ++i) {
    const std::string& name = table.columns[i].name;
    absl::StrAppend(&sql, i == static_cast<size_t>(table.key_columns) ? "UPDATE SET " : ", ", name,
                    " = excluded.", name);
  }
  if (table.columns.size() == static_cast<size_t>(table.key_columns))
    absl::StrAppend(&sql, "NOTHING");
  return sql;
}

// Lets one thread at a time use the writer's connection, from Begin to the end of its transaction.
class WriterGate {
 public:
  // Waits for other threads. False if the calling thread is inside already.
  bool Enter() {
    MutexLock lock(mu_);
    if (owner_ == std::this_thread::get_id()) return false;
    while (owner_ != std::thread::id()) left_.Wait(mu_);
    owner_ = std::this_thread::get_id();
    return true;
  }
  void Leave() {
    {
      MutexLock lock(mu_);
      owner_ = std::thread::id();
    }
    left_.NotifyOne();
  }

 private:
  Mutex mu_;
  CondVar left_;
  std::thread::id owner_ ABSL_GUARDED_BY(mu_);
};

// Gives the numbers of kSequence columns. One writer: the order of commits is the order of numbers.
// Cursors live no longer than the process, so numbers need only be ordered per table across starts.
class Sequences {
 public:
  // Numbers begin after the largest one in the column of any table that was ever asked for.
  absl::Status Prepare(SqliteConnection& writer, const Table& table) {
    for (const Column& column : table.columns) {
      if (column.type != ColumnType::kSequence || !known_.insert(table.name).second) continue;
      std::vector<Row> rows;
      const absl::Status status =
          writer.Query(absl::StrCat("SELECT COALESCE(MAX(", column.name, "), 0) FROM ", table.name),
                       {}, true, &rows);
      if (!status.ok()) {
        known_.erase(table.name);
        return status;
      }
      last_ = std::max(last_, AsInt(rows[0][0]));
    }
    return absl::OkStatus();
  }
  int64_t last() const { return last_; }
  void Advance(int64_t to) { last_ = std::max(last_, to); }

 private:
  std::set<std::string> known_;
  int64_t last_ = 0;
};

class SqliteTransaction : public Transaction {
 public:
  SqliteTransaction(SqliteConnection& writer, WriterGate& gate, Sequences& sequences)
      : writer_(writer), gate_(gate), sequences_(sequences) {}
  ~SqliteTransaction() override {
    if (!over_) End();
  }

  absl::StatusOr<std::vector<std::vector<Row>>> LoadAll(absl::Span<const KeySet> sets) override {
    RETURN_IF_ERROR(Usable());
    std::vector<std::vector<Row>> found(sets.size());
    for (size_t i = 0; i < sets.size(); ++i) {
      const Table& table = *sets[i].table;
      const int columns = static_cast<int>(table.columns.size());
      found[i].reserve(sets[i].keys.size());
      RETURN_IF_ERROR(
          Note(writer_.ExecuteMany(absl::StrCat("SELECT ", ColumnList(table, columns), " FROM ",
                                                table.name, " WHERE ", KeyCondition(table)),
                                   table.key_columns, sets[i].keys, &found[i])));
    }
    return found;
  }
  absl::Status Insert(const Table& table, absl::Span<const Row> rows) override {
    return Write(InsertSql(table), table, rows);
  }
  absl::Status Upsert(const Table& table, absl::Span<const Row> rows) override {
    return Write(UpsertSql(table), table, rows);
  }
  absl::Status Delete(const Table& table, absl::Span<const Row> keys) override {
    RETURN_IF_ERROR(Usable());
    return Note(writer_.ExecuteMany(
        absl::StrCat("DELETE FROM ", table.name, " WHERE ", KeyCondition(table)), table.key_columns,
        keys, nullptr));
  }
  absl::StatusOr<std::vector<Row>> Query(absl::string_view sql,
                                         absl::Span<const Value> params) override {
    RETURN_IF_ERROR(Usable());
    std::vector<Row> rows;
    RETURN_IF_ERROR(Note(writer_.Query(sql, params, false, &rows)));
    return rows;
  }
  absl::StatusOr<int64_t> Execute(absl::string_view sql, absl::Span<const Value> params) override {
    RETURN_IF_ERROR(Usable());
    absl::StatusOr<int64_t> changed = writer_.Execute(sql, params);
    RETURN_IF_ERROR(Note(changed.status()));
    return changed;
  }

  absl::Status Commit() override {
    absl::Status status = Usable();
    if (status.ok()) {
      status = writer_.Execute("COMMIT", {}).status();
      // Still open, or rolled back by SQLite itself: it did not happen. Only after a failed write
      // or sync may the log hold it nevertheless, for whoever reads it after a crash.
      const bool unknown = !status.ok() && !writer_.InTransaction() &&
                           (sqlite3_extended_errcode(writer_.handle()) & 0xff) == SQLITE_IOERR;
      if (unknown) status = absl::UnknownError(status.message());
      if (status.ok() || unknown) sequences_.Advance(last_given_);
    }
    if (!over_) End();
    return status;
  }

  int64_t SequenceBase() const override { return base_; }

 private:
  absl::Status Write(const std::string& sql, const Table& table, absl::Span<const Row> rows) {
    RETURN_IF_ERROR(Usable());
    const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                     [](const auto& c) { return c.type == ColumnType::kSequence; });
    if (column == table.columns.end()) {
      return Note(writer_.ExecuteMany(sql, table.columns.size(), rows, nullptr));
    }
    RETURN_IF_ERROR(Note(sequences_.Prepare(writer_, table)));
    if (base_ < 0) base_ = last_given_ = sequences_.last();
    // This table, met for the first time, has higher numbers than those given so far: next time it
    // is known from the start.
    if (sequences_.last() > base_) {
      return Note(absl::AbortedError(absl::StrCat("the numbers of ", table.name, " are seen now")));
    }
    const size_t place = column - table.columns.begin();
    std::vector<Row> numbered(rows.begin(), rows.end());
    for (Row& row : numbered) {
      const int64_t number = base_ + AsInt(row[place]);
      last_given_ = std::max(last_given_, number);
      row[place] = number;
    }
    return Note(writer_.ExecuteMany(sql, table.columns.size(), numbered, nullptr));
  }
  // As on a database whose transactions are dead after an error, so that nobody comes to rely on
  // the other. SQLite may even have rolled back by itself: a further statement would be a
  // transaction of its own.
  absl::Status Usable() const {
    if (over_) return absl::InternalError("the transaction is over");
    return failed_;
  }
  absl::Status Note(absl::Status status) {
    if (!status.ok()) failed_ = status;
    return status;
  }
  void End() {
    over_ = true;
    if (writer_.InTransaction()) writer_.Execute("ROLLBACK", {}).IgnoreError();
    gate_.Leave();
  }

  SqliteConnection& writer_;
  WriterGate& gate_;
  Sequences& sequences_;
  int64_t base_ = -1;  // numbers of this transaction begin after it; -1 = none given yet
  int64_t last_given_ = -1;
  absl::Status failed_;
  bool over_ = false;
};

class SqliteDatabase : public Database {
 public:
  SqliteDatabase(std::string path, bool in_memory, std::unique_ptr<SqliteConnection> writer)
      : path_(std::move(path)), in_memory_(in_memory), writer_(std::move(writer)) {
    sqlite3_wal_hook(writer_->handle(), &SqliteDatabase::OnCommit, this);
  }
  ~SqliteDatabase() override {
    // Readers first: the last connection to close moves the log into the file.
    MutexLock lock(mu_);
    readers_.clear();
  }

  absl::StatusOr<std::unique_ptr<Transaction>> Begin() override {
    if (!gate_.Enter()) return absl::InternalError("this thread has a transaction open");
    if (absl::Status begun = writer_->Execute("BEGIN IMMEDIATE", {}).status(); !begun.ok()) {
      gate_.Leave();
      return begun;
    }
    return std::make_unique<SqliteTransaction>(*writer_, gate_, sequences_);
  }

  absl::StatusOr<std::vector<Row>> Read(absl::string_view sql,
                                        absl::Span<const Value> params) override {
    std::vector<Row> rows;
    if (in_memory_) {
      // The one connection: other threads' transactions are waited for, the thread's own is read
      // into.
      const bool entered = gate_.Enter();
      const absl::Cleanup leave = [this, entered] {
        if (entered) gate_.Leave();
      };
      RETURN_IF_ERROR(writer_->Query(sql, params, true, &rows));
      return rows;
    }
    ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader, TakeReader());
    RETURN_IF_ERROR(reader->Query(sql, params, true, &rows));
    MutexLock lock(mu_);
    if (readers_.size() < kIdleReaders) readers_.push_back(std::move(reader));
    return rows;
  }

  absl::Status RunScript(absl::string_view sql) override {
    if (!gate_.Enter()) return absl::InternalError("this thread has a transaction open");
    const absl::Cleanup leave = [this] { gate_.Leave(); };
    const absl::Status status = writer_->Script(TranslateScript(sql));
    if (writer_->InTransaction()) {
      writer_->Execute("ROLLBACK", {}).IgnoreError();
      if (status.ok()) return absl::InternalError("the script left its transaction open");
    }
    return status;
  }

  absl::Status Maintain(bool idle) override {
    if (in_memory_) return absl::OkStatus();
    if (!gate_.Enter()) return absl::InternalError("this thread has a transaction open");
    const absl::Cleanup leave = [this] { gate_.Leave(); };
    const int waiting = log_pages_ - moved_pages_;
    const bool truncate = idle && log_pages_ >= kTruncateWhenIdle;
    if (!truncate && waiting < (idle ? kCheckpointWhenIdle : kCheckpointAnyway)) {
      return absl::OkStatus();
    }
    int log = 0;
    int moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(
        writer_->handle(), "main",
        truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &log, &moved);
    // Busy: a reader looked at an older state just then; the next time will do.
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
      return writer_->ErrorFor(code, "moving the log into the file");
    }
    // A log wholly moved begins anew with the next commit.
    log_pages_ = log > moved ? log : 0;
    moved_pages_ = log > moved ? moved : 0;
    return absl::OkStatus();
  }

 private:
  static int OnCommit(void* self, sqlite3*, const char*, int pages) {
    auto* database = static_cast<SqliteDatabase*>(self);
    // The log began anew.
    if (pages < database->log_pages_) database->moved_pages_ = 0;
    database->log_pages_ = pages;
    return SQLITE_OK;
  }

  absl::StatusOr<std::unique_ptr<SqliteConnection>> TakeReader() {
    {
      MutexLock lock(mu_);
      if (!readers_.empty()) {
        std::unique_ptr<SqliteConnection> reader = std::move(readers_.back());
        readers_.pop_back();
        return reader;
      }
    }
    return SqliteConnection::Open(path_, Mode::kReader);
  }

  const std::string path_;
  const bool in_memory_;

  // Used inside the gate only.
  WriterGate gate_;
  Sequences sequences_;
  int log_pages_ = 0;    // in the log
  int moved_pages_ = 0;  // of these, already in the file
  const std::unique_ptr<SqliteConnection> writer_;

  Mutex mu_;
  std::vector<std::unique_ptr<SqliteConnection>> readers_ ABSL_GUARDED_BY(mu_);  // idle
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  ASSIGN_OR_RETURN(auto writer, SqliteConnection::Open(path, Mode::kWriter));
  return std::make_unique<SqliteDatabase>(path, false, std::move(writer));
}

absl::StatusOr<std::unique_ptr<Database>> OpenSqliteInMemory() {
  ASSIGN_OR_RETURN(auto writer, SqliteConnection::Open("in memory", Mode::kMemory));
  return std::make_unique<SqliteDatabase>("in memory", true, std::move(writer));
}

}  // namespace watchbell::db
