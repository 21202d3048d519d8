#include "services/watchbell/command.h"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/config/address.h"
#include "common/runtime/process.h"
#include "protos/watchbell/api/v1/installation.h"
#include "services/analytics/module.h"
#include "services/escalation/module.h"
#include "services/notifications/module.h"
#include "services/sla/module.h"
#include "services/tickets/module.h"
#include "services/watchbell/message_json.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

constexpr Command kCommands[] = {
    {"serve", "run all five services in one process", "[flags]", Serve},
    {"migrate", "bring the databases to their newest schema",
     "[--data-dir=DIR | --database-url=URL] [--dry-run | --check]\n\n"
     "dry-run: print what would be run. check: exit status 1 if anything is pending. Neither "
     "changes "
     "anything.",
     Migrate},
    {"topics", "check the topics on Kafka, or create them",
     "[--create] [--kafka-brokers=HOST:PORT,...] [--kafka-topic-prefix=TEXT] "
     "[--kafka-properties=...] [--kafka-replication=N]\n\n"
     "Prints every difference from what the services need; exit status 1 if there is one.",
     Topics},
    {"replay", "import another tool's history and report on it",
     "--format=servicenow-audit FILE [--report=OUT.json] [--policy=POLICY.json] "
     "[--verdicts=OUT.csv]\n"
     "    [--data-dir=DIR | --target=HOST:PORT] [--tenant=NAME]\n\n"
     "FILE is CSV, plain or gzip. Without --target everything runs in this process: on --data-dir "
     "(or --data), or in a temporary\n"
     "folder that is removed at the end. What was imported before is not imported again.\n"
     "policy: what judges the tickets, a file as of `watchbell policy`; the demo's without it. "
     "Tickets that were imported\n"
     "before keep what judged them.\n"
     "target: the policy's calendars and policy set are stored on that server, too; the set is not "
     "activated there, but a calendar\n"
     "that differs from the stored one becomes its new version.\n"
     "verdicts: a line for each promise that was kept or broken: whose, which clock, when it "
     "began, was due and ended.",
     Replay},
    {"policy", "check, explain and preview SLA policies in a file, or put them in force",
     "check FILE [--stored]\n"
     "  watchbell policy explain FILE [--stored] | --clock=TICKET/CLOCK/CYCLE\n"
     "  watchbell policy preview FILE [--from=TIME] [--to=TIME] [--source=IMPORT]\n"
     "  watchbell policy preview FILE --ticket=TICKET.json\n"
     "  watchbell policy preview --running --policy-set=ID [--version=N]\n"
     "  watchbell policy apply FILE [--activate] [--effective-at=TIME | --move-running] "
     "[--reason=TEXT]\n"
     "    with a server: [--target=HOST:PORT] [--tenant=NAME] [--timeout=SECONDS]\n\n"
     "FILE is protobuf JSON of watchbell.sla.v1.PolicyFile: calendars and a policy set, for "
     "example tests/data/policies/*.json.\n"
     "TIME is as 2026-01-05T09:00:00Z.\n"
     "check: prints every fault by its path in FILE, and what is odd about the calendars; needs "
     "no server, but with --stored, for\n"
     "a FILE that counts by calendars which lie on a server only.\n"
     "explain: what FILE promises, in words; --stored as of check. With --clock: why a clock "
     "stands "
     "where it stands, and what would change it.\n"
     "preview: what FILE would have made of the tickets that were opened in that time, or of an "
     "import's: promises kept and broken, before\n"
     "and after. With --ticket: the clocks a ticket (JSON of watchbell.tickets.v1.Ticket) would "
     "have. With --running: what a stored version\n"
     "(the newest without N) would make of the open tickets. Nothing is stored.\n"
     "apply: stores what has changed as new versions; nothing of a file that has faults. With "
     "--activate the policy set judges\n"
     "tickets opened from TIME on (now without it), with --move-running also those that are open "
     "now. Changed calendars count for tickets\n"
     "opened from TIME on too; a FILE of calendars only takes TIME without --activate. A "
     "calendar's "
     "first version counts from the beginning.",
     Policy},
    {"demo", "an imported history and a live alert storm, in a temporary folder",
     "[--stay=auto|yes|no]\n\nstay: go on serving at the end until Ctrl-C; auto does on a "
     "terminal.",
     Demo},
    {"call", "call an rpc with JSON",
     "[--target=HOST:PORT] [--tenant=NAME] [--timeout=SECONDS] [--subject=NAME] [--roles=ROLE,...] "
     "[--zeros]\n    [SERVICE/METHOD [JSON]]\n\n"
     "JSON \"-\" is read from standard input; without JSON the request is empty. Names may be "
     "shortened\n"
     "(TicketService/CreateTicket). Without a method: the list of all, or of one service.\n"
     "timeout: 30 by default, and without end for a stream; so long it is tried to reach a server "
     "that is away.\n"
     "subject, roles: as whom; a server that believes its callers takes \"developer\" with agent, "
     "manager, integration and operator\n"
     "if they are not given. With --roles= there are none: so a requester calls.\n"
     "zeros: print also the fields that are zero or empty.",
     Call},
    {"dead-letters", "list, retry or skip what a service could not read or apply",
     "list [--service=NAME] [--all] | retry SERVICE ID | skip SERVICE ID\n"
     "    [--target=HOST:PORT] [--tenant=NAME] [--timeout=SECONDS]",
     DeadLetters},
    {"print-config", "every setting, its value and where it comes from", "[flags]", PrintConfig},
    {"version", "what this build is", "[--json]", PrintVersion},
};

