// How late timers fire with a durable commit each: an engine with the smallest decider on a SQLite
// file, beside a bare condition-variable loop and beside the same rows written raw, at the same
// rate and each whatever became of the firing before.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/engine/engine.h"
#include "tests/perf/alarm.h"
#include "tests/perf/bench.h"
#include "tests/perf/firings.h"

namespace watchbell::perf {
namespace {

// The raw limit of waiting: a thread that waits for one instant after the other.
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

// True if the goal is met.
bool Compare(const FiringService& service, int per_second, int seconds) {
  const std::vector<absl::Duration> bare = CondvarLateness(per_second * seconds, per_second);
  const Firings raw = FireOnRawStore(per_second, seconds);
  const Firings ours = FireOnEngine(service, per_second, seconds);
  Latency(absl::StrCat("bare condvar loop, ", per_second, "/s, late by"), bare);
  Latency(absl::StrCat("raw SQLite, ", per_second, "/s, durable late by"), raw.durable);
  Latency("raw SQLite, duration of a batch", raw.batches);
  Figure("raw SQLite, average batch, processor time of a firing",
         absl::StrFormat("%10.1f firings, %s", raw.average_batch, Pretty(raw.processor_time)));
  const bool met = ReportFirings("engine", per_second, ours);
  const absl::Duration p99 = Percentile(ours.durable, 0.99);
  Figure("engine, durable p99 / raw SQLite p99",
         absl::StrFormat("%10.2f x", absl::FDivDuration(p99, Percentile(raw.durable, 0.99))));
  Figure("engine / raw SQLite, processor time of a firing",
         absl::StrFormat("%10.2f x", absl::FDivDuration(ours.processor_time, raw.processor_time)));
  Factor("engine, durable p99 / bare p99", absl::FDivDuration(p99, Percentile(bare, 0.99)), 5);
  return met;
}

int Main() {
  const int seconds = FromEnvironment("BENCH_SECONDS", 20);
  Title("timer_bench", "how late an engine on file SQLite fires, each firing durable");
  Rate("raw SQLite, the rows of a firing, 100 a transaction", RawFiringsPerSecond(100'000, 100),
       "firings");
  const AlarmDecider decider;
  const FiringService alarms = {
      "alarm", {engine::EngineSchema()}, decider, [](int i, absl::Time) {
        auto armed = std::make_shared<tickets::v1::Ticket>();
        armed->set_title("armed");
        return ArmedEntity{AlarmDecider::Key(absl::StrCat("alarm-", i)), std::move(armed)};
      }};
  Compare(alarms, 2'000, seconds);
  if (!Compare(alarms, 10'000, seconds)) {
    FindFiringRate(alarms, 10'000, std::max(1, seconds / 4));
  }
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
