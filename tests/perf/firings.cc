#include "tests/perf/firings.h"

#include <time.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/ids.h"
#include "common/base/shard.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/engine/engine.h"
#include "common/engine/tables.h"
#include "services/watchbell/local_process.h"
#include "tests/perf/bench.h"

namespace watchbell::perf {
namespace {

constexpr absl::Duration kGoal = absl::Milliseconds(5);  // durable late by, p99
constexpr int kWarmUpSeconds = 2;
constexpr int kChunk = 10'000;
constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// When the i-th is due, and from when on they count.
struct Schedule {
  absl::Time first;
  int per_second;
  int seconds;
  int count() const { return per_second * (kWarmUpSeconds + seconds); }
  absl::Time Due(int i) const { return first + absl::Seconds(1) * i / per_second; }
  bool Counts(absl::Time due) const { return due >= first + absl::Seconds(kWarmUpSeconds); }
};

// Both are called on the committer's thread, and read after the engine has stopped.
class Watcher : public bus::Publisher, public engine::Probe {
 public:
  Watcher(Clock& clock, const Schedule& schedule) : clock_(clock), schedule_(schedule) {}

  void Committed(absl::Span<const journal::JournalRow> rows, int64_t, int64_t) override {
    const absl::Time now = clock_.Now();
    for (const journal::JournalRow& row : rows) {
      if (schedule_.Counts(row.occurred_at)) durable.push_back(now - row.occurred_at);
    }
  }
  void Committing() override {}
  void Abandoned() override {}
  void TimerFired(absl::Duration late) override { taken_up.push_back(late); }
  void Batch(size_t inputs, size_t, absl::Duration took) override {
    ++all_batches_;
    all_inputs_ += inputs;
    batches.push_back(took);
  }
  Firings Take() {
    taken_up.erase(taken_up.begin(),
                   taken_up.begin() + kWarmUpSeconds * std::ptrdiff_t{schedule_.per_second});
    const double average = static_cast<double>(all_inputs_) / static_cast<double>(all_batches_);
    return {std::move(taken_up), std::move(durable), std::move(batches), average, {}};
  }

 private:
  Clock& clock_;
  const Schedule& schedule_;
  std::vector<absl::Duration> taken_up, durable, batches;
  size_t all_batches_ = 0, all_inputs_ = 0;
};

class IndexRows : public engine::IndexWriter {
 public:
  void Upsert(const db::Table& table, db::Row row) override {
    rows_[&table].push_back(std::move(row));
  }
  void Delete(const db::Table&, db::Row) override {}
  void Store(db::Transaction& transaction) const {
    for (const auto& [table, rows] : rows_) Must(transaction.Upsert(*table, rows));
  }

 private:
  std::map<const db::Table*, std::vector<db::Row>> rows_;
};

void Store(db::Database& database, const FiringService& service, const Schedule& schedule) {
  for (int begin = 0; begin < schedule.count(); begin += kChunk) {
    std::vector<db::Row> entities;
    std::vector<db::Row> timers;
    IndexRows index;
    for (int i = begin; i < std::min(begin + kChunk, schedule.count()); ++i) {
      const absl::Time due = absl::FromUnixMicros(absl::ToUnixMicros(schedule.Due(i)));
      const ArmedEntity armed = service.armed(i, due);
      const engine::EntityKey& key = armed.timer.entity;
      entities.push_back({int64_t{key.cls}, key.tenant, key.id, int64_t{1},
                          db::Bytes{armed.state->SerializeAsString()}});
      service.decider.Index(key, nullptr, *armed.state, index);
      db::Row timer = engine::TimerKeyRow(armed.timer);
      timer.insert(timer.end(), {absl::ToUnixMicros(due), kTraceparent,
                                 int64_t{ShardOf(key.id, kDefaultShards)}, int64_t{i - begin + 1}});
      timers.push_back(std::move(timer));
    }
    auto transaction = Must(database.Begin());
    Must(transaction->Insert(engine::EntityTable(), entities));
    Must(transaction->Insert(engine::TimerTable(), timers));
    index.Store(*transaction);
    Must(transaction->Commit());
    Must(database.Maintain(true));
  }
}

// Nothing if the first was due before all were armed.
std::optional<Firings> TryToFire(const FiringService& service, int per_second, int seconds,
                                 absl::Duration lead) {
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  const auto database = Must(db::OpenSqlite(folder.path() + "/timers.db"));
  Must(db::Migrate(*database, service.migrations));
  SystemClock clock;
  SystemIdSource ids;
  const Schedule schedule{clock.Now() + lead, per_second, seconds};
  Store(*database, service, schedule);
  Watcher watcher(clock, schedule);
  engine::Options options;
  options.service = service.name;
  engine::Engine engine(
      options, {*database, clock, ids, service.decider, &watcher, nullptr, nullptr, &watcher});
  Must(engine.Open());
  if (clock.Now() > schedule.first) return std::nullopt;
  const absl::Duration before = ProcessTime();
  engine.Start();
  std::this_thread::sleep_for(
      absl::ToChronoNanoseconds(schedule.Due(schedule.count()) - clock.Now()));
  while (engine.TimerCount() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  engine.Stop();
  Firings firings = watcher.Take();
  firings.processor_time = (ProcessTime() - before) / schedule.count();
  return firings;
}

}  // namespace

absl::Duration ProcessTime() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return absl::DurationFromTimespec(now);
}

Firings FireOnEngine(const FiringService& service, int per_second, int seconds) {
  for (absl::Duration lead = absl::Seconds(8);; lead *= 2) {
    if (auto firings = TryToFire(service, per_second, seconds, lead)) return *std::move(firings);
  }
}

bool ReportFirings(const std::string& what, int per_second, const Firings& firings) {
  const std::string rate = absl::StrCat(what, ", ", per_second, "/s");
  Latency(absl::StrCat(rate, ", taken up late by"), firings.taken_up);
  Latency(absl::StrCat(rate, ", durable late by"), firings.durable);
  Latency(absl::StrCat(what, ", duration of a batch"), firings.batches);
  Figure(
      absl::StrCat(what, ", average batch, processor time of a firing"),
      absl::StrFormat("%10.1f firings, %s", firings.average_batch, Pretty(firings.processor_time)));
  const absl::Duration p99 = Percentile(firings.durable, 0.99);
  Figure(absl::StrCat(rate, ", durable late by, p99"),
         absl::StrFormat("%10s   goal <= 5 ms%s", Pretty(p99), p99 <= kGoal ? "" : "  NOT MET"));
  return p99 <= kGoal;
}

void FindFiringRate(const FiringService& service, int per_second, int seconds) {
  for (const int rate : {7'500, 5'000, 3'000, 2'000, 1'000, 500, 100}) {
    if (rate >= per_second) continue;
    const Firings firings = FireOnEngine(service, rate, seconds);
    const absl::Duration p99 = Percentile(firings.durable, 0.99);
    const std::string batches =
        absl::StrCat("batches p99 ", Pretty(Percentile(firings.batches, 0.99)));
    if (p99 > kGoal) {
      Figure(absl::StrCat("  ", rate, "/s"), absl::StrCat("p99 ", Pretty(p99), ", ", batches));
      continue;
    }
    Figure("highest rate with a durable p99 of at most 5 ms",
           absl::StrFormat("%10d firings/s: p99 %s, %s", rate, Pretty(p99), batches));
    return;
  }
  Figure("highest rate with a durable p99 of at most 5 ms", "below 100 firings/s");
}

}  // namespace watchbell::perf
