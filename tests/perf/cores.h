// Services with engines on threads and no network, on files or another database, for benchmarks of
// what lies below it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/service_core.h"
#include "services/watchbell/local_process.h"
#include "tests/perf/bench.h"

namespace watchbell::perf {

class Cores {
 public:
  // A service's database; files in a temporary folder if none is given.
  using OpenDatabase = std::function<std::unique_ptr<db::Database>(const std::string& service)>;
  explicit Cores(OpenDatabase open = nullptr)
      : folder_(Must(cli::TemporaryFolder::Make())), open_(std::move(open)), bus(kDefaultShards) {}
  ~Cores() {
    for (const auto& core : cores_) core->engine().Stop();
  }

  // Made, opened and started in the order of these calls: producers first.
  runtime::ServiceCore& Start(runtime::ServiceSpec spec, engine::Probe* probe = nullptr) {
    databases_.push_back(open_ != nullptr
                             ? open_(spec.name)
                             : Must(db::OpenSqlite(folder_.path() + "/" + spec.name + ".db")));
    Must(db::Migrate(*databases_.back(), runtime::AllMigrations(spec)));
    runtime::ServiceCore::Parts parts{*databases_.back(), clock, ids, bus};
    parts.probe = probe;
    cores_.push_back(Must(runtime::ServiceCore::Make(std::move(spec), std::move(parts))));
    Must(cores_.back()->Open());
    cores_.back()->engine().Start();
    return *cores_.back();
  }

  // A command as an adapter hands it over.
  static engine::Input Command(std::shared_ptr<const google::protobuf::Message> message,
                               std::function<void(absl::StatusOr<engine::Reply>)> done) {
    engine::Input input;
    input.identity = {"default", "bench", {"agent", "manager", "integration", "operator"}};
    input.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    input.message = std::move(message);
    input.done = std::move(done);
    return input;
  }

 private:
  cli::TemporaryFolder folder_;
  const OpenDatabase open_;

 public:
  SystemClock clock;
  SystemIdSource ids;
  bus::EmbeddedBus bus;

 private:
  std::vector<std::unique_ptr<db::Database>> databases_;
  std::vector<std::unique_ptr<runtime::ServiceCore>> cores_;
};

// Counts batches and what they held.
class BatchCounter : public engine::Probe {
 public:
  struct Counts {
    size_t inputs = 0;
    std::vector<absl::Duration> batches;  // how long each took
  };
  void Batch(size_t inputs, size_t, absl::Duration took) override {
    MutexLock lock(mu_);
    counts_.inputs += inputs;
    counts_.batches.push_back(took);
  }
  // What was counted since the last Take.
  Counts Take() {
    MutexLock lock(mu_);
    return std::exchange(counts_, Counts());
  }

 private:
  Mutex mu_;
  Counts counts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::perf
