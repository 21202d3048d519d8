// What the tests of PostgreSQL's own ways have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/db/db.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/db_contract.h"
#include "tests/contract/postgres_backend.h"

namespace watchbell::db {

class PostgresTest : public ::testing::Test {
 protected:
  // For what must happen soon, however slow the machine.
  static constexpr absl::Duration kAtMost = absl::Seconds(60);

  void SetUp() override {
    const absl::Status made = direct_->RunScript(kContractTables);
    ASSERT_TRUE(made.ok()) << made;
  }

  static std::unique_ptr<Transaction> Begin(Database& database) {
    auto transaction = database.Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    return transaction.ok() ? std::move(*transaction) : nullptr;
  }
  std::vector<Row> Read(const std::string& sql, const std::vector<Value>& params = {}) {
    auto rows = direct_->Read(sql, params);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? *rows : std::vector<Row>();
  }
  int64_t Count(const std::string& table) {
    const auto rows = Read("SELECT COUNT(*) FROM " + table);
    return rows.empty() ? -1 : AsInt(rows[0][0]);
  }
  // Tries until it succeeds.
  static void Insist(const std::function<absl::Status()>& attempt) {
    const absl::Duration end = RealClock().Steady() + kAtMost;
    absl::Status status;
    do {
      status = attempt();
    } while (!status.ok() && RealClock().Steady() < end);
    EXPECT_TRUE(status.ok()) << status;
  }
  static absl::Status Write(Database& database, const Row& key) {
    auto transaction = database.Begin();
    if (!transaction.ok()) return transaction.status();
    RETURN_IF_ERROR((*transaction)->Insert(KeysTable(), {key}));
    return (*transaction)->Commit();
  }
  // By the hand of an administrator.
  void Terminate(Database& database) {
    for (const std::string& session : database.Sessions()) {
      if (session.find(':') == std::string::npos) continue;  // no session, but their owner
      const std::string pid = session.substr(0, session.find(':'));
      Read(absl::StrCat("SELECT pg_terminate_backend(", pid, ", 60000)"));
    }
  }

  PostgresSchema schema_;
  std::unique_ptr<Database> direct_ = schema_.Open();
};

inline const Row& KeyA() {
  static const Row* const key = new Row{"a", int64_t{1}};
  return *key;
}

}  // namespace watchbell::db
