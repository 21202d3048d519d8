#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/watchbell/command.h"
#include "services/watchbell/embedded.h"
#include "services/watchbell/local_process.h"
#include "services/watchbell/policy_command.h"
#include "services/watchbell/replay_verdicts.h"
#include "services/watchbell/replayer.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

// Written beside and renamed: a report is whole or not there.
absl::Status WriteFile(const std::string& path, const std::string& content) {
  const std::string part = absl::StrCat(path, ".part");
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out << content;
  out.close();
  if (!out || std::rename(part.c_str(), path.c_str()) != 0) {
    const absl::Status failed = absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
    std::remove(part.c_str());
    return failed;
  }
  return absl::OkStatus();
}

// Found out before the work, not after it.
absl::Status CheckWritable(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write ", path, ": it is a folder"));
  }
  const std::string part = absl::StrCat(path, ".part");
  if (!std::ofstream(part, std::ios::binary | std::ios::app)) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  }
  std::remove(part.c_str());
  return absl::OkStatus();
}

absl::StatusOr<AuditLog> ReadLog(const std::string& path, Screen& screen, Clock& clock) {
  Progress progress(screen, clock, absl::StrCat("Reading ", path), "rows", 0);
  absl::StatusOr<AuditLog> log = ReadAuditLog(path, [&](int64_t rows) {
    if (screen.terminal()) progress.Update(rows);
    return !Interrupted();
  });
  if (log.ok()) {
    progress.Update(log->rows);
    progress.Finish();
  } else if (screen.terminal()) {
    screen.Raw("\n");
  }
  return log;
}

// Where the commands go: a running watchbell, or one in this process.
struct Destination {
  std::optional<TemporaryFolder> folder;  // outlives the process
  std::unique_ptr<runtime::Process> process;
  std::unique_ptr<rpc::Client> client;
};

std::string DataFolderOf(const config::Config& options) {
  return options.Get("data").empty() ? options.Get("data.dir") : options.Get("data");
}

absl::Status Open(const config::Config& options, Clock& clock, Destination* to) {
  if (const std::string& target = options.Get("target"); !target.empty()) {
    to->client = rpc::Connect(target);
    return absl::OkStatus();
  }
  std::string data = DataFolderOf(options);
  if (data.empty()) {
    ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Make());
    data = to->folder.emplace(std::move(folder)).path();
  }
  ASSIGN_OR_RETURN(to->process, StartLocal("watchbell replay", data, {}, clock));
  to->client = to->process->InProcessClient();
  return absl::OkStatus();
}

// What judges the tickets: --policy, or the demo's. The faults of a file by their path in it.
absl::StatusOr<sla::v1::PolicyFile> PolicyOf(const config::Config& options) {
  const std::string& path = options.Get("policy");
  if (path.empty()) return EmbeddedMessage<sla::v1::PolicyFile>("replay_policy.json");
  ASSIGN_OR_RETURN(sla::v1::PolicyFile file, ReadPolicyFile(path));
  if (!file.has_policy_set()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": there is no policy_set to judge by"));
  }
  RETURN_IF_ERROR(CheckPolicyFile(file));
  return file;
}

absl::Status WriteVerdicts(Replayer& replayer, const std::string& path, Screen& screen) {
  ASSIGN_OR_RETURN(const std::vector<sla::v1::ImportClock> clocks, replayer.Clocks());
  RETURN_IF_ERROR(WriteFile(path, VerdictsCsv(clocks)));
  screen.Line(absl::StrCat("The verdicts are in ", path, "."));
  return absl::OkStatus();
}

absl::Status RunReplay(const config::Config& options, sla::v1::PolicyFile policy,
                       const std::string& file) {
  SystemClock clock;
  Screen screen(STDERR_FILENO);
  Screen out(STDOUT_FILENO);
  ASSIGN_OR_RETURN(const AuditLog log, ReadLog(file, screen, clock));
  if (log.commands.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, " holds nothing to import: ", log.rows, " rows, ", log.failed.size(), " malformed",
        log.failed.empty() ? "" : absl::StrCat("; the first: ", log.failed.front().reason)));
  }
  Destination destination;
  RETURN_IF_ERROR(Open(options, clock, &destination));
  Replayer replayer(*destination.client, CallOptionsFor(options), clock, screen, std::move(policy));
  ASSIGN_OR_RETURN(const ReplayResult result, replayer.Run(log));
  out.Raw(ReportText(log, result.tally, result.figures));
  if (const std::string& path = options.Get("report"); !path.empty()) {
    RETURN_IF_ERROR(WriteFile(path, ReportJson(log, result.tally, result.figures)));
    screen.Line(absl::StrCat("The report is in ", path, "."));
  }
  if (const std::string& path = options.Get("verdicts"); !path.empty()) {
    RETURN_IF_ERROR(WriteVerdicts(replayer, path, screen));
  }
  return absl::OkStatus();
}

}  // namespace

int Replay(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options =
      LoadOptions({{"format", "", "servicenow-audit"},
                   {"report", "", "file for the report as JSON"},
                   {"policy", "", "policy file that judges the tickets; empty = the demo's"},
                   {"verdicts", "", "file for the verdict of every clock as CSV"},
                   {"data.dir", "", "data folder to import into; empty = a temporary one"},
                   {"data", "", "short for --data-dir"},
                   {"target", "", "HOST:PORT of a running watchbell; empty = run it here"},
                   {"tenant", "default", "whose data"}},
                  arguments);
  if (!options.ok()) return Misused(options.status());
  if (options->Get("format").empty()) return WrongUse("replay", "--format is missing");
  if (options->Get("format") != "servicenow-audit") {
    return WrongUse("replay", "the only format is servicenow-audit");
  }
  if (options->rest().size() != 1) return WrongUse("replay", "give one file");
  // A target by flag beats the folder that a server's file or environment names; both by flag
  // cannot be meant.
  const auto given = [&arguments](absl::string_view flag) {
    return std::any_of(arguments.begin(), arguments.end(), [flag](const std::string& word) {
      return word == flag || absl::StartsWith(word, absl::StrCat(flag, "="));
    });
  };
  if ((given("--data") || given("--data-dir")) && !options->Get("target").empty()) {
    return WrongUse("replay", "give --data-dir or --target, not both");
  }
  if (given("--data") && given("--data-dir")) {
    return WrongUse("replay", "give --data-dir or --data, not both");
  }
  if (!options->Get("report").empty() && options->Get("report") == options->Get("verdicts")) {
    return WrongUse("replay", "--report and --verdicts are one file");
  }
  for (const char* out : {"report", "verdicts"}) {
    if (options->Get(out).empty()) continue;
    if (absl::Status writable = CheckWritable(options->Get(out)); !writable.ok()) {
      return Fail(writable, false);
    }
  }
  absl::StatusOr<sla::v1::PolicyFile> policy = PolicyOf(*options);
  if (!policy.ok()) return RefuseFile(options->Get("policy"), policy.status());
  CatchInterrupts();
  const absl::Status replayed = RunReplay(*options, *std::move(policy), options->rest()[0]);
  if (replayed.ok()) return 0;
  if (absl::IsCancelled(replayed) && Interrupted()) {
    const bool kept = !DataFolderOf(*options).empty() || !options->Get("target").empty();
    Screen(STDERR_FILENO)
        .Line(kept ? "\nInterrupted. The same command goes on where it stopped."
                   : "\nInterrupted. Nothing is left of it; with --data-dir=DIR it could go on.");
    return 130;
  }
  return Fail(replayed);
}

}  // namespace watchbell::cli
