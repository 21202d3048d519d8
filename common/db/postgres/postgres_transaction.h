// A transaction whose writes wait for its next round trip.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/db/db.h"
#include "common/db/postgres/postgres_connection.h"
#include "common/db/postgres/postgres_values.h"
#include "common/db/postgres/postgres_writer.h"

namespace watchbell::db {

class PostgresTransaction : public Transaction {
 public:
  // `connection` as `writer` gave it; left when the transaction is over. `limit`: of a round trip.
  PostgresTransaction(PostgresWriter& writer, PostgresConnection& connection, absl::Duration limit)
      : writer_(writer), connection_(connection), limit_(limit) {}
  ~PostgresTransaction() override;

  absl::StatusOr<std::vector<std::vector<Row>>> LoadAll(absl::Span<const KeySet> sets) override;
  absl::Status Insert(const Table& table, absl::Span<const Row> rows) override;
  absl::Status Upsert(const Table& table, absl::Span<const Row> rows) override;
  absl::Status Delete(const Table& table, absl::Span<const Row> keys) override;
  absl::StatusOr<std::vector<Row>> Query(absl::string_view sql,
                                         absl::Span<const Value> params) override;
  absl::StatusOr<int64_t> Execute(absl::string_view sql, absl::Span<const Value> params) override;
  absl::Status Commit() override;
  int64_t SequenceBase() const override { return last_number_ - numbers_taken_; }

 private:
  struct Write {
    std::string sql;
    PostgresParameters parameters;
    bool numbered;  // one parameter more: the numbers taken
  };

  absl::Status Usable() const;
  // Splits rows into statements of bearable size. `columns`: how many values each row has.
  absl::Status AddWrites(const std::string& sql, const Table& table, int columns, bool numbered,
                         absl::Span<const Row* const> rows);
  absl::Status AddRows(const std::string& sql, const Table& table,
                       absl::Span<const Row* const> rows);
  // BEGIN, if that has not been sent, the numbers and the writes that wait.
  void QueuePending();
  PipelineOutcome Sync();
  absl::Status RoundTrip(PipelineOutcome* outcome);
  absl::Status CommitNow();
  // From here on every call fails; what was done is rolled back.
  absl::Status Fail(absl::Status status);
  void RollBack();
  void End();

  PostgresWriter& writer_;
  PostgresConnection& connection_;
  const absl::Duration limit_;
  bool begun_ = false;  // the server has a transaction open, or will with the next round trip
  bool over_ = false;
  bool broken_ = false;  // the session is in no known state
  absl::Status failed_;
  std::vector<Write> writes_;
  int64_t numbers_wanted_ = 0;  // highest k in a kSequence column
  int64_t numbers_taken_ = 0;
  int64_t last_number_ = 0;
  std::vector<Row> numbers_;  // where the answer with the last number is put
};

}  // namespace watchbell::db
