#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/clock/clock.h"
#include "common/time/rfc3339.h"
#include "services/sla/policy_file.h"
#include "services/watchbell/command.h"
#include "services/watchbell/policy_file.h"

namespace watchbell::cli {
namespace {

using sla::v1::PolicyFile;
using sla::v1::PolicyVersion;

// One fault a line; other errors as everywhere.
int Refuse(const std::string& path, const absl::Status& status) {
  const std::vector<FieldViolation> faults = FieldViolations(status);
  const bool of_file = std::all_of(faults.begin(), faults.end(), [](const FieldViolation& fault) {
    return absl::StartsWith(fault.field, "calendars") ||
           absl::StartsWith(fault.field, "policy_set");
  });
  if (faults.empty() || !of_file) return Fail(status);
  std::cerr << "watchbell: " << path << " has " << faults.size()
            << (faults.size() == 1 ? " fault:\n" : " faults:\n");
  for (const FieldViolation& fault : faults) {
    std::cerr << "  " << fault.field << ": " << fault.description << "\n";
  }
  return 1;
}

void PrintFindings(const PolicyFile& file, absl::Time now) {
  for (const sla::v1::CalendarFinding& finding : sla::PolicyFileFindings(file, now)) {
    const bool odd_day = finding.kind() == sla::v1::CALENDAR_FINDING_KIND_ODD_DAY;
    std::cout << (odd_day ? "note: " : "warning: ") << finding.field()
              << (finding.date().empty() ? "" : absl::StrCat(" (", finding.date(), ")")) << ": "
              << finding.text() << "\n";
  }
}

std::string Counted(int count, const std::string& thing) {
  return absl::StrCat(count, " ", thing, count == 1 ? "" : "s");
}

int Check(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options = LoadOptions({}, arguments);
  if (!options.ok()) return Misused(options.status());
  if (options->rest().size() != 1) return WrongUse("policy", "give one file to check");
  const std::string& path = options->rest()[0];
  const absl::StatusOr<PolicyFile> file = ReadPolicyFile(path);
  if (!file.ok()) return Fail(file.status(), false);
  if (const absl::Status sound = CheckPolicyFile(*file); !sound.ok()) return Refuse(path, sound);
  SystemClock clock;
  PrintFindings(*file, clock.Now());
  std::cout << "OK: " << Counted(file->calendars_size(), "calendar");
  if (file->has_policy_set()) {
    std::cout << ", policy set " << file->policy_set().policy_set_id() << " with "
              << Counted(file->policy_set().targets_size(), "target");
  }
  std::cout << "\n";
  return 0;
}

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
  std::optional<absl::Time> effective_at;
};

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
  return version.status();
}

int Apply(const Arguments& arguments) {
  std::vector<config::Key> keys = ClientKeys();
  keys.push_back({"activate", "false", "have it judge live tickets"});
  keys.push_back({"effective_at", "", "from when on, as 2026-01-05T09:00:00Z; empty = now"});
  keys.push_back({"reason", "", "why, for the record"});
  const absl::StatusOr<config::Config> options = LoadOptions(keys, arguments);
  if (!options.ok()) return Misused(options.status());
  if (options->rest().size() != 1) return WrongUse("policy", "give one file to apply");
  Activation activation;
  activation.wanted = options->Get("activate") == "true";
  if (const std::string& text = options->Get("effective_at"); !text.empty()) {
    if (!activation.wanted) return WrongUse("policy", "--effective-at goes with --activate");
    activation.effective_at = ParseRfc3339(text);
    if (!activation.effective_at) {
      return WrongUse("policy", "--effective-at is no instant as 2026-01-05T09:00:00Z");
    }
  }
  const std::string& path = options->rest()[0];
  const absl::StatusOr<PolicyFile> file = ReadPolicyFile(path);
  if (!file.ok()) return Fail(file.status(), false);
  if (activation.wanted && !file->has_policy_set()) {
    return WrongUse("policy", absl::StrCat(path, " has no policy set to activate"));
  }
  const std::unique_ptr<rpc::Client> client = rpc::Connect(options->Get("target"));
  const rpc::CallOptions call_options = CallOptionsFor(*options);
  const absl::Status applied = ApplyFile(
      *file, activation, options->Get("reason"),
      [&](const std::string& method, const auto& request, google::protobuf::Message* response) {
        return client->Call(absl::StrCat("watchbell.sla.v1.SlaService/", method), request, response,
                            call_options);
      });
  return applied.ok() ? 0 : Refuse(path, applied);
}

}  // namespace

int Policy(const Arguments& arguments) {
  const std::string verb = arguments.empty() ? "" : arguments[0];
  if (verb == "check") return Check(Arguments(arguments.begin() + 1, arguments.end()));
  if (verb == "apply") return Apply(Arguments(arguments.begin() + 1, arguments.end()));
  return WrongUse("policy", "say check FILE or apply FILE");
}

}  // namespace watchbell::cli
