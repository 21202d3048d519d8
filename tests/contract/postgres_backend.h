// PostgreSQL as the contract suites of databases and journals see it (see db_contract.h).
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/db/postgres/postgres_db.h"
#include "gtest/gtest.h"

namespace watchbell::db {

inline std::string PostgresTestUrl() {
  const char* url = std::getenv("WATCHBELL_TEST_POSTGRES");
  if (url != nullptr) return url;
  ADD_FAILURE() << "WATCHBELL_TEST_POSTGRES is not set: run it through ./dev test, which starts a "
                   "server";
  return "postgresql://127.0.0.1:1/none";
}

inline Clock& RealClock() {
  static Clock* const clock = new SystemClock;
  return *clock;
}

// A schema of a test's own, gone with the object.
class PostgresSchema {
 public:
  PostgresSchema() {
    static std::atomic<int> made{0};
    name_ = absl::StrCat("contract_", getpid(), "_", ++made);
  }
  ~PostgresSchema() {
    auto database = OpenPostgres(Options(), RealClock());
    if (!database.ok()) return;
    const absl::Status dropped = (*database)->RunScript("DROP SCHEMA " + name_ + " CASCADE;");
    EXPECT_TRUE(dropped.ok()) << dropped;
  }
  PostgresSchema(const PostgresSchema&) = delete;
  PostgresSchema& operator=(const PostgresSchema&) = delete;

  const std::string& name() const { return name_; }
  PostgresOptions Options() const {
    PostgresOptions options;
    options.url = PostgresTestUrl();
    options.schema = name_;
    options.application = "contract";
    return options;
  }
  std::unique_ptr<Database> Open() const { return Open(Options()); }
  static std::unique_ptr<Database> Open(const PostgresOptions& options) {
    auto database = OpenPostgres(options, RealClock());
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? std::move(*database) : nullptr;
  }

 private:
  std::string name_;
};

// A role without any right but to connect, gone with the object.
class PostgresRole {
 public:
  PostgresRole(const PostgresSchema& schema, const std::string& name)
      : name_(absl::StrCat(schema.name(), "_", name)), database_(schema.Open()) {
    Run("CREATE ROLE " + name_ + " LOGIN;");
  }
  ~PostgresRole() { Run("DROP OWNED BY " + name_ + "; DROP ROLE " + name_ + ";"); }
  PostgresRole(const PostgresRole&) = delete;
  PostgresRole& operator=(const PostgresRole&) = delete;

  const std::string& name() const { return name_; }
  // Connects as this role.
  PostgresOptions As(PostgresOptions options) const {
    absl::StrAppend(&options.url, absl::StrContains(options.url, "?") ? "&" : "?", "user=", name_);
    return options;
  }

 private:
  void Run(const std::string& sql) {
    const absl::Status status = database_->RunScript(sql);
    EXPECT_TRUE(status.ok()) << status;
  }

  const std::string name_;
  const std::unique_ptr<Database> database_;
};

struct Postgres {
  static constexpr bool kPersists = true;
  static constexpr bool kReadsAreIsolated = true;
  static constexpr bool kDiskCanFill = true;

  Database& database() { return *database_; }
  void Reopen() {
    database_ = nullptr;
    database_ = schema_.Open();
  }
  // As the server answers when a table cannot grow.
  void FillDisk() {
    Script(
        "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
        "'could not extend file \"base/1/2\": No space left on device' "
        "USING ERRCODE = 'disk_full'; END $$;"
        "CREATE TRIGGER full_1 BEFORE INSERT ON all_values EXECUTE FUNCTION disk_full();"
        "CREATE TRIGGER full_2 BEFORE INSERT ON only_keys EXECUTE FUNCTION disk_full();");
  }
  void FreeDisk() { Script("DROP FUNCTION disk_full CASCADE;"); }

 private:
  void Script(const std::string& sql) {
    const absl::Status status = database_->RunScript(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

  PostgresSchema schema_;
  std::unique_ptr<Database> database_ = schema_.Open();
};

}  // namespace watchbell::db
