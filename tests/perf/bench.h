// What the benchmarks share: load with a fixed number of calls in flight, percentiles, and the
// printing of figures beside their limits. A benchmark never fails on speed, only on errors.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::perf {

// Steady time since some instant.
absl::Duration Uptime();
// Processor time of this thread: what work alone takes, whatever else runs.
absl::Duration ThreadTime();

struct LoadResult {
  double seconds = 0;
  std::vector<absl::Duration> latencies;  // in the order of the calls
  double PerSecond() const { return static_cast<double>(latencies.size()) / seconds; }
};

// Calls start(i, done) for i in [0, total), `in_flight` at a time; each calls `done` once, on any
// thread but not before it returns. Waits for all. The first error ends the program with a
// sentence: a figure of failing calls is none.
using Done = std::function<void(absl::Status)>;
LoadResult Drive(int total, int in_flight, const std::function<void(int, Done)>& start);

// Calls start(i, due) for i in [0, total) at instants that lie 1/per_second apart, whatever became
// of the calls before. `due` is when it should be called: what is late here counts.
void Pace(int total, int per_second, const std::function<void(int, absl::Duration due)>& start);

// q in [0, 1]; sorts a copy.
absl::Duration Percentile(std::vector<absl::Duration> values, double q);
double Median(std::vector<double> values);

// Ends the program with a sentence if it is an error.
void Must(const absl::Status& status);
template <typename T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

// Lines of the report. The title tells how busy the machine was before.
void Title(const std::string& name, const std::string& what);
void Figure(const std::string& what, const std::string& value);
void Rate(const std::string& what, double per_second, const std::string& unit);
void Latency(const std::string& what, const std::vector<absl::Duration>& latencies);
// "what  23.4 %  goal >= 15 %"
void Share(const std::string& what, double ratio, double goal);
// "what  2.1 x  goal <= 5 x"
void Factor(const std::string& what, double ratio, double goal);
// "5.1 ms"
std::string Pretty(absl::Duration duration);

// The positive number in an environment variable, or `otherwise`.
int FromEnvironment(const char* name, int otherwise);

// A ticket as desks open them: about 900 bytes, every one its own.
tickets::v1::CreateTicketRequest RealisticTicket(int i);

// Three rows a ticket (900 B with two indexes, history, 500 B outbox), `batch` tickets a
// transaction, straight through SQLite's C interface: WAL, synchronous=FULL, a file in a temporary
// folder.
struct RawStore {
  double tickets_per_second = 0;
  std::vector<absl::Duration> transactions;
};
RawStore RawInserts(int tickets, int batch);
// The same rows through libpq into the test server: one connection in pipeline mode, prepared
// statements, an unnest() of binary arrays for each table.
RawStore RawUnnest(int tickets, int batch);

}  // namespace watchbell::perf
