// What the journal must do on every database. Backends are those of db_contract.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "common/db/db.h"
#include "common/db/migrations.h"
#include "common/engine/engine.h"
#include "common/journal/journal.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/journal_rows.h"

namespace watchbell::journal {

template <typename Backend>
class JournalContract : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status migrated = db::Migrate(database(), {engine::EngineSchema()});
    ASSERT_TRUE(migrated.ok()) << migrated;
  }

  db::Database& database() { return backend_.database(); }
  Reader reader() { return Reader(database()); }

  // The journal's table with sequences of the test's own choice.
  static const db::Table& TableAsItIs() {
    static const db::Table* const table = [] {
      auto* copy = new db::Table(JournalTable());
      copy->columns[0].type = db::ColumnType::kInt;
      return copy;
    }();
    return *table;
  }

  absl::Status Append(const std::vector<JournalRow>& rows, const db::Table& table = TableAsItIs()) {
    std::vector<db::Row> raw;
    for (const JournalRow& row : rows) raw.push_back(ToDbRow(row));
    auto transaction = database().Begin();
    if (!transaction.ok()) return transaction.status();
    const absl::Status inserted = (*transaction)->Insert(table, raw);
    return inserted.ok() ? (*transaction)->Commit() : inserted;
  }

  // Streams s-0 .. s-4 of "widget" and "gadget" in turn; sequences 10, 20, 30, ...: gaps are
  // allowed.
  void AppendMixed(int count) {
    std::vector<JournalRow> rows;
    for (int i = 0; i < count; ++i) {
      rows.push_back(MakeRow((i + 1) * 10, i % 2 == 0 ? "widget" : "gadget",
                             absl::StrCat("s-", i / 2 % 5), i / 10 + 1));
    }
    const absl::Status appended = Append(rows);
    ASSERT_TRUE(appended.ok()) << appended;
  }

  static std::vector<int64_t> Sequences(const absl::StatusOr<std::vector<JournalRow>>& rows) {
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<int64_t> sequences;
    if (rows.ok()) {
      for (const JournalRow& row : *rows) sequences.push_back(row.sequence);
    }
    return sequences;
  }

  Backend backend_;
};
TYPED_TEST_SUITE_P(JournalContract);

TYPED_TEST_P(JournalContract, ARowComesBackWhole) {
  JournalRow full = MakeRow(7, "widget", "w 'x' 🙂", 3);
  full.source_recorded_at = absl::FromUnixMicros(-5);
  full.payload = std::string("\0\xff payload", 10);
  full.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  ASSERT_TRUE(this->Append({full, MakeRow(8, "widget", "other", 1)}).ok());
  const auto rows = this->reader().After("", 0, 10);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ(ToDbRow((*rows)[0]), ToDbRow(full));
  EXPECT_EQ((*rows)[0].source_recorded_at, full.source_recorded_at);
  EXPECT_EQ((*rows)[0].occurred_at, full.occurred_at);
  EXPECT_EQ((*rows)[0].recorded_at, full.recorded_at);
  EXPECT_EQ((*rows)[0].payload, full.payload);
  EXPECT_FALSE((*rows)[1].source_recorded_at.has_value());
}

TYPED_TEST_P(JournalContract, HeadIsTheLastSequence) {
  EXPECT_EQ(this->reader().Head().value(), 0);
  this->AppendMixed(4);
  EXPECT_EQ(this->reader().Head().value(), 40);
}

TYPED_TEST_P(JournalContract, AfterGoesOnWhereItStopped) {
  this->AppendMixed(7);
  EXPECT_EQ(this->Sequences(this->reader().After("", 0, 3)), (std::vector<int64_t>{10, 20, 30}));
  EXPECT_EQ(this->Sequences(this->reader().After("", 30, 3)), (std::vector<int64_t>{40, 50, 60}));
  EXPECT_EQ(this->Sequences(this->reader().After("", 60, 3)), (std::vector<int64_t>{70}));
  EXPECT_EQ(this->Sequences(this->reader().After("", 70, 3)), std::vector<int64_t>());
  // Between two sequences: from the next one.
  EXPECT_EQ(this->Sequences(this->reader().After("", 35, 1)), (std::vector<int64_t>{40}));
  EXPECT_EQ(this->Sequences(this->reader().After("gadget", 20, 9)), (std::vector<int64_t>{40, 60}));
  EXPECT_EQ(this->Sequences(this->reader().After("nothing", 0, 9)), std::vector<int64_t>());
}

