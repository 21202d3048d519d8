// What every database behind common/db/db.h must do. A backend's test file names its Backend and
// instantiates the suite:
//
//   struct MyBackend {
//     static constexpr bool kPersists;          // Reopen finds what was committed
//     // Read sees nothing of a transaction under way, on any thread
//     static constexpr bool kReadsAreIsolated;
//     static constexpr bool kDiskCanFill;       // FillDisk works
//     db::Database& database();
//     void Reopen();    // closes and opens again
//     void FillDisk();  // nothing more can be stored
//     void FreeDisk();
//   };
//
// Whether a write fails by itself or by the next call that answers is the backend's own choice.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/db/db.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace watchbell::db {

inline const Table& ValuesTable() {
  static const Table* const table = new Table{"all_values",
                                              {{"tenant", ColumnType::kText},
                                               {"id", ColumnType::kInt},
                                               {"number", ColumnType::kInt},
                                               {"real", ColumnType::kReal},
                                               {"words", ColumnType::kText},
                                               {"raw", ColumnType::kBytes}},
                                              2};
  return *table;
}

inline const Table& KeysTable() {
  static const Table* const table =
      new Table{"only_keys", {{"a", ColumnType::kText}, {"b", ColumnType::kInt}}, 2};
  return *table;
}

// A log with numbers of the database's own, and things that carry the number of their last change.
inline const Table& LogTable() {
  static const Table* const table =
      new Table{"log", {{"number", ColumnType::kSequence}, {"words", ColumnType::kText}}, 1};
  return *table;
}

inline const Table& ThingTable() {
  static const Table* const table =
      new Table{"things", {{"id", ColumnType::kText}, {"changed", ColumnType::kSequence}}, 1};
  return *table;
}

inline constexpr char kContractTables[] =
    "--postgresql:CREATE SEQUENCE journal_sequence;\n"
    "CREATE TABLE all_values (tenant TEXT NOT NULL, id BIGINT NOT NULL, number BIGINT,\n"
    "  real DOUBLE PRECISION, words TEXT, raw BYTEA, PRIMARY KEY (tenant, id));\n"
    "CREATE TABLE only_keys (a TEXT NOT NULL, b BIGINT NOT NULL, PRIMARY KEY (a, b));\n"
    "CREATE TABLE log (number BIGINT PRIMARY KEY, words TEXT NOT NULL);\n"
    "CREATE TABLE things (id TEXT PRIMARY KEY, changed BIGINT NOT NULL);";

template <typename Backend>
class DbContract : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status made = database().RunScript(kContractTables);
    ASSERT_TRUE(made.ok()) << made;
  }

  Database& database() { return backend_.database(); }
  std::unique_ptr<Transaction> Begin() {
    auto transaction = database().Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    return transaction.ok() ? std::move(*transaction) : nullptr;
  }
  std::vector<Row> Read(const std::string& sql, const std::vector<Value>& params = {}) {
    auto rows = database().Read(sql, params);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? *rows : std::vector<Row>();
  }
  int64_t Count(const std::string& table) {
    const auto rows = Read("SELECT COUNT(*) FROM " + table);
    return rows.empty() ? -1 : AsInt(rows[0][0]);
  }
  static Row Numbered(int64_t id) {
    return {"t", id, id * 10, 0.5, absl::StrCat("n", id), Bytes{"b"}};
  }
  void InsertCommitted(const std::vector<Row>& rows) {
    auto transaction = Begin();
    ASSERT_TRUE(transaction->Insert(ValuesTable(), rows).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }

  // What comes of a write: its own error, or that of the commit.
  static absl::Status Outcome(Transaction& transaction, const absl::Status& written) {
    const absl::Status committed = transaction.Commit();
    EXPECT_FALSE(!written.ok() && committed.ok()) << written;
    return written.ok() ? committed : written;
  }

  Backend backend_;
};
TYPED_TEST_SUITE_P(DbContract);

