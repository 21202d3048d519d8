#include "common/db/postgres/postgres_transaction.h"

#include <algorithm>
#include <utility>

#include "absl/base/casts.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/db/postgres/postgres_errors.h"
#include "common/db/postgres/postgres_sql.h"

namespace watchbell::db {
namespace {

using Told = PipelineOutcome::Told;

// One statement holds no more than this: the server keeps its parameters in memory, several times.
constexpr size_t kRowsAtOnce = 10'000;
constexpr size_t kBytesAtOnce = 16'000'000;

std::vector<const Row*> Pointers(absl::Span<const Row> rows) {
  std::vector<const Row*> pointers;
  pointers.reserve(rows.size());
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

// The same for equal keys only.
std::string KeyText(const Table& table, const Row& row) {
  std::string text;
  for (int i = 0; i < table.key_columns && i < static_cast<int>(row.size()); ++i) {
    const Value& value = row[i];
    if (const auto* number = std::get_if<int64_t>(&value)) {
      absl::StrAppend(&text, "i", *number, ";");
    } else if (const auto* words = std::get_if<std::string>(&value)) {
      absl::StrAppend(&text, "t", words->size(), ":", *words);
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      absl::StrAppend(&text, "b", bytes->data.size(), ":", bytes->data);
    } else if (const auto* real = std::get_if<double>(&value)) {
      absl::StrAppend(&text, "r", absl::bit_cast<uint64_t>(*real), ";");
    } else {
      absl::StrAppend(&text, "n");
    }
  }
  return text;
}

// Of rows with the same key the last one, in the order of those.
std::vector<const Row*> LastOfEachKey(const Table& table, absl::Span<const Row> rows) {
  if (rows.size() < 2) return Pointers(rows);
  absl::flat_hash_set<std::string> seen;
  std::vector<const Row*> kept;
  for (size_t i = rows.size(); i-- > 0;) {
    if (seen.insert(KeyText(table, rows[i])).second) kept.push_back(&rows[i]);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

// How many of the first rows go into one statement.
size_t ChunkOf(absl::Span<const Row* const> rows) {
  size_t bytes = 0;
  size_t count = 0;
  while (count < rows.size() && count < kRowsAtOnce && (count == 0 || bytes < kBytesAtOnce)) {
    bytes += SizeOf(*rows[count++]);
  }
  return count;
}

absl::StatusOr<PostgresParameters> Arrays(const Table& table, int columns, bool numbered,
                                          absl::Span<const Row* const> rows) {
  for (const Row* row : rows) {
    if (row->size() != static_cast<size_t>(columns)) {
      return absl::InternalError(absl::StrCat("a row of ", row->size(), " values instead of ",
                                              columns, " for ", table.name));
    }
  }
  PostgresParameters parameters;
  for (int column = 0; column < columns; ++column) {
    RETURN_IF_ERROR(parameters.AddArray(table, column, rows, numbered));
  }
  return parameters;
}

PostgresParameters ParametersOf(absl::Span<const Value> params) {
  PostgresParameters parameters;
  for (const Value& param : params) parameters.Add(param);
  return parameters;
}

}  // namespace

PostgresTransaction::~PostgresTransaction() {
  if (!over_) End();
}

absl::Status PostgresTransaction::Usable() const {
  if (over_) return absl::InternalError("the transaction is over");
  return failed_;
}

absl::StatusOr<std::vector<std::vector<Row>>> PostgresTransaction::LoadAll(
    absl::Span<const KeySet> sets) {
  RETURN_IF_ERROR(Usable());
  std::vector<std::vector<Row>> found(sets.size());
  bool nothing = true;
  for (size_t i = 0; i < sets.size(); ++i) {
    const Table& table = *sets[i].table;
    const std::vector<const Row*> keys = Pointers(sets[i].keys);
    for (absl::Span<const Row* const> left = keys; !left.empty();) {
      const size_t chunk = ChunkOf(left);
      absl::StatusOr<PostgresParameters> parameters =
          Arrays(table, table.key_columns, /*numbered=*/false, left.subspan(0, chunk));
      if (!parameters.ok()) return Fail(parameters.status());
      if (std::exchange(nothing, false)) QueuePending();
      connection_.Queue(LoadSql(table, sets[i].lock), *parameters, &found[i]);
      left.remove_prefix(chunk);
    }
  }
  if (nothing) return found;
  PipelineOutcome outcome;
  RETURN_IF_ERROR(RoundTrip(&outcome));
  return found;
}

absl::Status PostgresTransaction::AddWrites(const std::string& sql, const Table& table, int columns,
                                            bool numbered, absl::Span<const Row* const> rows) {
  while (!rows.empty()) {
    const size_t chunk = ChunkOf(rows);
    absl::StatusOr<PostgresParameters> parameters =
        Arrays(table, columns, numbered, rows.subspan(0, chunk));
    if (!parameters.ok()) return Fail(parameters.status());
    writes_.push_back({sql, *std::move(parameters), numbered});
    rows.remove_prefix(chunk);
  }
  return absl::OkStatus();
}

absl::Status PostgresTransaction::AddRows(const std::string& sql, const Table& table,
                                          absl::Span<const Row* const> rows) {
  const bool numbered = HasSequence(table);
  const int columns = static_cast<int>(table.columns.size());
  RETURN_IF_ERROR(AddWrites(sql, table, columns, numbered, rows));
  for (int column = 0; numbered && column < columns; ++column) {
    if (table.columns[column].type != ColumnType::kSequence) continue;
    for (const Row* row : rows) {
      if (!IsNull((*row)[column])) {
        numbers_wanted_ = std::max(numbers_wanted_, AsInt((*row)[column]));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status PostgresTransaction::Insert(const Table& table, absl::Span<const Row> rows) {
  RETURN_IF_ERROR(Usable());
  return AddRows(InsertSql(table), table, Pointers(rows));
}

absl::Status PostgresTransaction::Upsert(const Table& table, absl::Span<const Row> rows) {
  RETURN_IF_ERROR(Usable());
  return AddRows(UpsertSql(table), table, LastOfEachKey(table, rows));
}

absl::Status PostgresTransaction::Delete(const Table& table, absl::Span<const Row> keys) {
  RETURN_IF_ERROR(Usable());
  return AddWrites(DeleteSql(table), table, table.key_columns, /*numbered=*/false, Pointers(keys));
}

absl::StatusOr<std::vector<Row>> PostgresTransaction::Query(absl::string_view sql,
                                                            absl::Span<const Value> params) {
  RETURN_IF_ERROR(Usable());
  std::vector<Row> rows;
  QueuePending();
  connection_.Queue(sql, ParametersOf(params), &rows);
  PipelineOutcome outcome;
  RETURN_IF_ERROR(RoundTrip(&outcome));
  return rows;
}

absl::StatusOr<int64_t> PostgresTransaction::Execute(absl::string_view sql,
                                                     absl::Span<const Value> params) {
  RETURN_IF_ERROR(Usable());
  QueuePending();
  connection_.Queue(sql, ParametersOf(params));
  PipelineOutcome outcome;
  RETURN_IF_ERROR(RoundTrip(&outcome));
  return outcome.done.back().changed;
}

void PostgresTransaction::QueuePending() {
  if (!std::exchange(begun_, true)) {
    connection_.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
  }
  if (numbers_wanted_ > numbers_taken_) {
    // The lock is held from here to the end: numbers taken in two steps have none between them.
    PostgresParameters count;
    count.Add(numbers_wanted_ - numbers_taken_);
    connection_.Queue(TakeNumbersSql(), count, &numbers_);
    numbers_taken_ = numbers_wanted_;
  }
  for (Write& write : writes_) {
    if (write.numbered) write.parameters.Add(numbers_taken_);
    connection_.Queue(write.sql, write.parameters);
  }
  writes_.clear();
}

PipelineOutcome PostgresTransaction::Sync() {
  PipelineOutcome outcome = connection_.Sync(limit_);
  if (!numbers_.empty()) last_number_ = AsInt(numbers_.back()[0]);
  return outcome;
}

absl::Status PostgresTransaction::RoundTrip(PipelineOutcome* outcome) {
  *outcome = Sync();
  return outcome->status.ok() ? absl::OkStatus() : Fail(outcome->status);
}

absl::Status PostgresTransaction::Commit() {
  absl::Status status = Usable();
  if (over_) return status;
  if (status.ok() && (begun_ || !writes_.empty())) status = CommitNow();
  End();
  return status;
}

absl::Status PostgresTransaction::CommitNow() {
  // A session that has ended by now was never sent the COMMIT.
  if (connection_.LookIfLost()) {
    return absl::UnavailableError("the session ended before its transaction was committed");
  }
  QueuePending();
  const size_t before = connection_.queued();
  connection_.Queue("COMMIT");
  if (connection_.lost()) return Sync().status;
  const PipelineOutcome outcome = Sync();
  if (outcome.done.size() > before) {
    begun_ = false;
    if (outcome.done.back().tag == "COMMIT") return absl::OkStatus();
    return absl::InternalError("the server rolled back instead of committing");
  }
  // The server went no further than the statement it complained of.
  const bool refused = outcome.told == Told::kError;
  const bool ended_before = outcome.told == Told::kFatal && outcome.done.size() < before;
  if (refused || ended_before) return outcome.status;
  begun_ = false;
  broken_ = true;
  return absl::UnknownError(absl::StrCat("whether the transaction is committed is not known: ",
                                         outcome.status.message()));
}

absl::Status PostgresTransaction::Fail(absl::Status status) {
  failed_ = std::move(status);
  RollBack();
  return failed_;
}

void PostgresTransaction::RollBack() {
  writes_.clear();
  if (!std::exchange(begun_, false) || connection_.lost()) return;
  connection_.Queue("ROLLBACK");
  if (!connection_.Sync(limit_).status.ok()) broken_ = true;
}

void PostgresTransaction::End() {
  RollBack();
  over_ = true;
  writer_.Leave(broken_);
}

}  // namespace watchbell::db