TYPED_TEST_P(JournalContract, TheShardsTogetherAreTheWhole) {
  this->AppendMixed(100);
  std::vector<int64_t> all;
  for (int shard = 0; shard < kDefaultShards; ++shard) {
    int64_t last = 0;
    while (true) {
      const auto rows = this->reader().AfterInShard("widget", shard, last, 4);
      ASSERT_TRUE(rows.ok()) << rows.status();
      if (rows->empty()) break;
      for (const JournalRow& row : *rows) {
        EXPECT_EQ(row.shard, shard);
        EXPECT_EQ(row.aggregate, "widget");
        EXPECT_GT(row.sequence, last);
        last = row.sequence;
        all.push_back(last);
      }
    }
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, this->Sequences(this->reader().After("widget", 0, 1000)));
  EXPECT_EQ(all.size(), 50u);
}

TYPED_TEST_P(JournalContract, AShardsHeadIsItsLastSequence) {
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  EXPECT_THAT(this->reader().ShardHeads("widget", {0, 1}).value(), ElementsAre(0, 0));
  this->AppendMixed(100);
  EXPECT_THAT(this->reader().ShardHeads("widget", {}).value(), IsEmpty());
  std::vector<int> shards;
  std::vector<int64_t> heads;
  for (int shard = kDefaultShards - 1; shard >= 0; --shard) {
    const auto rows = this->Sequences(this->reader().AfterInShard("widget", shard, 0, 1000));
    shards.push_back(shard);
    heads.push_back(rows.empty() ? 0 : rows.back());
  }
  EXPECT_EQ(this->reader().ShardHeads("widget", shards).value(), heads);
}

TYPED_TEST_P(JournalContract, AStreamIsReadByVersion) {
  this->AppendMixed(100);
  const auto rows = this->reader().Stream("widget", "default", "s-3", 4, 3);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 3u);
  for (size_t i = 0; i < rows->size(); ++i) {
    EXPECT_EQ((*rows)[i].version, static_cast<int64_t>(i) + 5);
    EXPECT_EQ((*rows)[i].stream_id, "s-3");
    EXPECT_EQ((*rows)[i].aggregate, "widget");
  }
  EXPECT_TRUE(this->reader().Stream("widget", "other tenant", "s-3", 0, 3)->empty());
  EXPECT_TRUE(this->reader().Stream("widget", "default", "s-3", 10, 3)->empty());
}

TYPED_TEST_P(JournalContract, AVersionIsGivenOnce) {
  ASSERT_TRUE(this->Append({MakeRow(1, "widget", "a", 1)}).ok());
  EXPECT_EQ(this->Append({MakeRow(2, "widget", "a", 1)}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(this->Append({MakeRow(1, "widget", "b", 1)}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(this->Append({MakeRow(3, "gadget", "a", 1)}).ok());
}

TYPED_TEST_P(JournalContract, AReaderByCursorMissesNothing) {
  constexpr int64_t kBatches = 100;
  constexpr int64_t kBatch = 7;
  std::thread scanner([this] {
    const Reader reader = this->reader();
    int64_t last = 0;
    for (int64_t seen = 0; seen < kBatches * kBatch;) {
      const auto rows = reader.After("", last, 5);
      ASSERT_TRUE(rows.ok()) << rows.status();
      for (const JournalRow& row : *rows) {
        ASSERT_GT(row.sequence, last);
        last = row.sequence;
        // In the order in which they were written.
        ASSERT_EQ(row.version, seen / kBatch + 1);
        ASSERT_EQ(row.stream_id, absl::StrCat("s-", seen % kBatch + 1));
        ++seen;
      }
    }
  });
  for (int64_t batch = 0; batch < kBatches; ++batch) {
    std::vector<JournalRow> rows;
    for (int64_t i = 1; i <= kBatch; ++i) {
      rows.push_back(MakeRow(i, "widget", absl::StrCat("s-", i), batch + 1));
    }
    ASSERT_TRUE(this->Append(rows, JournalTable()).ok());
  }
  scanner.join();
}

REGISTER_TYPED_TEST_SUITE_P(JournalContract, ARowComesBackWhole, HeadIsTheLastSequence,
                            AfterGoesOnWhereItStopped, TheShardsTogetherAreTheWhole,
                            AShardsHeadIsItsLastSequence, AStreamIsReadByVersion,
                            AVersionIsGivenOnce, AReaderByCursorMissesNothing);

}  // namespace watchbell::journal
