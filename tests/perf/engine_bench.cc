// Create at the service layer: commands into the tickets engine, answers after their commit, no
// gRPC.
#include <memory>
#include <vector>

#include "absl/strings/str_format.h"
#include "services/tickets/spec.h"
#include "tests/perf/bench.h"
#include "tests/perf/cores.h"

namespace watchbell::perf {
namespace {

constexpr int kInFlight = 256;
constexpr int kRounds = 3;

int Main() {
  const int tickets = FromEnvironment("BENCH_TICKETS", 20'000);
  Title("engine_bench", "CreateTicket into the engine of tickets, file SQLite, 256 waiting");
  Cores cores;
  BatchCounter counter;
  runtime::ServiceCore& core = cores.Start(tickets::Spec(), &counter);
  std::vector<std::shared_ptr<const tickets::v1::CreateTicketRequest>> requests;
  for (int i = 0; i < tickets; ++i) {
    auto request = std::make_shared<tickets::v1::CreateTicketRequest>(RealisticTicket(i));
    requests.push_back(std::move(request));
  }
  const auto create = [&](int i, Done done) {
    engine::Input input =
        Cores::Command(requests[static_cast<size_t>(i)],
                       [done](absl::StatusOr<engine::Reply> reply) { done(reply.status()); });
    input.request_id = cores.ids.NewUuid(cores.clock.Now());
    Must(core.engine().Submit(std::move(input)));
  };
  Drive(std::min(tickets, 2'000), kInFlight, create);  // warm up
  std::vector<double> raw, ours;
  LoadResult last;
  counter.Take();
  // In turns, so that what else runs on the machine hits both.
  for (int round = 0; round < kRounds; ++round) {
    raw.push_back(RawInserts(tickets, 100).tickets_per_second);
    last = Drive(tickets, kInFlight, create);
    ours.push_back(last.PerSecond());
  }
  Rate("raw SQLite, 3 rows a ticket, 100 a transaction", Median(raw), "tickets");
  Rate("engine, durable, 256 waiting", Median(ours), "tickets");
  Latency("engine, from submitted to answered", last.latencies);
  const BatchCounter::Counts counted = counter.Take();
  Latency("engine, duration of a batch", counted.batches);
  Figure("engine, average batch",
         absl::StrFormat("%10.1f commands", static_cast<double>(counted.inputs) /
                                                static_cast<double>(counted.batches.size())));
  Share("engine / raw", Median(ours) / Median(raw), 0.40);
  return 0;
}

}  // namespace
}  // namespace watchbell::perf

int main() { return watchbell::perf::Main(); }
