// Facts of tickets in the real database layer, as the engine leaves them there.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "gtest/gtest.h"
#include "services/analytics/analytics_decider.h"
#include "services/analytics/analytics_store.h"
#include "services/analytics/schema/schema.h"

namespace watchbell::analytics {

class FactsDatabase : public testing::Test {
 protected:
  void SetUp() override {
    auto database = db::OpenSqliteInMemory();
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    std::vector<db::Migration> migrations = {engine::EngineSchema()};
    for (db::Migration& migration : Schema()) migrations.push_back(std::move(migration));
    const absl::Status migrated = db::Migrate(*database_, migrations);
    ASSERT_TRUE(migrated.ok()) << migrated;
  }

  // Stores tickets as the engine does after a batch; answers the rows written.
  int Store(const std::string& tenant,
            const std::vector<std::pair<std::string, TicketFacts>>& tickets) {
    auto transaction = database_->Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    Upserts writer(**transaction);
    for (const auto& [id, facts] : tickets) {
      decider_.Index(TicketKey(tenant, id), nullptr, facts, writer);
    }
    EXPECT_TRUE((*transaction)->Commit().ok());
    return writer.rows;
  }

  AnalyticsDecider decider_;
  std::unique_ptr<db::Database> database_;

 private:
  class Upserts : public engine::IndexWriter {
   public:
    explicit Upserts(db::Transaction& transaction) : transaction_(transaction) {}
    void Upsert(const db::Table& table, db::Row row) override {
      ASSERT_TRUE(transaction_.Upsert(table, std::vector<db::Row>{std::move(row)}).ok());
      ++rows;
    }
    void Delete(const db::Table&, db::Row) override { FAIL() << "analytics deletes nothing"; }
    int rows = 0;

   private:
    db::Transaction& transaction_;
  };
};

}  // namespace watchbell::analytics
