// What every database must do with kSequence columns. Backends are those of db_contract.h.
#pragma once

#include <functional>
#include <vector>

#include "common/base/status_macros.h"
#include "tests/contract/db_contract.h"

namespace watchbell::db {

template <typename Backend>
class DbNumbersContract : public DbContract<Backend> {
 protected:
  // Commits a transaction of numbered rows; its SequenceBase. A database may ask once for another
  // attempt, when it meets a table with higher numbers.
  int64_t CommitNumbered(const std::function<absl::Status(Transaction&)>& write) {
    absl::Status committed;
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto transaction = this->Begin();
      committed = write(*transaction);
      if (committed.ok()) committed = transaction->Commit();
      if (committed.ok()) return transaction->SequenceBase();
      if (!absl::IsAborted(committed)) break;
    }
    EXPECT_TRUE(committed.ok()) << committed;
    return -1;
  }
};
TYPED_TEST_SUITE_P(DbNumbersContract);

TYPED_TEST_P(DbNumbersContract, NumbersRiseFromTransactionToTransaction) {
  int64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    const auto write = [](Transaction& t) {
      RETURN_IF_ERROR(t.Insert(LogTable(), {{int64_t{1}, "a"}, {int64_t{2}, "b"}}));
      return t.Upsert(ThingTable(), {{"x", int64_t{2}}, {"y", int64_t{3}}});
    };
    const int64_t base = this->CommitNumbered(write);
    EXPECT_GE(base, last);
    last = base + 3;
    EXPECT_EQ(this->Read("SELECT number, words FROM log WHERE number > $1 ORDER BY number", {base}),
              (std::vector<Row>{{base + 1, "a"}, {base + 2, "b"}}));
    EXPECT_EQ(this->Read("SELECT id, changed FROM things ORDER BY id"),
              (std::vector<Row>{{"x", base + 2}, {"y", base + 3}}));
    // Numbers given before are values like any other.
    EXPECT_EQ(*this->Begin()->Load(LogTable(), {{base + 2}}),
              std::vector<Row>({Row{base + 2, "b"}}));
    if (TypeParam::kPersists) this->backend_.Reopen();
  }
  EXPECT_EQ(this->Count("log"), 6);
}

TYPED_TEST_P(DbNumbersContract, NumbersGoOnAfterARoundTrip) {
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Insert(LogTable(), {{int64_t{1}, "a"}, {int64_t{2}, "b"}}).ok());
  const auto seen = transaction->Query("SELECT number FROM log ORDER BY number", {});
  ASSERT_TRUE(seen.ok()) << seen.status();
  ASSERT_TRUE(transaction->Insert(LogTable(), {{int64_t{3}, "c"}}).ok());
  ASSERT_TRUE(transaction->Load(LogTable(), {}).ok());
  ASSERT_TRUE(transaction->Upsert(ThingTable(), {{"x", int64_t{5}}}).ok());
  ASSERT_TRUE(transaction->Upsert(ThingTable(), {{"y", int64_t{1}}}).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  const int64_t base = transaction->SequenceBase();
  EXPECT_EQ(*seen, (std::vector<Row>{{base + 1}, {base + 2}}));
  EXPECT_EQ(this->Read("SELECT number FROM log ORDER BY number"),
            (std::vector<Row>{{base + 1}, {base + 2}, {base + 3}}));
  EXPECT_EQ(this->Read("SELECT id, changed FROM things ORDER BY id"),
            (std::vector<Row>{{"x", base + 5}, {"y", base + 1}}));
}

// A database that is opened again finds its numbers in the tables, or keeps them beside.
TYPED_TEST_P(DbNumbersContract, NumbersAreAboveThoseOfEveryTable) {
  const auto thing = [](Transaction& t) { return t.Upsert(ThingTable(), {{"x", int64_t{1}}}); };
  const auto log = [](Transaction& t) {
    return t.Insert(LogTable(), {{int64_t{1}, "a"}, {int64_t{2}, "b"}, {int64_t{3}, "c"}});
  };
  this->CommitNumbered(thing);
  this->CommitNumbered(log);
  if (TypeParam::kPersists) this->backend_.Reopen();
  this->CommitNumbered([&](Transaction& t) {
    RETURN_IF_ERROR(thing(t));
    return t.Insert(LogTable(), {{int64_t{2}, "d"}});
  });
  EXPECT_EQ(this->Read("SELECT words FROM log ORDER BY number DESC LIMIT 1"),
            std::vector<Row>{{"d"}});
}

REGISTER_TYPED_TEST_SUITE_P(DbNumbersContract, NumbersRiseFromTransactionToTransaction,
                            NumbersGoOnAfterARoundTrip, NumbersAreAboveThoseOfEveryTable);

}  // namespace watchbell::db
