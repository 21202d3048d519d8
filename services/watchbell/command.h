// The commands of `watchbell`: one file each, one table.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/config/config.h"
#include "common/rpc/client.h"
#include "common/runtime/module.h"

namespace watchbell::cli {

using Arguments = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;  // one line of the list
  const char* usage;    // after "watchbell <name> ", and what `watchbell help <name>` says
  // Exit status: 0 done, 1 it failed (a sentence was printed), 2 wrong use.
  int (*run)(const Arguments& arguments);
};

int Serve(const Arguments& arguments);
int Migrate(const Arguments& arguments);
int Replay(const Arguments& arguments);
int Demo(const Arguments& arguments);
int Call(const Arguments& arguments);
int DeadLetters(const Arguments& arguments);
int PrintConfig(const Arguments& arguments);
int PrintVersion(const Arguments& arguments);

// In the order of the list.
absl::Span<const Command> Commands();

// Runs `watchbell arguments...`.
int Run(const Arguments& arguments);

// The five services.
std::vector<runtime::ModuleDefinition> AllModules();

// Flags of a command (and, so that one configuration file serves all, every key of the services).
absl::StatusOr<config::Config> LoadOptions(std::vector<config::Key> own,
                                           const Arguments& arguments);
// --target and --tenant.
std::vector<config::Key> ClientKeys();
rpc::CallOptions CallOptionsFor(const config::Config& options);

// Prints a sentence on standard error; returns the exit status.
int Fail(const absl::Status& status);
int WrongUse(const std::string& command, const std::string& why);

}  // namespace watchbell::cli