TYPED_TEST_P(DbContract, EveryValueComesBackAsItWas) {
  const std::vector<Row> rows = {
      {"t", int64_t{1}, int64_t{0}, 0.0, "", Bytes{""}},
      {"t", int64_t{2}, std::numeric_limits<int64_t>::min(), -1.5, "Zoë 🙂 'quoted' \"x\" $1 ?",
       Bytes{std::string("\0\xff\x80 end", 7)}},
      {"t", int64_t{3}, std::numeric_limits<int64_t>::max(), 1e300, "line\nline", Bytes{"plain"}},
      {"t", int64_t{4}, Value(), Value(), Value(), Value()},
      {"t", int64_t{5}, int64_t{-1}, 3.0, std::string(100'000, 'x'),
       Bytes{std::string(300'000, '\7')}},
  };
  this->InsertCommitted(rows);
  EXPECT_EQ(this->Read("SELECT tenant, id, number, real, words, raw FROM all_values ORDER BY id"),
            rows);
  auto transaction = this->Begin();
  for (const Row& row : rows) {
    const auto loaded = transaction->Load(ValuesTable(), {{row[0], row[1]}});
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(*loaded, std::vector<Row>{row});
  }
}

TYPED_TEST_P(DbContract, LoadGivesTheRowsThatAreThere) {
  std::vector<Row> rows;
  std::vector<Row> keys;
  for (int64_t id = 0; id < 500; ++id) {
    rows.push_back(this->Numbered(id));
    keys.push_back({"t", id * 2});  // every second one, and as many that do not exist
    keys.push_back({"other", id});
  }
  this->InsertCommitted(rows);
  auto transaction = this->Begin();
  const auto loaded = transaction->Load(ValuesTable(), keys);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::vector<Row> expected;
  for (int64_t id = 0; id < 500; id += 2) expected.push_back(this->Numbered(id));
  EXPECT_THAT(*loaded, ::testing::UnorderedElementsAreArray(expected));
  EXPECT_TRUE(transaction->Load(ValuesTable(), {})->empty());
}

TYPED_TEST_P(DbContract, UpsertInsertsAndReplaces) {
  this->InsertCommitted({this->Numbered(1), this->Numbered(2)});
  auto transaction = this->Begin();
  Row changed = this->Numbered(2);
  changed[2] = Value();
  changed[4] = "changed";
  ASSERT_TRUE(transaction->Upsert(ValuesTable(), {changed, this->Numbered(3)}).ok());
  ASSERT_TRUE(transaction->Upsert(KeysTable(), {{"a", int64_t{1}}, {"a", int64_t{2}}}).ok());
  ASSERT_TRUE(transaction->Upsert(KeysTable(), {{"a", int64_t{2}}}).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(this->Read("SELECT tenant, id, number, real, words, raw FROM all_values ORDER BY id"),
            (std::vector<Row>{this->Numbered(1), changed, this->Numbered(3)}));
  EXPECT_EQ(this->Count("only_keys"), 2);
}

TYPED_TEST_P(DbContract, DeleteTakesTheKeysThatAreThere) {
  this->InsertCommitted({this->Numbered(1), this->Numbered(2), this->Numbered(3)});
  auto transaction = this->Begin();
  ASSERT_TRUE(
      transaction->Delete(ValuesTable(), {{"t", int64_t{1}}, {"t", int64_t{9}}, {"u", int64_t{2}}})
          .ok());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(this->Read("SELECT id FROM all_values ORDER BY id"),
            (std::vector<Row>{{int64_t{2}}, {int64_t{3}}}));
}

TYPED_TEST_P(DbContract, EmptyBatchesDoNothing) {
  auto transaction = this->Begin();
  EXPECT_TRUE(transaction->Insert(ValuesTable(), {}).ok());
  EXPECT_TRUE(transaction->Upsert(ValuesTable(), {}).ok());
  EXPECT_TRUE(transaction->Delete(ValuesTable(), {}).ok());
  EXPECT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(this->Count("all_values"), 0);
}

TYPED_TEST_P(DbContract, LoadAllGivesEachSetItsRows) {
  this->InsertCommitted({this->Numbered(1), this->Numbered(2)});
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Upsert(KeysTable(), {{"a", int64_t{1}}}).ok());
  // The same table twice, a set without keys, and rows written in this transaction.
  const auto found = transaction->LoadAll({
      KeySet{&ValuesTable(), {{"t", int64_t{2}}, {"t", int64_t{3}}}},
      KeySet{&KeysTable(), {}},
      KeySet{&KeysTable(), {{"a", int64_t{1}}, {"b", int64_t{1}}}, Lock::kShare},
      KeySet{&ValuesTable(), {{"t", int64_t{1}}}, Lock::kShare},
  });
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, (std::vector<std::vector<Row>>{
                        {this->Numbered(2)}, {}, {{"a", int64_t{1}}}, {this->Numbered(1)}}));
  EXPECT_TRUE(transaction->LoadAll({})->empty());
  EXPECT_TRUE(transaction->Commit().ok());
}

TYPED_TEST_P(DbContract, OfEqualKeysInAnUpsertTheLastWins) {
  auto transaction = this->Begin();
  std::vector<Row> rows;
  for (int64_t number = 0; number < 50; ++number) {
    rows.push_back(this->Numbered(number % 3));
    rows.back()[2] = number;
  }
  ASSERT_TRUE(transaction->Upsert(ValuesTable(), rows).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(this->Read("SELECT id, number FROM all_values ORDER BY id"),
            (std::vector<Row>{
                {int64_t{0}, int64_t{48}}, {int64_t{1}, int64_t{49}}, {int64_t{2}, int64_t{47}}}));
}

TYPED_TEST_P(DbContract, WritesHappenInTheirOrder) {
  this->InsertCommitted({this->Numbered(1)});
  auto transaction = this->Begin();
  Row changed = this->Numbered(1);
  changed[4] = "again";
  ASSERT_TRUE(transaction->Delete(ValuesTable(), {{"t", int64_t{1}}}).ok());
  ASSERT_TRUE(transaction->Insert(ValuesTable(), {changed}).ok());
  ASSERT_TRUE(transaction->Insert(ValuesTable(), {this->Numbered(2)}).ok());
  ASSERT_TRUE(transaction->Delete(ValuesTable(), {{"t", int64_t{2}}}).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(this->Read("SELECT words FROM all_values"), std::vector<Row>{{"again"}});
}

TYPED_TEST_P(DbContract, BatchesMayBeLarge) {
  constexpr int64_t kRows = 25'000;
  std::vector<Row> rows;
  std::vector<Row> keys;
  for (int64_t id = 0; id < kRows; ++id) {
    rows.push_back(this->Numbered(id));
    keys.push_back({"t", id});
  }
  for (int64_t id = 0; id < 30; ++id) rows[id][5] = Bytes{std::string(1'000'000, 'x')};
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Insert(ValuesTable(), rows).ok());
  const auto loaded = transaction->Load(ValuesTable(), keys);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->size(), rows.size());
  ASSERT_TRUE(transaction->Upsert(ValuesTable(), rows).ok());
  keys.resize(kRows - 5);
  ASSERT_TRUE(transaction->Delete(ValuesTable(), keys).ok());
  const absl::Status committed = transaction->Commit();
  ASSERT_TRUE(committed.ok()) << committed;
  EXPECT_EQ(this->Count("all_values"), 5);
}

TYPED_TEST_P(DbContract, ATakenKeyIsAlreadyExistsAndSpoilsTheTransaction) {
  this->InsertCommitted({this->Numbered(1)});
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Insert(ValuesTable(), {this->Numbered(2)}).ok());
  absl::Status taken = transaction->Insert(ValuesTable(), {this->Numbered(1)});
  if (taken.ok())
    taken = transaction->LoadAll({KeySet{&KeysTable(), {{"a", int64_t{1}}}}}).status();
  EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists) << taken;
  EXPECT_FALSE(transaction->Insert(ValuesTable(), {this->Numbered(3)}).ok());
  EXPECT_FALSE(transaction->Query("SELECT 1", {}).ok());
  EXPECT_FALSE(transaction->Commit().ok());
  EXPECT_EQ(this->Count("all_values"), 1);
}

TYPED_TEST_P(DbContract, ATakenKeyIsFoundByTheCommit) {
  this->InsertCommitted({this->Numbered(1)});
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Upsert(KeysTable(), {{"a", int64_t{1}}}).ok());
  const absl::Status taken =
      this->Outcome(*transaction, transaction->Insert(ValuesTable(), {this->Numbered(1)}));
  EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists) << taken;
  EXPECT_EQ(this->Count("only_keys"), 0);
}

