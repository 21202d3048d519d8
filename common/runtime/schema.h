// The schemas of a process's services: for `migrate`.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/config/config.h"
#include "common/db/migrations.h"
#include "common/runtime/module.h"

namespace watchbell::runtime {

// What a service's database lacks.
struct PendingSchema {
  std::string service;
  std::vector<db::Migration> steps;
};

// Those with any step to take. Changes nothing: a data folder or file that is not there lacks
// everything.
absl::StatusOr<std::vector<PendingSchema>> PendingSchemas(
    const std::vector<ModuleDefinition>& modules, const config::Config& config, Clock& clock);

// Brings the databases of these modules to their newest schema, in data.dir or behind database.url.
// Errors name the service.
absl::Status MigrateAll(const std::vector<ModuleDefinition>& modules, const config::Config& config,
                        Clock& clock);

}  // namespace watchbell::runtime
