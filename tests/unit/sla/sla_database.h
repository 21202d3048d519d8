// A database of sla in memory, for what only reads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/tables.h"
#include "common/runtime/service_core.h"
#include "gtest/gtest.h"
#include "services/sla/sla_store.h"
#include "services/sla/spec.h"

namespace watchbell::sla::test {

class SlaDatabase {
 public:
  SlaDatabase() { EXPECT_TRUE(db::Migrate(*database_, runtime::AllMigrations(Spec())).ok()); }

  // In one transaction; what lay there is replaced.
  template <typename T>
  void Store(const std::vector<std::pair<engine::EntityKey, T>>& entities) {
    std::vector<db::Row> rows;
    for (const auto& [key, state] : entities) {
      rows.push_back(
          {int64_t{key.cls}, key.tenant, key.id, int64_t{1}, db::Bytes{state.SerializeAsString()}});
    }
    auto transaction = database_->Begin();
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE((*transaction)->Upsert(engine::EntityTable(), rows).ok());
    ASSERT_TRUE((*transaction)->Commit().ok());
  }
  template <typename T>
  void Store(const engine::EntityKey& key, const T& state) {
    Store<T>(std::vector<std::pair<engine::EntityKey, T>>{{key, state}});
  }

  db::Database& operator*() const { return *database_; }

 private:
  const std::unique_ptr<db::Database> database_ = *db::OpenSqliteInMemory();
};

}  // namespace watchbell::sla::test
