// Timers of the engine: how late they fire with a durable commit each, beside a bare
// condition-variable loop at the same rate, and how long a restart takes to arm a million again.
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/engine/tables.h"
#include "common/engine/timer_index.h"
#include "tests/perf/bench.h"
#include "tests/perf/cores.h"
#include "watchbell/events/v1/tickets.pb.h"

namespace watchbell::perf {
namespace {

using tickets::v1::StartWorkRequest;
using tickets::v1::Ticket;

constexpr int kManyTimers = 1'000'000;
constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// The smallest service with timers: a command arms one for the instant it carries, its firing is an
// event dated when it was due.
class AlarmDecider : public engine::Decider {
 public:
  const std::vector<engine::EntityClass>& classes() const override {
    static const std::vector<engine::EntityClass> classes = {
        {1, "alarm", &Ticket::default_instance(), ""}};
    return classes;
  }
  std::vector<engine::EntityKey> Needs(const engine::Input& input) const override {
    if (input.kind == engine::Input::Kind::kTimer) return {input.timer.entity};
    return {{1, input.identity.tenant, input.As<StartWorkRequest>()->name()}};
  }
  engine::Decision Decide(const engine::View&, const engine::Input& input) const override {
    const engine::EntityKey key = Needs(input)[0];
    engine::Decision decision;
    Ticket state;
    if (input.kind == engine::Input::Kind::kTimer) {
      state.set_title("fired");
      decision.Emit(key, events::v1::TicketTouched(), input.due);
    } else {
      const auto& at = input.As<StartWorkRequest>()->occurred_at();
      decision.Arm(key, "t", absl::FromUnixSeconds(at.seconds()) + absl::Nanoseconds(at.nanos()));
      decision.Reply(state);
    }
    decision.Put(key, state);
    return decision;
  }
};

// Notes how late each firing was durable.
class Lateness : public bus::Publisher {
 public:
  Lateness(Clock& clock, size_t expected) : clock_(clock), expected_(expected) {}
  void Committed(absl::Span<const journal::JournalRow> rows, int64_t, int64_t) override {
    const absl::Time now = clock_.Now();
    MutexLock lock(mu_);
    for (const journal::JournalRow& row : rows) late_.push_back(now - row.occurred_at);
    if (late_.size() >= expected_) all_.NotifyAll();
  }
  void Committing() override {}
  void Abandoned() override {}
  std::vector<absl::Duration> Await() {
    MutexLock lock(mu_);
    while (late_.size() < expected_) all_.Wait(mu_);
    return late_;
  }

 private:
  Clock& clock_;
  const size_t expected_;
  Mutex mu_;
  CondVar all_;
  std::vector<absl::Duration> late_ ABSL_GUARDED_BY(mu_);
};

// Notes how late each firing was taken up, before its commit.
class TakenUp : public engine::Probe {
 public:
  void TimerFired(absl::Duration late) override { taken_up.push_back(late); }
  std::vector<absl::Duration> taken_up;  // read after the engine has stopped
};

// The raw limit: a thread that waits for one instant after the other.
std::vector<absl::Duration> CondvarLateness(int count, int per_second) {
  std::mutex mu;
  std::condition_variable never;
  std::unique_lock<std::mutex> lock(mu);
  std::vector<absl::Duration> late;
  late.reserve(static_cast<size_t>(count));
  const auto first = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  for (int i = 0; i < count; ++i) {
    const auto due = first + std::chrono::microseconds(int64_t{i} * 1'000'000 / per_second);
    while (std::chrono::steady_clock::now() < due) never.wait_until(lock, due);
    late.push_back(absl::FromChrono(std::chrono::steady_clock::now() - due));
  }
  return late;
}

struct EngineFirings {
  std::vector<absl::Duration> taken_up, durable;
};

// Arms `count` timers through commands, the first due after `lead`, then one after the other at
// `per_second`. Empty if not all were armed in time.
EngineFirings EngineLateness(int count, int per_second, absl::Duration lead) {
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  const auto database = Must(db::OpenSqlite(folder.path() + "/alarm.db"));
  Must(db::Migrate(*database, {engine::EngineSchema()}));
  SystemClock clock;
  SystemIdSource ids;
  const AlarmDecider decider;
  Lateness lateness(clock, static_cast<size_t>(count));
  TakenUp probe;
  engine::Options options;
  options.service = "alarm";
  engine::Engine engine(options,
                        {*database, clock, ids, decider, &lateness, nullptr, nullptr, &probe});
  Must(engine.Open());
  engine.Start();
  const absl::Time first = clock.Now() + lead;
  Drive(count, 256, [&](int i, Done done) {
    const absl::Time due = first + absl::Microseconds(int64_t{i} * 1'000'000 / per_second);
    auto request = std::make_shared<StartWorkRequest>();
    request->set_name(absl::StrCat("alarm-", i));
    request->mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(due));
    request->mutable_occurred_at()->set_nanos(static_cast<int>(
        absl::ToInt64Nanoseconds(due - absl::FromUnixSeconds(absl::ToUnixSeconds(due)))));
    Must(engine.Submit(
        Cores::Command(std::move(request),
                       [done](absl::StatusOr<engine::Reply> reply) { done(reply.status()); })));
  });
  if (clock.Now() > first) return {};
  EngineFirings firings;
  firings.durable = lateness.Await();
  engine.Stop();
  firings.taken_up = std::move(probe.taken_up);
  return firings;
}

void CompareLateness(int per_second) {
  const int count = per_second * 2;
  const std::vector<absl::Duration> bare = CondvarLateness(count, per_second);
  EngineFirings ours;
  for (absl::Duration lead = absl::Seconds(4); ours.durable.empty(); lead *= 2) {
    ours = EngineLateness(count, per_second, lead);
  }
  Latency(absl::StrCat("bare condvar loop, ", per_second, " firings/s, late by"), bare);
  Latency(absl::StrCat("engine, ", per_second, " firings/s, taken up late by"), ours.taken_up);
  Latency(absl::StrCat("engine, ", per_second, " firings/s, durable late by"), ours.durable);
  Factor("engine, durable p99 / bare p99",
         absl::FDivDuration(Percentile(ours.durable, 0.99), Percentile(bare, 0.99)), 5);
}

// Reads the same rows with nothing of ours in between.
double RawScanSeconds(const std::string& path) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_open(path.c_str(), &handle) != SQLITE_OK ||
      sqlite3_prepare_v2(
          handle, "SELECT class, tenant, id, name, due, traceparent FROM timers ORDER BY due", -1,
          &statement, nullptr) != SQLITE_OK) {
    Must(absl::InternalError(absl::StrCat("raw SQLite: ", sqlite3_errmsg(handle))));
  }
  const absl::Duration began = Uptime();
  int rows = 0;
  while (sqlite3_step(statement) == SQLITE_ROW) ++rows;
  const double seconds = absl::ToDoubleSeconds(Uptime() - began);
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  if (rows != kManyTimers) Must(absl::InternalError("rows are missing"));
  return seconds;
}

