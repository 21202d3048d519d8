// A process: some modules behind one gRPC port and one admin port, on the embedded default.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/config/config.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "common/runtime/metrics.h"
#include "common/runtime/module.h"

namespace watchbell::runtime {

// Keys every process knows: listen, admin.listen, data.dir, log.level, drain.pause, drain.grace.
std::vector<config::Key> ProcessKeys();
// Those and the modules' own.
std::vector<config::Key> AllKeys(const std::vector<ModuleDefinition>& modules);

// Brings the databases of these modules to their newest schema. For `migrate`, and for the embedded
// default at start.
absl::Status MigrateAll(const std::vector<ModuleDefinition>& modules, const config::Config& config);

// Running modules. Start order: lock the data folder, migrate, open cores, recover, serve, report
// ready. Stop order is the reverse (style: health off, pause, watch streams, drain, committers,
// databases).
class Process {
 public:
  static absl::StatusOr<std::unique_ptr<Process>> Start(const std::string& program,
                                                        std::vector<ModuleDefinition> modules,
                                                        const config::Config& config, Clock& clock);
  virtual ~Process() = default;  // Stop()

  virtual int grpc_port() const = 0;
  virtual int admin_port() const = 0;
  virtual std::unique_ptr<rpc::Client> InProcessClient() = 0;
  virtual void Stop() = 0;
};

// main() of a service: configuration, Start, wait for SIGTERM or SIGINT, Stop. A second signal
// exits at once.
int Main(int argc, char** argv, const std::string& program, std::vector<ModuleDefinition> modules);

}  // namespace watchbell::runtime
