// How long the seeds of the simulation take: its figure in the test run is 1,000 seeds in under a
// minute.
#include "tests/simulation/simulation.h"

#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/telemetry/log.h"
#include "tests/perf/bench.h"

namespace watchbell::perf {
namespace {

int Main() {
  const int seeds = FromEnvironment("BENCH_SEEDS", 100);
  Title("simulation_bench", absl::StrCat(seeds, " seeds of the simulation, one thread"));
  telemetry::SetLogLevel(telemetry::Level::kError);  // injected faults are no news
  std::vector<absl::Duration> each;
  const absl::Duration began = Uptime();
  const std::clock_t cpu = std::clock();
  for (int seed = 1; seed <= seeds; ++seed) {
    const absl::Duration from = Uptime();
    const std::string failure = test::Simulation(static_cast<uint64_t>(seed)).Run();
    if (!failure.empty()) {
      Must(absl::InternalError(absl::StrCat("seed ", seed, " fails: ", failure)));
    }
    each.push_back(Uptime() - from);
  }
  const double seconds = absl::ToDoubleSeconds(Uptime() - began) * 100 / seeds;
  Figure("100 seeds", absl::StrFormat("%10.1f s", seconds));
  Figure("100 seeds, processor time",
         absl::StrFormat("%10.1f s",
                         static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC * 100 / seeds));
  Latency("one seed", each);
  Factor("1,000 seeds / one minute", seconds * 10 / 60, 1);
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
