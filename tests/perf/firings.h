// Timers that fall due one after the other, whatever became of those before, and how late each of
// their firings is durable.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/db/migrations.h"
#include "common/engine/decider.h"
#include "google/protobuf/message.h"

namespace watchbell::perf {

// An entity with a timer, as it is stored.
struct ArmedEntity {
  engine::TimerKey timer;
  std::shared_ptr<const google::protobuf::Message> state;
};

// A service as far as its timers go.
struct FiringService {
  std::string name;
  std::vector<db::Migration> migrations;
  const engine::Decider& decider;
  // The i-th timer, due then. Each of its firings tells of at least one event dated so.
  std::function<ArmedEntity(int i, absl::Time due)> armed;
};

struct Firings {
  std::vector<absl::Duration> taken_up;  // until the batch began
  std::vector<absl::Duration> durable;   // until the commit
  std::vector<absl::Duration> batches;   // how long each took
  double average_batch = 0;
  absl::Duration processor_time;  // of a firing, all threads
};

// `per_second` for `seconds`, after two seconds of the same that are not counted, with an engine on
// a SQLite file.
Firings FireOnEngine(const FiringService& service, int per_second, int seconds);
// Prints lateness and the rest, with the goal of 5 ms. True if it is met.
bool ReportFirings(const std::string& what, int per_second, const Firings& firings);
// Prints the highest of a few rates below `per_second` at which the goal is met, and what a batch
// takes there.
void FindFiringRate(const FiringService& service, int per_second, int seconds);

// The same rows read and written straight through SQLite's C interface, whatever is due in one
// transaction: the smallest firing the store can do.
Firings FireOnRawStore(int per_second, int seconds);
// Processor time of this process so far, all threads.
absl::Duration ProcessTime();
// Firings a second if all are due, `batch` a transaction.
double RawFiringsPerSecond(int count, int batch);

}  // namespace watchbell::perf
