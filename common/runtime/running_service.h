// One service of a process, from its database to its rpcs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/clock/clock.h"
#include "common/config/config.h"
#include "common/engine/lease_keeper.h"
#include "common/rpc/service.h"
#include "common/runtime/effect_gate.h"
#include "common/runtime/head_watch.h"
#include "common/runtime/metrics.h"
#include "common/runtime/module.h"
#include "common/runtime/platform.h"
#include "common/runtime/poker.h"
#include "common/runtime/service_core.h"

namespace watchbell::runtime {

// Steps, one after the other, in this order: Make, Open, Start; then DrainEffects, StopEngine,
// GiveUpLeases. After an error of Make or Open only Reset, then Make again. Trouble and Measure are
// thread-safe between Start and the destructor.
class RunningService {
 public:
  struct Parts {
    Platform& platform;
    const config::Config& config;
    Clock& clock;
    IdSource& ids;
    Metrics& metrics;
    std::string replica;  // who we are among the replicas
    std::string address;  // HOST:PORT where they reach our rpcs
  };

  RunningService(ModuleDefinition definition, Parts parts);
  ~RunningService();

  const std::string& name() const { return definition_.name; }

  // Opens the database and puts the core together.
  absl::Status Make();
  // Reads back what is stored, and makes the rpcs.
  absl::Status Open();
  void Reset();
  // Begins to work; with replicas, to take its share of the shards.
  void Start();

  // What is under way is finished, nothing new begins; calls and timers are still served, and what
  // they would begin is given back.
  void DrainEffects();
  // Then nobody takes outcomes any more: the runner of the effects ends, too.
  void StopEngine();
  void GiveUpLeases();

  ServiceCore& core() { return *core_; }
  const std::vector<std::unique_ptr<rpc::Service>>& services() const { return services_; }
  // Why it cannot serve just now; OK if it can.
  absl::Status Trouble() const;
  // Why a producer cannot be read just now: it serves all the same.
  absl::Status ProducersHealth() const { return core_->engine().ProducersHealth(); }
  // Why the shards of a dead replica stand still: its own are served all the same.
  absl::Status ReplicasHealth() const;
  void Measure() const;

 private:
  absl::Status MakeKeeper(const ServiceSpec& spec);
  absl::Status MakeEffects(const std::string& service);

  const ModuleDefinition definition_;
  const Parts parts_;
  // Destroyed in the reverse order: rpcs, engine, effects, leases, databases.
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<db::Database> aside_;          // with replicas
  std::unique_ptr<engine::LeaseKeeper> keeper_;  // with replicas
  std::unique_ptr<Poker> poker_;                 // with replicas
  std::unique_ptr<EffectGate> effects_;          // null: the module has none
  std::unique_ptr<ServiceCore> core_;
  rpc::WatchHub hub_;
  std::unique_ptr<HeadWatch> head_watch_;  // with replicas
  std::vector<std::unique_ptr<rpc::Service>> services_;
};

}  // namespace watchbell::runtime
