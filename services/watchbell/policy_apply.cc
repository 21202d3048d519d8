#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/clock/clock.h"
#include "common/time/rfc3339.h"
#include "services/watchbell/policy_command.h"
#include "services/watchbell/running_clocks.h"

namespace watchbell::cli {
namespace {

using sla::v1::PolicyFile;
using sla::v1::PolicyVersion;

// "active from 2026-01-05T09:00:00Z".
std::string StageOf(const PolicyVersion& version) {
  std::string text = absl::AsciiStrToLower(
      absl::StripPrefix(sla::v1::PolicyStage_Name(version.stage()), "POLICY_STAGE_"));
  if (version.has_effective_at()) {
    absl::StrAppend(&text, " from ", FormatRfc3339(FromProto(version.effective_at())));
  }
  if (version.has_retired_at()) {
    absl::StrAppend(&text, " to ", FormatRfc3339(FromProto(version.retired_at())));
  }
  return text;
}

// Where a version that was stored, perhaps long ago, stands.
absl::StatusOr<PolicyVersion> FindVersion(const sla::v1::PolicySet& stored, const CallSla& call) {
  sla::v1::ListPolicyVersionsRequest request;
  request.set_policy_set_id(stored.policy_set_id());
  sla::v1::ListPolicyVersionsResponse response;
  RETURN_IF_ERROR(call("ListPolicyVersions", request, &response));
  for (const PolicyVersion& version : response.versions()) {
    if (version.version() == stored.version()) return version;
  }
  return NotFound(absl::StrCat("policySets/", stored.policy_set_id(), "@", stored.version()));
}

struct Activation {
  bool wanted = false;
  bool move_running = false;
  std::optional<absl::Time> effective_at;
};

absl::Status MoveRunning(const sla::v1::PolicySet& policy, const std::string& reason,
                         const CallSla& call) {
  sla::v1::ApplyPolicyVersionRequest request;
  request.set_policy_set_id(policy.policy_set_id());
  request.set_version(policy.version());
  request.set_reason(reason);
  ASSIGN_OR_RETURN(const RunningMoves moves, ApplyToRunning(std::move(request), call));
  std::cout << RunningMovesText(moves, false);
  return absl::OkStatus();
}

absl::Status ApplyFile(const PolicyFile& file, const Activation& activation,
                       const std::string& reason, const CallSla& call) {
  // Nothing is stored of a file that has faults.
  RETURN_IF_ERROR(CheckPolicyFileAgainst(file, call));
  SystemClock clock;
  ASSIGN_OR_RETURN(const StoredPolicy stored, StorePolicy(file, reason, clock, call));
  for (const sla::v1::Calendar& calendar : stored.calendars) {
    std::cout << "calendar " << calendar.calendar_id() << ": version " << calendar.version()
              << "\n";
  }
  if (!file.has_policy_set()) return absl::OkStatus();
  const sla::v1::PolicySet& policy = stored.policy_set;
  std::cout << "policy set " << policy.policy_set_id() << ": version " << policy.version()
            << std::flush;
  const absl::StatusOr<PolicyVersion> version =
      activation.wanted ? ActivatePolicy(policy, activation.effective_at, reason, clock, call)
                        : FindVersion(policy, call);
  std::cout << (version.ok() ? absl::StrCat(", ", StageOf(*version)) : std::string()) << "\n";
  RETURN_IF_ERROR(version.status());
  return activation.move_running ? MoveRunning(policy, reason, call) : absl::OkStatus();
}

// What the flags say; INVALID_ARGUMENT if they do not go together.
absl::StatusOr<Activation> ActivationOf(const config::Config& options) {
  Activation activation;
  activation.wanted = options.Get("activate") == "true";
  activation.move_running = options.Get("move_running") == "true";
  const std::string& text = options.Get("effective_at");
  if (activation.move_running && (!activation.wanted || !text.empty())) {
    return absl::InvalidArgumentError("--move-running goes with --activate, without a later time");
  }
  if (text.empty()) return activation;
  if (!activation.wanted) return absl::InvalidArgumentError("--effective-at goes with --activate");
  activation.effective_at = ParseRfc3339(text);
  if (!activation.effective_at) {
    return absl::InvalidArgumentError("--effective-at is no instant as 2026-01-05T09:00:00Z");
  }
  return activation;
}

}  // namespace

int PolicyApply(const Arguments& arguments) {
  std::vector<config::Key> keys = ClientKeys();
  keys.push_back({"activate", "false", "have it judge live tickets"});
  keys.push_back({"effective_at", "", "from when on, as 2026-01-05T09:00:00Z; empty = now"});
  keys.push_back({"move_running", "false", "have it judge the open tickets too"});
  keys.push_back({"reason", "", "why, for the record"});
  const absl::StatusOr<config::Config> options = LoadOptions(keys, arguments);
  if (!options.ok()) return Misused(options.status());
  if (options->rest().size() != 1) return WrongUse("policy", "give one file to apply");
  const absl::StatusOr<Activation> activation = ActivationOf(*options);
  if (!activation.ok()) {
    return WrongUse("policy", std::string(activation.status().message()));
  }
  const std::string& path = options->rest()[0];
  const absl::StatusOr<PolicyFile> file = ReadPolicyFile(path);
  if (!file.ok()) return Fail(file.status(), false);
  if (activation->wanted && !file->has_policy_set()) {
    return WrongUse("policy", absl::StrCat(path, " has no policy set to activate"));
  }
  const absl::Status applied =
      ApplyFile(*file, *activation, options->Get("reason"), CallSlaAt(*options));
  return applied.ok() ? 0 : RefuseFile(path, applied);
}

}  // namespace watchbell::cli