TYPED_TEST_P(DbContract, ATakenUniqueValueIsAlreadyExists) {
  ASSERT_TRUE(
      this->database().RunScript("CREATE UNIQUE INDEX by_words ON all_values (words);").ok());
  this->InsertCommitted({this->Numbered(1)});
  auto transaction = this->Begin();
  Row same = this->Numbered(2);
  same[4] = "n1";
  const absl::Status taken =
      this->Outcome(*transaction, transaction->Insert(ValuesTable(), {same}));
  EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists) << taken;
}

TYPED_TEST_P(DbContract, MistakesAreInternal) {
  const auto code = [this](auto run) {
    auto transaction = this->Begin();
    return this->Outcome(*transaction, run(*transaction)).code();
  };
  // A wrong type, a missing value, a short row, bad SQL, too few parameters, two statements.
  EXPECT_EQ(code([](Transaction& t) {
              return t.Insert(ValuesTable(), {{"t", int64_t{1}, "text", 0.5, "w", Bytes{"b"}}});
            }),
            absl::StatusCode::kInternal);
  EXPECT_EQ(
      code([](Transaction& t) {
        return t.Insert(ValuesTable(), {{Value(), int64_t{1}, int64_t{1}, 0.5, "w", Bytes{"b"}}});
      }),
      absl::StatusCode::kInternal);
  EXPECT_EQ(code([](Transaction& t) {
              return t.Insert(ValuesTable(), {{"t", int64_t{1}}});
            }),
            absl::StatusCode::kInternal);
  EXPECT_EQ(
      code([](Transaction& t) { return t.Query("SELECT nothing FROM nowhere", {}).status(); }),
      absl::StatusCode::kInternal);
  EXPECT_EQ(code([](Transaction& t) {
              return t.Execute("DELETE FROM all_values WHERE id = $1", {}).status();
            }),
            absl::StatusCode::kInternal);
  EXPECT_EQ(code([](Transaction& t) {
              return t.Execute("DELETE FROM all_values; DELETE FROM all_values", {}).status();
            }),
            absl::StatusCode::kInternal);
  EXPECT_EQ(this->database().Read("SELECT nothing FROM nowhere", {}).status().code(),
            absl::StatusCode::kInternal);
}