const Command* Find(const std::string& name) {
  const auto* found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                   [&](const Command& c) { return name == c.name; });
  return found == std::end(kCommands) ? nullptr : found;
}

int Unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  const std::string near = Nearest(name, names);
  std::cerr << "watchbell: there is no command \"" << name << "\""
            << (near.empty() ? "" : absl::StrCat(", did you mean \"", near, "\"?")) << "\n"
            << "`watchbell help` lists them.\n";
  return 2;
}

// A server gives its reason; without one, none was reached.
void HintAtNobody(const absl::Status& status) {
  if (!absl::IsUnavailable(status) || !ErrorReason(status).empty()) return;
  std::cerr << "  Is `watchbell serve` running there? --target=HOST:PORT names its gRPC address, "
               "127.0.0.1:7700 unless it was told otherwise.\n";
}

// Wherever it stands among the arguments; what comes after "--" is no flag.
bool AsksForHelp(const Arguments& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::any_of(arguments.begin(), end, [](const std::string& argument) {
    return argument == "--help" || argument == "-h";
  });
}

// The lines of the usage that say how to write it, without those that explain; of "policy apply"
// only those of that verb.
std::string Synopsis(const std::string& command, const Command& found) {
  const std::string usage = found.usage;
  const std::string lines =
      absl::StrCat("  watchbell ", found.name, " ", usage.substr(0, usage.find("\n\n")));
  if (command == found.name) return lines + "\n";
  std::string of_verb;
  for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
    if (absl::StartsWith(line, absl::StrCat("  watchbell ", command, " "))) {
      absl::StrAppend(&of_verb, line, "\n");
    }
  }
  return of_verb;
}

int PrintHelp() {
  std::cout << "watchbell: a service desk that keeps time\n\n"
            << "  watchbell COMMAND [arguments]\n\n";
  for (const Command& command : kCommands)
    std::cout << absl::StrFormat("  %-14s %s\n", command.name, command.summary);
  std::cout << "\n`watchbell help COMMAND` says more about one.\n";
  return 0;
}

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

int Run(const Arguments& arguments) {
  if (arguments.empty()) return PrintHelp();
  const std::string& name = arguments[0];
  const bool help = name == "help" || name == "--help" || name == "-h";
  if (help && arguments.size() == 1) return PrintHelp();
  const bool of_command = !help && AsksForHelp(arguments);
  const std::string& wanted = help ? arguments[1] : name;
  const Command* command = Find(wanted);
  if (command == nullptr) return Unknown(wanted);
  if (help || of_command) {
    std::cout << command->summary << "\n\n  watchbell " << command->name << " " << command->usage
              << "\n";
    if (command->run == Serve || command->run == PrintConfig) {
      std::cout << "\n" << config::Config::Usage(ServerKeys());
    } else if (command->run == Migrate) {
      std::cout << "\n" << config::Config::Usage(MigrateKeys());
    } else if (command->run == Topics) {
      std::cout << "\n" << config::Config::Usage(TopicsKeys());
    }
    return 0;
  }
  const int status = command->run(Arguments(arguments.begin() + 1, arguments.end()));
  if (status == 2) std::cerr << "  See `watchbell " << name << " --help`.\n";
  return status;
}

std::vector<runtime::ModuleDefinition> AllModules() {
  return {tickets::Module(), sla::Module(), escalation::Module(), notifications::Module(),
          analytics::Module()};
}

