// A start with a million armed timers: opening an engine over a database that holds them, beside
// reading the same rows with nothing of ours in between, on SQLite and on PostgreSQL.
#include <libpq-fe.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/shard.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "common/engine/tables.h"
#include "services/watchbell/local_process.h"
#include "tests/perf/alarm.h"
#include "tests/perf/bench.h"
#include "tests/perf/servers.h"

namespace watchbell::perf {
namespace {

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kService[] = "alarm";  // on PostgreSQL its tables are in a schema of this name
constexpr double kGoalSeconds = 10;

void StoreTimers(db::Database& database, int count) {
  const int64_t start = absl::ToUnixMicros(SystemClock().Now() + absl::Hours(1));
  constexpr int kChunk = 10'000;
  for (int first = 0; first < count; first += kChunk) {
    std::vector<db::Row> rows;
    for (int i = first; i < std::min(count, first + kChunk); ++i) {
      const engine::TimerKey key = AlarmDecider::Key(absl::StrCat("inc-", i));
      db::Row row = engine::TimerKeyRow(key);
      // Due times lie anywhere within 30 days, as those of real promises do.
      row.insert(row.end(),
                 {start + int64_t{i} * 7'919 % 2'592'000 * 1'000'000, kTraceparent,
                  int64_t{ShardOf(key.entity.id, kDefaultShards)}, int64_t{i - first + 1}});
      rows.push_back(std::move(row));
    }
    auto transaction = Must(database.Begin());
    Must(transaction->Insert(engine::TimerTable(), rows));
    Must(transaction->Commit());
    Must(database.Maintain(false));
  }
}

std::string ReadAll(const std::string& table) {
  return absl::StrCat("SELECT class, tenant, id, name, due FROM ", table, " ORDER BY due");
}

double SecondsOf(const std::function<int()>& read, int count) {
  const absl::Duration began = Uptime();
  if (read() != count) Must(absl::InternalError("rows are missing"));
  return absl::ToDoubleSeconds(Uptime() - began);
}

int ReadWithSqlite(const std::string& path) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_open(path.c_str(), &handle) != SQLITE_OK ||
      sqlite3_prepare_v2(handle, ReadAll("timers").c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    Must(absl::InternalError(absl::StrCat("raw SQLite: ", sqlite3_errmsg(handle))));
  }
  int rows = 0;
  while (sqlite3_step(statement) == SQLITE_ROW) ++rows;
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return rows;
}

int ReadWithLibpq(const std::string& url) {
  PGconn* connection = PQconnectdb(url.c_str());
  const std::string sql = ReadAll(absl::StrCat(kService, ".timers"));
  PGresult* result =
      PQexecParams(connection, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) {
    Must(absl::InternalError(absl::StrCat("raw PostgreSQL: ", PQerrorMessage(connection))));
  }
  const int rows = PQntuples(result);
  PQclear(result);
  PQfinish(connection);
  return rows;
}

// The largest this process has been.
double PeakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

int OpenEngine(db::Database& database) {
  SystemClock clock;
  SystemIdSource ids;
  const AlarmDecider decider;
  engine::Options options;
  options.service = kService;
  engine::Engine engine(options, {database, clock, ids, decider});
  Must(engine.Open());
  return static_cast<int>(engine.TimerCount());
}

void Measure(const std::string& store, db::Database& database, int count,
             const std::function<int()>& read_raw) {
  Must(db::Migrate(database, {engine::EngineSchema()}));
  StoreTimers(database, count);
  const double peak = PeakMegabytes();
  std::vector<double> raw, ours;
  for (int round = 0; round < 3; ++round) {
    raw.push_back(SecondsOf(read_raw, count));
    ours.push_back(SecondsOf([&] { return OpenEngine(database); }, count));
  }
  const double seconds = Median(ours);
  Figure(absl::StrCat(store, ", reading them in order, raw"),
         absl::StrFormat("%10.2f s", Median(raw)));
  Figure(absl::StrCat(store, ", engine open with all of them armed"),
         absl::StrFormat("%10.2f s   goal <= %g s%s", seconds, kGoalSeconds,
                         seconds <= kGoalSeconds ? "" : "  NOT MET"));
  Figure("engine / raw", absl::StrFormat("%10.2f x", seconds / Median(raw)));
  Figure("memory of the process, before and at most meanwhile",
         absl::StrFormat("%10.0f MB and %.0f MB", peak, PeakMegabytes()));
}

int Main() {
  const int count = FromEnvironment("BENCH_TIMERS", 1'000'000);
  Title("rearm_bench", absl::StrCat("a start with ", count, " armed timers"));
  {
    const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
    const std::string path = folder.path() + "/alarm.db";
    const auto database = Must(db::OpenSqlite(path));
    Measure("SQLite", *database, count, [&path] { return ReadWithSqlite(path); });
  }
  SystemClock clock;
  const OwnDatabase own("rearm");
  const auto database = own.Open(kService, clock);
  Measure("PostgreSQL", *database, count, [&own] { return ReadWithLibpq(own.url()); });
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