TYPED_TEST_P(DbContract, TextsAreOrderedByTheirBytes) {
  const std::vector<std::string> ordered = {"",  "A b", "Ab", "B", "Z", "_",
                                            "a", "a b", "aa", "b", "é", "🙂"};
  std::vector<Row> rows;
  for (size_t i = ordered.size(); i-- > 0;) rows.push_back({ordered[i], int64_t{1}});
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Insert(KeysTable(), rows).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  const auto found = this->Read("SELECT a FROM only_keys ORDER BY a");
  ASSERT_EQ(found.size(), ordered.size());
  for (size_t i = 0; i < ordered.size(); ++i) {
    EXPECT_EQ(AsText(found[i][0]), ordered[i]);
    EXPECT_EQ(this->Read("SELECT COUNT(*) FROM only_keys WHERE a > $1", {ordered[i]})[0][0],
              Value(static_cast<int64_t>(ordered.size() - i - 1)));
  }
}

TYPED_TEST_P(DbContract, UnknownSessionsAreIgnored) {
  EXPECT_TRUE(this->database().EndSessions({}).ok());
  const absl::Status ended = this->database().EndSessions({"1:1", "nonsense", "", "2:", "3:x:y"});
  EXPECT_TRUE(ended.ok()) << ended;
}

TYPED_TEST_P(DbContract, AReadDoesNotWrite) {
  EXPECT_FALSE(this->database().Read("INSERT INTO only_keys (a, b) VALUES ('a', 1)", {}).ok());
  EXPECT_EQ(this->Count("only_keys"), 0);
}

