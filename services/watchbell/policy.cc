#include <algorithm>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/clock/clock.h"
#include "services/sla/policies/policy_file.h"
#include "services/sla/policies/policy_lint.h"
#include "services/sla/policies/policy_words.h"
#include "services/watchbell/policy_command.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {

int RefuseFile(const std::string& path, const absl::Status& status) {
  const std::vector<FieldViolation> faults = FieldViolations(status);
  const bool of_file = std::all_of(faults.begin(), faults.end(), [](const FieldViolation& fault) {
    return absl::StartsWith(fault.field, "calendars") ||
           absl::StartsWith(fault.field, "policy_set");
  });
  if (faults.empty() || !of_file) return Fail(status);
  std::cerr << "watchbell: " << path << " has "
            << Counted(static_cast<int64_t>(faults.size()), "fault") << ":\n";
  for (const FieldViolation& fault : faults) {
    std::cerr << "  " << fault.field << ": " << fault.description << "\n";
  }
  return 1;
}

CallSla CallSlaAt(const config::Config& options) {
  const std::shared_ptr<rpc::Client> client = rpc::Connect(options.Get("target"));
  return [client, call_options = ClientOptions(options)](const std::string& method,
                                                         const google::protobuf::Message& request,
                                                         google::protobuf::Message* response) {
    return client->Call(absl::StrCat("watchbell.sla.v1.SlaService/", method), request, response,
                        call_options);
  };
}

std::vector<config::Key> StoredKeys() {
  std::vector<config::Key> keys = ClientKeys();
  keys.push_back({"stored", "false", "calendars may also be those stored at --target"});
  return keys;
}

bool IsTargetGiven(const Arguments& arguments) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [](const std::string& word) { return absl::StartsWith(word, "--target"); });
}

std::optional<SoundFile> ReadSoundFile(const config::Config& options, const std::string& path,
                                       int* status) {
  absl::StatusOr<sla::v1::PolicyFile> file = ReadPolicyFile(path);
  if (!file.ok()) {
    *status = Fail(file.status(), false);
    return std::nullopt;
  }
  SoundFile sound = {*std::move(file), {}};
  const bool stored = options.Get("stored") == "true";
  absl::Status fit;
  if (stored) {
    absl::StatusOr<std::vector<sla::v1::Calendar>> found =
        StoredCalendars(sound.file, CallSlaAt(options));
    fit = found.status();
    if (found.ok()) sound.stored = *std::move(found);
  }
  if (fit.ok()) fit = CheckPolicyFileWith(sound.file, sound.stored);
  if (fit.ok()) return sound;
  *status = RefuseFile(path, fit);
  if (!stored && !sla::CalendarsElsewhere(sound.file).empty()) {
    std::cerr << "  Calendars that lie on a server are found with --stored.\n";
  }
  return std::nullopt;
}

int PolicyCheck(const Arguments& arguments) {
  const absl::StatusOr<config::Config> options = LoadOptions(StoredKeys(), arguments);
  if (!options.ok()) return Misused(options.status());
  if (options->rest().size() != 1) return WrongUse("policy check", "give one file to check");
  if (IsTargetGiven(arguments) && options->Get("stored") != "true") {
    return WrongUse("policy check", "--target goes with --stored");
  }
  int status = 0;
  const std::optional<SoundFile> sound = ReadSoundFile(*options, options->rest()[0], &status);
  if (!sound) return status;
  const sla::v1::PolicyFile& file = sound->file;
  SystemClock clock;
  for (const sla::v1::CalendarFinding& finding : sla::PolicyFileFindings(file, clock.Now())) {
    std::cout << sla::FindingInWords(finding) << "\n";
  }
  for (const sla::PolicyFinding& finding : sla::LintPolicySet(file.policy_set())) {
    std::cout << sla::FindingInWords(finding) << "\n";
  }
  std::cout << "OK: " << Counted(file.calendars_size(), "calendar");
  if (file.has_policy_set()) {
    std::cout << ", policy set " << file.policy_set().policy_set_id() << " with "
              << Counted(file.policy_set().targets_size(), "target");
  }
  std::cout << "\n";
  return 0;
}

int Policy(const Arguments& arguments) {
  const std::string verb = arguments.empty() ? "" : arguments[0];
  const Arguments rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (verb == "check") return PolicyCheck(rest);
  if (verb == "explain") return PolicyExplain(rest);
  if (verb == "preview") return PolicyPreview(rest);
  if (verb == "apply") return PolicyApply(rest);
  return WrongUse("policy", "say check, explain, preview or apply");
}

}  // namespace watchbell::cli
