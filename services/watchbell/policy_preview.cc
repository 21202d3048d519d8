#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/time/rfc3339.h"
#include "services/watchbell/clock_text.h"
#include "services/watchbell/message_json.h"
#include "services/watchbell/policy_command.h"
#include "services/watchbell/running_clocks.h"
#include "services/watchbell/what_if.h"

namespace watchbell::cli {
namespace {

sla::v1::PolicyDraft DraftOf(const sla::v1::PolicyFile& file) {
  sla::v1::PolicyDraft draft;
  *draft.mutable_calendars() = file.calendars();
  if (file.has_policy_set()) *draft.mutable_policy_set() = file.policy_set();
  return draft;
}

// Faults of the draft by their path in the file.
int RefuseDraft(const std::string& path, const absl::Status& status) {
  std::vector<FieldViolation> faults = FieldViolations(status);
  if (faults.empty()) return Fail(status, false);
  for (FieldViolation& fault : faults) {
    fault.field = std::string(absl::StripPrefix(fault.field, "policy."));
  }
  return RefuseFile(path, InvalidFields(std::move(faults)));
}

int PreviewTicket(const config::Config& options, const std::string& path,
                  const sla::v1::PolicyFile& file) {
  sla::v1::PreviewClocksRequest request;
  const absl::Status read = ReadJsonFile(options.Get("ticket"), request.mutable_ticket());
  if (!read.ok()) return Fail(read, false);
  *request.mutable_policy() = DraftOf(file);
  sla::v1::PreviewClocksResponse response;
  const absl::Status called = CallSlaAt(options)("PreviewClocks", request, &response);
  if (!called.ok()) return RefuseDraft(path, called);
  std::cout << PreviewedClocksText(response, request.ticket());
  return 0;
}

int PreviewWindow(const config::Config& options, const std::string& path,
                  const sla::v1::PolicyFile& file) {
  sla::v1::WhatIfRequest request;
  *request.mutable_policy() = DraftOf(file);
  request.set_import_source(options.Get("source"));
  for (const char* flag : {"from", "to"}) {
    const std::string& text = options.Get(flag);
    if (text.empty()) continue;
    const std::optional<absl::Time> time = ParseRfc3339(text);
    if (!time) {
      return WrongUse("policy preview",
                      absl::StrCat("--", flag, " is no instant as 2026-01-05T09:00:00Z"));
    }
    *(std::string(flag) == "from" ? request.mutable_from() : request.mutable_to()) = ToProto(*time);
  }
  const absl::StatusOr<WhatIfTally> tally = AskWhatIf(request, CallSlaAt(options));
  if (!tally.ok()) return RefuseDraft(path, tally.status());
  std::cout << WhatIfText(*tally, request);
  return 0;
}

int PreviewRunning(const config::Config& options) {
  const absl::StatusOr<int> version = options.GetInt("version");
  if (!version.ok()) return Misused(version.status());
  sla::v1::ApplyPolicyVersionRequest request;
  request.set_policy_set_id(options.Get("policy_set"));
  request.set_version(*version);
  request.set_preview(true);
  RunningMoves moves;
  const absl::Status looked = ApplyToRunning(std::move(request), CallSlaAt(options), &moves);
  if (!looked.ok()) return Fail(looked, false);
  std::cout << RunningMovesText(moves, true);
  return 0;
}

// "" if the flags go together.
std::string Misfit(const config::Config& options) {
  const bool running = options.Get("running") == "true";
  if (running) {
    if (options.Get("policy_set").empty()) return "--running needs --policy-set";
    if (!options.rest().empty()) return "--running is of a stored version: give no file";
  } else if (options.rest().size() != 1) {
    return "give one file to preview, or --running --policy-set";
  }
  for (const char* flag : {"policy_set", "version"}) {
    if (!running && options.IsGiven(flag)) return "--policy-set and --version go with --running";
  }
  for (const char* flag : {"from", "to", "source"}) {
    const bool of_window = !running && options.Get("ticket").empty();
    if (!of_window && options.IsGiven(flag)) {
      return "--from, --to and --source are of past tickets, not of --running or --ticket";
    }
  }
  if (running && options.IsGiven("ticket")) return "give --running or --ticket, not both";
  return "";
}

}  // namespace

int PolicyPreview(const Arguments& arguments) {
  std::vector<config::Key> keys = ClientKeys();
  keys.push_back({"from", "", "tickets opened at or after this; empty = all"});
  keys.push_back({"to", "", "tickets opened before this; empty = all"});
  keys.push_back({"source", "", "only tickets of this import"});
  keys.push_back({"ticket", "", "JSON file of a ticket that would be opened"});
  keys.push_back({"running", "false", "of open tickets, by a stored version"});
  keys.push_back({"policy_set", "", "the stored policy set"});
  keys.push_back({"version", "0", "its version; 0 = the newest"});
  const absl::StatusOr<config::Config> options = LoadOptions(keys, arguments);
  if (!options.ok()) return Misused(options.status());
  if (const std::string why = Misfit(*options); !why.empty())
    return WrongUse("policy preview", why);
  if (options->Get("running") == "true") return PreviewRunning(*options);
  const std::string& path = options->rest()[0];
  const absl::StatusOr<sla::v1::PolicyFile> file = ReadPolicyFile(path);
  if (!file.ok()) return Fail(file.status(), false);
  return options->Get("ticket").empty() ? PreviewWindow(*options, path, *file)
                                        : PreviewTicket(*options, path, *file);
}

}  // namespace watchbell::cli