TYPED_TEST_P(DbContract, QueriesTakeNumberedParameters) {
  this->InsertCommitted({this->Numbered(1), this->Numbered(2), this->Numbered(3)});
  auto transaction = this->Begin();
  const auto rows = transaction->Query(
      "SELECT id FROM all_values WHERE number < $2 AND words <> $1 AND number < $2 ORDER BY id",
      {"n1", int64_t{30}});
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, std::vector<Row>{{int64_t{2}}});
  const auto changed = transaction->Execute("UPDATE all_values SET number = $1 WHERE id > $2",
                                            {int64_t{7}, int64_t{1}});
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(*changed, 2);
  // A transaction sees what it has written.
  EXPECT_EQ(*transaction->Query("SELECT COUNT(*) FROM all_values WHERE number = $1", {int64_t{7}}),
            std::vector<Row>{{int64_t{2}}});
}

TYPED_TEST_P(DbContract, NothingStaysWithoutCommit) {
  {
    auto transaction = this->Begin();
    ASSERT_TRUE(transaction->Insert(ValuesTable(), {this->Numbered(1)}).ok());
  }
  EXPECT_EQ(this->Count("all_values"), 0);
  this->InsertCommitted({this->Numbered(1)});  // and the next transaction is free to begin
  EXPECT_EQ(this->Count("all_values"), 1);
}

TYPED_TEST_P(DbContract, ATransactionIsOverAfterCommit) {
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_FALSE(transaction->Insert(ValuesTable(), {this->Numbered(1)}).ok());
  EXPECT_FALSE(transaction->Commit().ok());
  this->InsertCommitted({this->Numbered(2)});
  EXPECT_EQ(this->Count("all_values"), 1);
}

TYPED_TEST_P(DbContract, ReadsSeeOnlyWhatIsCommitted) {
  if (!TypeParam::kReadsAreIsolated) GTEST_SKIP() << "reads share the writer's connection";
  auto transaction = this->Begin();
  ASSERT_TRUE(transaction->Insert(ValuesTable(), {this->Numbered(1)}).ok());
  EXPECT_EQ(this->Count("all_values"), 0);
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(this->Count("all_values"), 1);
}

TYPED_TEST_P(DbContract, ReadersOnOtherThreadsSeeWholeCommits) {
  constexpr int kCommits = 200;
  constexpr int kRowsEach = 5;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([this] {
      int64_t last = 0;
      while (last < kCommits * kRowsEach) {
        const int64_t count = this->Count("all_values");
        ASSERT_GE(count, last);
        ASSERT_EQ(count % kRowsEach, 0);
        last = count;
      }
    });
  }
  for (int64_t commit = 0; commit < kCommits; ++commit) {
    auto transaction = this->Begin();
    for (int64_t row = 0; row < kRowsEach; ++row) {
      ASSERT_TRUE(
          transaction->Insert(ValuesTable(), {this->Numbered(commit * kRowsEach + row)}).ok());
    }
    ASSERT_TRUE(transaction->Commit().ok());
    ASSERT_TRUE(this->database().Maintain(commit % 50 == 0).ok());
  }
  for (std::thread& reader : readers) reader.join();
}

