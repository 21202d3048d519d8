// The commands of `watchbell`: one file each, one table.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/config/config.h"
#include "common/rpc/client.h"
#include "common/runtime/module.h"
#include "common/runtime/peers.h"

namespace watchbell::cli {

using Arguments = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;  // one line of the list
  const char* usage;    // after "watchbell <name> ", and what `watchbell help <name>` says
  // Exit status: 0 done, 1 it failed (a sentence was printed), 2 wrong use.
  int (*run)(const Arguments& arguments);
};

std::vector<config::Key> MigrateKeys();
std::vector<config::Key> TopicsKeys();

int Serve(const Arguments& arguments);
int Migrate(const Arguments& arguments);
int Topics(const Arguments& arguments);
int Policy(const Arguments& arguments);
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

// What the services are to each other.
runtime::Installation TheInstallation();
// Every key of a server.
std::vector<config::Key> ServerKeys();

// Options of a command. One file and one environment serve all commands: keys there that are not
// the command's own are left alone, as flags they are refused. A target must be one, a timeout a
// number.
absl::StatusOr<config::Config> LoadOptions(std::vector<config::Key> own,
                                           const Arguments& arguments);
// A whole server's configuration for commands that need what the services are made of: defaults,
// and these keys as in `options`.
absl::StatusOr<config::Config> AsServer(const config::Config& options,
                                        const std::vector<std::string>& keys);
// --target, --tenant and --timeout.
std::vector<config::Key> ClientKeys();
// CallOptionsFor a command with ClientKeys: by --timeout, or `unless_told`.
rpc::CallOptions ClientOptions(const config::Config& options,
                               absl::Duration unless_told = rpc::CallOptions().timeout);
// As this tenant, riding out a restart of the other side; says so when it begins to wait: for how
// long, and by which `flag` that was given ("" = by none).
rpc::CallOptions CallOptionsFor(const config::Config& options,
                                absl::Duration timeout = rpc::CallOptions().timeout,
                                const std::string& flag = "");

// Prints a sentence on standard error; returns the exit status: 1, or 2 for wrong use. `called`: it
// came of a call to a watchbell, which may not be there, and nothing was said of that yet.
int Fail(const absl::Status& status, bool called = true);
int Misused(const absl::Status& status);
// `command`: "replay", or with its verb "policy apply"; how that is written is printed too.
int WrongUse(const std::string& command, const std::string& why);

}  // namespace watchbell::cli
