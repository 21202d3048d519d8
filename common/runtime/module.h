// One service as a process holds it: its core, its rpcs, and what it adds to the configuration.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/engine/decider.h"
#include "common/rpc/service.h"
#include "common/runtime/service_core.h"

namespace watchbell::runtime {

// What a module's rpcs are made from.
struct ModuleContext {
  ServiceCore& core;
  const config::Config& config;
  rpc::WatchHub& hub;  // notified after every commit of this service
};

// services/<name>/module.cc returns one of these; nothing else about a service is known to the
// process.
struct ModuleDefinition {
  std::string name;
  std::vector<config::Key> keys;
  std::function<ServiceSpec(const config::Config&)> spec;
  std::function<std::vector<std::unique_ptr<rpc::Service>>(ModuleContext)> services;
  // Makes the runner of the decider's effects; `submit` feeds outcomes back. Null: there are none.
  std::function<absl::StatusOr<std::unique_ptr<engine::EffectRunner>>(
      const config::Config&, Clock&, std::function<absl::Status(engine::Input)> submit)>
      effects;
  // Run for each shard that is taken over, before anything of it is fed, for what its last holder
  // left behind; on a data folder for all shards, at the start. May be null.
  std::function<absl::Status(ServiceCore&, int shard)> recover;
  // INVALID_ARGUMENT names the key whose value cannot work. May be null.
  std::function<absl::Status(const config::Config&)> check;
};

}  // namespace watchbell::runtime