TYPED_TEST_P(DbContract, MaintenanceLosesNothing) {
  int64_t id = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<Row> rows;
    for (int i = 0; i < 100; ++i) {
      Row row = this->Numbered(++id);
      row[5] = Bytes{std::string(4'000, 'x')};
      rows.push_back(std::move(row));
    }
    this->InsertCommitted(rows);
    ASSERT_TRUE(this->database().Maintain(round % 2 == 0).ok());
    ASSERT_EQ(this->Count("all_values"), id);
  }
}

TYPED_TEST_P(DbContract, ScriptsRunWholeOrNotAtAll) {
  EXPECT_FALSE(this->database()
                   .RunScript("BEGIN; INSERT INTO only_keys (a, b) VALUES ('a', 1);"
                              "INSERT INTO nowhere (a) VALUES (1); COMMIT;")
                   .ok());
  EXPECT_EQ(this->Count("only_keys"), 0);
  EXPECT_TRUE(this->database()
                  .RunScript("BEGIN; INSERT INTO only_keys (a, b) VALUES ('a', 1); COMMIT;")
                  .ok());
  EXPECT_EQ(this->Count("only_keys"), 1);
}

TYPED_TEST_P(DbContract, CommittedRowsOutliveTheObject) {
  if (!TypeParam::kPersists) GTEST_SKIP() << "this database dies with its object";
  this->InsertCommitted({this->Numbered(1)});
  {
    auto transaction = this->Begin();
    ASSERT_TRUE(transaction->Insert(ValuesTable(), {this->Numbered(2)}).ok());
  }
  this->backend_.Reopen();
  EXPECT_EQ(this->Read("SELECT id FROM all_values"), std::vector<Row>{{int64_t{1}}});
  this->InsertCommitted({this->Numbered(3)});
  this->backend_.Reopen();
  EXPECT_EQ(this->Count("all_values"), 2);
}

TYPED_TEST_P(DbContract, AFullDiskIsUnavailableAndNothingIsHalfWritten) {
  if (!TypeParam::kDiskCanFill) GTEST_SKIP() << "its disk cannot be filled here";
  this->InsertCommitted({this->Numbered(1)});
  this->backend_.FillDisk();
  Row large = this->Numbered(2);
  large[5] = Bytes{std::string(1'000'000, 'x')};
  {
    auto transaction = this->Begin();
    absl::Status status = transaction->Upsert(KeysTable(), {{"a", int64_t{1}}});
    if (status.ok()) status = transaction->Insert(ValuesTable(), {large});
    if (status.ok()) status = transaction->Commit();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("disk is full"));
    // The rest of the transaction must not become one of its own.
    EXPECT_FALSE(transaction->Insert(ValuesTable(), {this->Numbered(3)}).ok());
    EXPECT_FALSE(transaction->Commit().ok());
  }
  EXPECT_EQ(this->Count("all_values"), 1);
  EXPECT_EQ(this->Count("only_keys"), 0);
  this->backend_.FreeDisk();
  this->InsertCommitted({large});
  EXPECT_EQ(this->Count("all_values"), 2);
}

REGISTER_TYPED_TEST_SUITE_P(
    DbContract, EveryValueComesBackAsItWas, LoadGivesTheRowsThatAreThere, UpsertInsertsAndReplaces,
    DeleteTakesTheKeysThatAreThere, EmptyBatchesDoNothing, LoadAllGivesEachSetItsRows,
    OfEqualKeysInAnUpsertTheLastWins, WritesHappenInTheirOrder, BatchesMayBeLarge,
    ATakenKeyIsAlreadyExistsAndSpoilsTheTransaction, ATakenKeyIsFoundByTheCommit,
    ATakenUniqueValueIsAlreadyExists, MistakesAreInternal, TextsAreOrderedByTheirBytes,
    UnknownSessionsAreIgnored, AReadDoesNotWrite, QueriesTakeNumberedParameters,
    NothingStaysWithoutCommit, ATransactionIsOverAfterCommit, ReadsSeeOnlyWhatIsCommitted,
    ReadersOnOtherThreadsSeeWholeCommits, MaintenanceLosesNothing, ScriptsRunWholeOrNotAtAll,
    CommittedRowsOutliveTheObject, AFullDiskIsUnavailableAndNothingIsHalfWritten);

}  // namespace watchbell::db
