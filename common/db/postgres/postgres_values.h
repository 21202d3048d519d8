// Values in PostgreSQL's binary formats.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/db/db.h"

namespace watchbell::db {

// Parameters of one statement as libpq takes them.
class PostgresParameters {
 public:
  // One value; its type is said, so that the server need not guess.
  void Add(const Value& value);
  // One array for unnest(): column `column` of `rows`, which must all have it. INTERNAL if a value
  // is not of the column's type, or if a kSequence column to be written (`numbered`) holds no k
  // >= 1.
  absl::Status AddArray(const Table& table, int column, absl::Span<const Row* const> rows,
                        bool numbered);

  size_t size() const { return types_.size(); }
  const std::vector<uint32_t>& types() const { return types_; }
  // True if the parameter is NULL.
  bool null(size_t i) const { return nulls_[i]; }
  const std::string& data(size_t i) const { return data_[i]; }

 private:
  std::vector<uint32_t> types_;  // object ids; 0 for a NULL whose type the server infers
  std::vector<std::string> data_;
  std::vector<bool> nulls_;
};

// One value of a result: BIGINT and shorter integers, DOUBLE PRECISION, TEXT, BYTEA; a boolean is 0
// or 1. INTERNAL for other types, with the advice to cast (a SUM of BIGINT is NUMERIC).
absl::StatusOr<Value> DecodePostgres(uint32_t type, absl::string_view data,
                                     absl::string_view column);

// How much a row takes on the wire, about.
size_t SizeOf(const Row& row);

}  // namespace watchbell::db