runtime::Installation TheInstallation() { return {api::TopicsOfServices(), api::RpcsOfServices()}; }

std::vector<config::Key> ServerKeys() { return runtime::AllKeys(AllModules(), TheInstallation()); }

absl::StatusOr<config::Config> LoadOptions(std::vector<config::Key> own,
                                           const Arguments& arguments) {
  std::vector<config::Key> elsewhere = ServerKeys();
  for (config::Key& key : runtime::KeysOfOtherCommands()) elsewhere.push_back(std::move(key));
  const auto target = std::find_if(own.begin(), own.end(),
                                   [](const config::Key& key) { return key.name == "target"; });
  const bool optional = target == own.end() || target->default_value.empty();
  const bool calls = target != own.end();
  const bool waits = std::any_of(own.begin(), own.end(),
                                 [](const config::Key& key) { return key.name == "timeout"; });
  ASSIGN_OR_RETURN(config::Config options, config::Config::Load(std::move(own), arguments,
                                                                config::Environment(), elsewhere));
  if (calls && !(optional && options.Get("target").empty())) {
    RETURN_IF_ERROR(config::CheckTarget("target", options.Get("target")));
  }
  if (waits) {
    ASSIGN_OR_RETURN(const int seconds, options.GetInt("timeout"));
    if (seconds < 0) return absl::InvalidArgumentError("--timeout must not be negative");
  }
  return options;
}

absl::StatusOr<config::Config> AsServer(const config::Config& options,
                                        const std::vector<std::string>& keys) {
  Arguments flags;
  for (const std::string& key : keys) {
    const std::string flag = absl::StrReplaceAll(key, {{".", "-"}, {"_", "-"}});
    flags.push_back(absl::StrCat("--", flag, "=", options.Get(key)));
  }
  return config::Config::Load(ServerKeys(), flags, {});
}

std::vector<config::Key> ClientKeys() {
  return {{"target", "127.0.0.1:7700", "HOST:PORT of a running watchbell, or another gRPC target"},
          {"tenant", "default", "whose data"},
          {"timeout", "0", "seconds; 0: 30 for an answer, none for a stream"}};
}

rpc::CallOptions ClientOptions(const config::Config& options, absl::Duration unless_told) {
  const int seconds = options.GetInt("timeout").value_or(0);  // LoadOptions has looked at it
  return CallOptionsFor(options, seconds > 0 ? absl::Seconds(seconds) : unless_told, "--timeout");
}

rpc::CallOptions CallOptionsFor(const config::Config& options, absl::Duration timeout,
                                const std::string& flag) {
  rpc::CallOptions call;
  call.timeout = timeout;
  call.metadata["x-watchbell-tenant"] = options.Get("tenant");
  call.patient = true;
  call.on_wait = [target = options.Get("target"), timeout, flag](const absl::Status& status) {
    std::cerr << "watchbell: " << target << ": " << status.message() << "\n";
    HintAtNobody(status);
    std::cerr << "  Trying again";
    if (timeout != absl::InfiniteDuration()) {
      std::cerr << " for " << absl::ToInt64Seconds(timeout) << " s"
                << (flag.empty() ? "" : absl::StrCat(" (", flag, ")"));
    }
    std::cerr << ".\n";
  };
  return call;
}

int Misused(const absl::Status& status) {
  std::cerr << "watchbell: " << status.message() << "\n" << WhatFits(status);
  return 2;
}

int Fail(const absl::Status& status, bool called) {
  const std::string reason = ErrorReason(status);
  const std::string code = absl::StatusCodeToString(status.code());
  std::cerr << "watchbell: " << status.message() << " (" << code
            << (reason.empty() || reason == code ? "" : absl::StrCat(", ", reason)) << ")\n";
  for (const FieldViolation& violation : FieldViolations(status)) {
    const std::string line = absl::StrCat(violation.field, ": ", violation.description);
    if (!absl::StrContains(status.message(), line)) std::cerr << "  " << line << "\n";
  }
  std::cerr << WhatFits(status);
  if (called) HintAtNobody(status);
  return 1;
}

int WrongUse(const std::string& command, const std::string& why) {
  const Command* found = Find(command.substr(0, command.find(' ')));
  std::cerr << "watchbell " << command << ": " << why << "\n"
            << (found == nullptr ? "" : Synopsis(command, *found));
  return 2;
}

}  // namespace watchbell::cli