void StoreManyTimers(db::Database& database) {
  const int64_t start = absl::ToUnixMicros(SystemClock().Now() + absl::Hours(1));
  constexpr int kChunk = 10'000;
  for (int first = 0; first < kManyTimers; first += kChunk) {
    std::vector<db::Row> rows;
    for (int i = first; i < first + kChunk; ++i) {
      // Due times lie anywhere within 30 days, as those of real promises do.
      const int64_t due = start + int64_t{i} * 7'919 % 2'592'000 * 1'000'000;
      rows.push_back(
          {int64_t{1}, "default", absl::StrCat("inc-", i), "resolution/due", due, kTraceparent});
    }
    auto transaction = Must(database.Begin());
    Must(transaction->Insert(engine::TimerTable(), rows));
    Must(transaction->Commit());
    Must(database.Maintain(false));
  }
}

double ResidentBytes() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE));
}

// Run first: what other parts have freed would blur it.
void MeasureMemory() {
  engine::TimerIndex index;
  const double before = ResidentBytes();
  for (int i = 0; i < kManyTimers; ++i) {
    index.Set({{1, "default", absl::StrCat("inc-", i)}, "resolution/due"},
              absl::FromUnixSeconds(int64_t{i} * 7'919 % 2'592'000));
  }
  const double bytes = (ResidentBytes() - before) / kManyTimers;
  Figure("memory of an armed timer, 1,000,000 of them",
         absl::StrFormat("%10.0f bytes   goal <= 150%s", bytes, bytes <= 150 ? "" : "  NOT MET"));
}

void MeasureRearming() {
  const cli::TemporaryFolder folder = Must(cli::TemporaryFolder::Make());
  const std::string path = folder.path() + "/alarm.db";
  const auto database = Must(db::OpenSqlite(path));
  Must(db::Migrate(*database, {engine::EngineSchema()}));
  StoreManyTimers(*database);
  const double raw = RawScanSeconds(path);
  SystemClock clock;
  SystemIdSource ids;
  const AlarmDecider decider;
  engine::Options options;
  options.service = "alarm";
  engine::Engine engine(options, {*database, clock, ids, decider});
  const absl::Duration began = Uptime();
  Must(engine.Open());
  const double seconds = absl::ToDoubleSeconds(Uptime() - began);
  if (engine.TimerCount() != kManyTimers) Must(absl::InternalError("timers are missing"));
  Figure("raw SQLite, reading 1,000,000 timers in order", absl::StrFormat("%10.1f s", raw));
  Figure("engine, arming 1,000,000 timers at a start",
         absl::StrFormat("%10.1f s   goal <= 10 s%s", seconds, seconds <= 10 ? "" : "  NOT MET"));
  Figure("engine / raw", absl::StrFormat("%10.2f x", seconds / raw));
}

int Main() {
  Title("timer_bench", "timers of an engine on file SQLite");
  MeasureMemory();
  MeasureRearming();
  CompareLateness(2'000);
  CompareLateness(10'000);
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
