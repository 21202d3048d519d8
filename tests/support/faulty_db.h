// A database whose commits can be made to fail, or to succeed without saying so.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/db/db.h"

namespace watchbell::test {

enum class CommitFault {
  kNone,
  kRefused,         // UNAVAILABLE, nothing committed
  kBroken,          // INTERNAL, nothing committed: not a thing that time heals
  kAborted,         // ABORTED, nothing committed: another one was in the way
  kUnknownDone,     // UNKNOWN, but it is committed
  kUnknownNotDone,  // UNKNOWN, and it is not
};

class FaultyDatabase : public db::Database {
 public:
  explicit FaultyDatabase(db::Database& real) : real_(real) {}

  // Sees every batch of rows before it is inserted, and may change it: for planting bugs.
  std::function<void(const db::Table&, std::vector<db::Row>&)> tamper;

  // Round trips that loaded something.
  int loads = 0;

  // In BYTEA columns, by Read.
  size_t bytes_read = 0;

  // Asked at each commit.
  std::function<CommitFault()> plan = [] { return CommitFault::kNone; };

  absl::StatusOr<std::unique_ptr<db::Transaction>> Begin() override {
    absl::StatusOr<std::unique_ptr<db::Transaction>> transaction = real_.Begin();
    if (!transaction.ok()) return transaction.status();
    return std::unique_ptr<db::Transaction>(
        std::make_unique<FaultyTransaction>(*std::move(transaction), *this));
  }
  absl::StatusOr<std::vector<db::Row>> Read(absl::string_view sql,
                                            absl::Span<const db::Value> params) override {
    absl::StatusOr<std::vector<db::Row>> rows = real_.Read(sql, params);
    if (!rows.ok()) return rows;
    for (const db::Row& row : *rows) {
      for (const db::Value& value : row) {
        if (const auto* bytes = std::get_if<db::Bytes>(&value)) bytes_read += bytes->data.size();
      }
    }
    return rows;
  }
  absl::Status RunScript(absl::string_view sql) override { return real_.RunScript(sql); }
  absl::Status Maintain(bool idle) override { return real_.Maintain(idle); }

 private:
  class FaultyTransaction : public db::Transaction {
   public:
    FaultyTransaction(std::unique_ptr<db::Transaction> real, FaultyDatabase& owner)
        : real_(std::move(real)), owner_(owner) {}
    absl::StatusOr<std::vector<std::vector<db::Row>>> LoadAll(
        absl::Span<const db::KeySet> sets) override {
      ++owner_.loads;
      return real_->LoadAll(sets);
    }
    absl::Status Insert(const db::Table& table, absl::Span<const db::Row> rows) override {
      if (!owner_.tamper) return real_->Insert(table, rows);
      std::vector<db::Row> changed(rows.begin(), rows.end());
      owner_.tamper(table, changed);
      return real_->Insert(table, changed);
    }
    absl::Status Upsert(const db::Table& table, absl::Span<const db::Row> rows) override {
      return real_->Upsert(table, rows);
    }
    absl::Status Delete(const db::Table& table, absl::Span<const db::Row> keys) override {
      return real_->Delete(table, keys);
    }
    absl::StatusOr<std::vector<db::Row>> Query(absl::string_view sql,
                                               absl::Span<const db::Value> params) override {
      return real_->Query(sql, params);
    }
    absl::StatusOr<int64_t> Execute(absl::string_view sql,
                                    absl::Span<const db::Value> params) override {
      return real_->Execute(sql, params);
    }
    absl::Status Commit() override {
      switch (owner_.plan()) {
        case CommitFault::kNone:
          return real_->Commit();
        case CommitFault::kRefused:
          real_.reset();
          return absl::UnavailableError("injected: the disk is full");
        case CommitFault::kBroken:
          real_.reset();
          return absl::InternalError("injected: cannot be stored");
        case CommitFault::kAborted:
          real_.reset();
          return absl::AbortedError("injected: a deadlock");
        case CommitFault::kUnknownDone: {
          const absl::Status status = real_->Commit();
          return status.ok() ? absl::UnknownError("injected: no answer to COMMIT") : status;
        }
        case CommitFault::kUnknownNotDone:
          real_.reset();
          return absl::UnknownError("injected: no answer to COMMIT");
      }
      return absl::InternalError("no such fault");
    }

    int64_t SequenceBase() const override { return real_ == nullptr ? 0 : real_->SequenceBase(); }

   private:
    std::unique_ptr<db::Transaction> real_;
    FaultyDatabase& owner_;
  };

  db::Database& real_;
};

}  // namespace watchbell::test
