// A process: some modules behind one gRPC port and one admin port, on a data folder or on
// PostgreSQL and Kafka.
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
#include "common/runtime/peers.h"

namespace watchbell::runtime {

// Keys every process knows: those of its platform, its addresses, its stop, and its peers.
std::vector<config::Key> ProcessKeys(const Installation& installation = {});
// Those and the modules' own.
std::vector<config::Key> AllKeys(const std::vector<ModuleDefinition>& modules,
                                 const Installation& installation = {});
// Keys of other commands that share a file or an environment with a server; it leaves them alone
// there.
std::vector<config::Key> KeysOfOtherCommands();

// Running modules.
//
// On a data folder: lock it, migrate, open, serve, report ready; an error ends the start.
// On PostgreSQL and Kafka: both ports are open at once, rpcs are UNAVAILABLE and readiness says why
// until the databases are there and migrated; nothing but a wrong configuration ends the start.
// Rpcs of services that are not here are passed on to their processes.
//
// Stop order is the reverse: health off, pause, watch streams, calls beside effects, engines,
// leases, databases.
class Process {
 public:
  static absl::StatusOr<std::unique_ptr<Process>> Start(const std::string& program,
                                                        std::vector<ModuleDefinition> modules,
                                                        const config::Config& config, Clock& clock,
                                                        const Installation& installation = {});
  virtual ~Process() = default;  // Stop()

  virtual int grpc_port() const = 0;
  virtual int admin_port() const = 0;
  virtual std::unique_ptr<rpc::Client> InProcessClient() = 0;
  virtual void Stop() = 0;
};

// main() of a service: configuration, Start, wait for SIGTERM or SIGINT, Stop. A second signal
// exits at once.
int Main(int argc, char** argv, const std::string& program, std::vector<ModuleDefinition> modules,
         const Installation& installation);

}  // namespace watchbell::runtime
