// What a firing costs the store at least: its rows, straight through SQLite's C interface.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "services/watchbell/local_process.h"
#include "tests/perf/bench.h"
#include "tests/perf/firings.h"

namespace watchbell::perf {
namespace {

constexpr int kMaxBatch = 512;  // as the engine's

// The engine's tables, with `count` timers armed in them.
class Raw {
 public:
  Raw(const std::string& path, int count) {
    Must(db::Migrate(*Must(db::OpenSqlite(path)), {engine::EngineSchema()}));
    Check(sqlite3_open(path.c_str(), &handle_));
    Run("PRAGMA synchronous=FULL");
    Run("PRAGMA wal_autocheckpoint=2000");
    begin_ = Prepare("BEGIN IMMEDIATE");
    commit_ = Prepare("COMMIT");
    find_timer_ = Prepare(
        "SELECT due, traceparent FROM timers WHERE class = 1 AND tenant = 'default' AND id = ? AND "
        "name = 'due'");
    find_entity_ = Prepare(
        "SELECT version, body FROM entities WHERE class = 1 AND tenant = 'default' AND id = ?");
    entity_ = Prepare(
        "INSERT INTO entities VALUES (1, 'default', ?, 1, ?) ON CONFLICT (class, tenant, id) DO "
        "UPDATE SET version = excluded.version, body = excluded.body");
    arm_ = Prepare("INSERT INTO timers VALUES (1, 'default', ?, 'due', 0, ?, 0, 1)");
    disarm_ = Prepare(
        "DELETE FROM timers WHERE class = 1 AND tenant = 'default' AND id = ? AND name = 'due'");
    journal_ = Prepare(
        "INSERT INTO journal VALUES (?, ?, 'alarm', 'default', ?, 1, 0, 'alarm.fired', ?, 0, 0, "
        "NULL, 'service:alarm', ?, '', '')");
    Run(begin_);
    for (int i = 0; i < count; ++i) {
      const std::string id = absl::StrCat("alarm-", i);
      Text(entity_, 1, id);
      Blob(entity_, 2, body_);
      Run(entity_);
      Text(arm_, 1, id);
      Text(arm_, 2, trace_);
      Run(arm_);
    }
    Run(commit_);
    Run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  ~Raw() {
    for (sqlite3_stmt* each :
         {begin_, commit_, find_timer_, find_entity_, entity_, arm_, disarm_, journal_}) {
      sqlite3_finalize(each);
    }
    sqlite3_close(handle_);
  }

  // Fires [first, upto) in one transaction.
  void Fire(int first, int upto) {
    Run(begin_);
    for (int i = first; i < upto; ++i) {
      const std::string id = absl::StrCat("alarm-", i);
      for (sqlite3_stmt* find : {find_timer_, find_entity_}) {
        Text(find, 1, id);
        Run(find);
      }
      Text(entity_, 1, id);
      Blob(entity_, 2, body_);
      Run(entity_);
      Text(disarm_, 1, id);
      Run(disarm_);
      const std::string event = absl::StrCat("01890a5d-ac96-774b-bcce-", 100'000'000'000 + i);
      sqlite3_bind_int64(journal_, 1, i + 1);
      Text(journal_, 2, event);
      Text(journal_, 3, id);
      Blob(journal_, 4, body_);
      Text(journal_, 5, trace_);
      Run(journal_);
    }
    Run(commit_);
  }

 private:
  void Check(int code) {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
    Must(absl::InternalError(absl::StrCat("raw SQLite: ", sqlite3_errmsg(handle_))));
  }
  sqlite3_stmt* Prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    Check(sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr));
    return statement;
  }
  void Run(sqlite3_stmt* statement) {
    Check(sqlite3_step(statement));
    sqlite3_reset(statement);
  }
  void Run(const char* sql) { Check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr)); }
  static void Text(sqlite3_stmt* statement, int place, const std::string& value) {
    sqlite3_bind_text(statement, place, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
  }
  static void Blob(sqlite3_stmt* statement, int place, const std::string& value) {
    sqlite3_bind_blob(statement, place, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
  }

  const std::string body_ = "a few bytes";
  const std::string trace_ = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* begin_;
  sqlite3_stmt* commit_;
  sqlite3_stmt* find_timer_;
  sqlite3_stmt* find_entity_;
  sqlite3_stmt* entity_;
  sqlite3_stmt* arm_;
  sqlite3_stmt* disarm_;
  sqlite3_stmt* journal_;
};

}  // namespace

Firings FireOnRawStore(int per_second, int seconds) {
  const int warm_up = 2 * per_second;
  const int count = warm_up + per_second * seconds;
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  Raw raw(folder.path() + "/raw.db", count);
  Firings firings;
  const absl::Duration before = ProcessTime();
  const absl::Duration first = Uptime();
  const auto due = [&](int i) { return first + absl::Seconds(1) * i / per_second; };
  int batches = 0;
  for (int i = 0; i < count; ++batches) {
    const absl::Duration left = due(i) - Uptime();
    if (left > absl::ZeroDuration()) std::this_thread::sleep_for(absl::ToChronoNanoseconds(left));
    const absl::Duration began = Uptime();
    int upto = i + 1;
    while (upto < std::min(count, i + kMaxBatch) && due(upto) <= began) ++upto;
    raw.Fire(i, upto);
    const absl::Duration now = Uptime();
    firings.batches.push_back(now - began);
    for (; i < upto; ++i) {
      if (i < warm_up) continue;
      firings.taken_up.push_back(began - due(i));
      firings.durable.push_back(now - due(i));
    }
  }
  firings.average_batch = static_cast<double>(count) / batches;
  firings.processor_time = (ProcessTime() - before) / count;
  return firings;
}

double RawFiringsPerSecond(int count, int batch) {
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  Raw raw(folder.path() + "/raw.db", count);
  const absl::Duration began = Uptime();
  for (int i = 0; i < count; i += batch) raw.Fire(i, std::min(count, i + batch));
  return count / absl::ToDoubleSeconds(Uptime() - began);
}

}  // namespace watchbell::perf
