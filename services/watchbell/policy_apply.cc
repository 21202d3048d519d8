#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/clock/clock.h"
#include "common/time/rfc3339.h"
#include "services/sla/policies/policy_file.h"
#include "services/watchbell/policy_command.h"
#include "services/watchbell/running_clocks.h"
#include "services/watchbell/text.h"

namespace watchbell::cli {
namespace {

using sla::v1::PolicyFile;
using sla::v1::PolicyVersion;

// "active from 2026-01-05T09:00:00Z to 2027-01-01T00:00:00Z, then policy set desk version 1".
std::string StageOf(const PolicyVersion& version) {
  std::string text = absl::AsciiStrToLower(
      absl::StripPrefix(sla::v1::PolicyStage_Name(version.stage()), "POLICY_STAGE_"));
  if (version.has_effective_at()) {
    absl::StrAppend(&text, " from ", FormatRfc3339(FromProto(version.effective_at())));
  }
  if (version.has_retired_at()) {
    absl::StrAppend(&text, " to ", FormatRfc3339(FromProto(version.retired_at())), ", then ");
    if (version.next_policy_set_id().empty()) {
      text += "nothing judges";
    } else {
      absl::StrAppend(&text, "policy set ", version.next_policy_set_id(), " version ",
                      version.next_version());
    }
  }
  return text;
}

struct Activation {
  bool wanted = false;
  bool move_running = false;
  std::optional<absl::Time> effective_at;
};

// Of what is stored under an id, 0 if nothing is.
template <typename Stored, typename Request>
absl::StatusOr<int64_t> NewestVersion(const std::string& method, const Request& request,
                                      const CallSla& call) {
  Stored stored;
  const absl::Status got = call(method, request, &stored);
  if (absl::IsNotFound(got)) return 0;
  RETURN_IF_ERROR(got);
  return stored.version();
}

// "version 2", "unchanged (version 1)".
std::string ChangeText(int64_t before, int64_t after) {
  return before == after ? absl::StrCat("unchanged (version ", after, ")")
                         : absl::StrCat("version ", after);
}

// One file, step by step; each is told as soon as it is done.
class Application {
 public:
  Application(const PolicyFile& file, const Activation& activation, const std::string& reason,
              const CallSla& call)
      : file_(file), activation_(activation), reason_(reason), call_(call) {}

  absl::Status Run() {
    // Nothing is stored of a file that has faults.
    RETURN_IF_ERROR(CheckPolicyFileAgainst(file_, call_));
    for (const int place : sla::StoringOrder(file_)) RETURN_IF_ERROR(ApplyCalendar(place));
    return file_.has_policy_set() ? ApplyPolicySet() : absl::OkStatus();
  }

  // What was changed, also if Run failed then.
  const std::vector<std::string>& done() const { return done_; }

 private:
  absl::Status ApplyCalendar(int place) {
    const std::string& id = file_.calendars(place).calendar_id();
    sla::v1::GetCalendarRequest request;
    request.set_calendar_id(id);
    ASSIGN_OR_RETURN(const int64_t before,
                     NewestVersion<sla::v1::Calendar>("GetCalendar", request, call_));
    ASSIGN_OR_RETURN(const sla::v1::Calendar stored,
                     StoreCalendar(file_, place, activation_.effective_at, clock_, call_));
    std::cout << "calendar " << id << ": " << ChangeText(before, stored.version());
    if (stored.version() != before) {
      done_.push_back(absl::StrCat("calendar ", id, " version ", stored.version()));
      std::cout << ", counts " << FromWhenOn(before);
    }
    std::cout << std::endl;
    return absl::OkStatus();
  }

  // `before`: the version before. The first counts for whatever was opened ever.
  std::string FromWhenOn(int64_t before) const {
    if (before == 0) return "from the beginning";
    return absl::StrCat("for tickets opened from ",
                        activation_.effective_at ? FormatRfc3339(*activation_.effective_at) : "now",
                        " on");
  }

  absl::Status ApplyPolicySet() {
    const std::string& id = file_.policy_set().policy_set_id();
    sla::v1::GetPolicySetRequest request;
    request.set_policy_set_id(id);
    ASSIGN_OR_RETURN(const int64_t before,
                     NewestVersion<sla::v1::PolicySet>("GetPolicySet", request, call_));
    ASSIGN_OR_RETURN(const sla::v1::PolicySet stored,
                     StorePolicySet(file_, reason_, clock_, call_));
    const std::string named = absl::StrCat("policy set ", id, " version ", stored.version());
    if (stored.version() != before) done_.push_back(named);
    std::cout << "policy set " << id << ": " << ChangeText(before, stored.version()) << std::flush;
    const absl::StatusOr<std::string> stands = activation_.wanted ? Activate(stored) : Find(stored);
    std::cout << (stands.ok() ? absl::StrCat(", ", *stands) : std::string()) << std::endl;
    RETURN_IF_ERROR(stands.status());
    if (activation_.wanted) done_.push_back(absl::StrCat("activation of ", named));
    return activation_.move_running ? MoveRunning(stored) : absl::OkStatus();
  }

  absl::StatusOr<std::string> Activate(const sla::v1::PolicySet& stored) {
    ASSIGN_OR_RETURN(const PolicyVersion version,
                     ActivatePolicy(stored, activation_.effective_at, reason_, clock_, call_));
    return StageOf(version);
  }

  // Where a version that was stored, perhaps long ago, stands.
  absl::StatusOr<std::string> Find(const sla::v1::PolicySet& stored) {
    sla::v1::ListPolicyVersionsRequest request;
    request.set_policy_set_id(stored.policy_set_id());
    sla::v1::ListPolicyVersionsResponse response;
    RETURN_IF_ERROR(call_("ListPolicyVersions", request, &response));
    for (const PolicyVersion& version : response.versions()) {
      if (version.version() != stored.version()) continue;
      const std::string stage = StageOf(version);
      switch (version.stage()) {
        case sla::v1::POLICY_STAGE_ACTIVE:
          return absl::StrCat("in force already: ", stage);
        case sla::v1::POLICY_STAGE_SCHEDULED:
          return stage;
        default:
          return absl::StrCat(stage, ": --activate puts it in force");
      }
    }
    return NotFound(absl::StrCat("policySets/", stored.policy_set_id(), "@", stored.version()));
  }

  absl::Status MoveRunning(const sla::v1::PolicySet& policy) {
    sla::v1::ApplyPolicyVersionRequest request;
    request.set_policy_set_id(policy.policy_set_id());
    request.set_version(policy.version());
    request.set_reason(reason_);
    RunningMoves moves;
    const absl::Status moved = ApplyToRunning(std::move(request), call_, &moves);
    if (moved.ok() || moves.tickets > 0) std::cout << RunningMovesText(moves, false) << std::flush;
    if (!moved.ok() && moves.tickets == 0) return moved;
    if (!moved.ok()) {
      std::cerr << "watchbell: not all of the open tickets; the same command moves the rest\n";
      return moved;
    }
    if (!moves.failed.empty()) {
      return absl::FailedPreconditionError(
          Counted(static_cast<int64_t>(moves.failed.size()), "ticket") + " could not be moved");
    }
    return absl::OkStatus();
  }

  const PolicyFile& file_;
  const Activation& activation_;
  const std::string& reason_;
  const CallSla& call_;
  SystemClock clock_;
  std::vector<std::string> done_;
};

// What the flags say; INVALID_ARGUMENT if they do not go together.
absl::StatusOr<Activation> ActivationOf(const config::Config& options, absl::Time now) {
  // What a server forgives: clocks differ by a little.
  constexpr absl::Duration kTolerance = absl::Seconds(5);
  Activation activation;
  activation.wanted = options.Get("activate") == "true";
  activation.move_running = options.Get("move_running") == "true";
  const std::string& text = options.Get("effective_at");
  if (activation.move_running && (!activation.wanted || !text.empty())) {
    return absl::InvalidArgumentError("--move-running goes with --activate, without a later time");
  }
  if (text.empty()) return activation;
  activation.effective_at = ParseRfc3339(text);
  if (!activation.effective_at) {
    return absl::InvalidArgumentError("--effective-at is no instant as 2026-01-05T09:00:00Z");
  }
  if (*activation.effective_at < now - kTolerance) {
    return absl::InvalidArgumentError(
        "--effective-at lies in the past: what was judged stays as it is");
  }
  return activation;
}

// "" if the flags go with what is in the file.
std::string Misfit(const Activation& activation, const PolicyFile& file) {
  if (activation.wanted && !file.has_policy_set()) return "the file has no policy set to activate";
  if (activation.effective_at && !activation.wanted && file.has_policy_set()) {
    return "--effective-at goes with --activate, as the file has a policy set";
  }
  return "";
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
  if (options->rest().size() != 1) return WrongUse("policy apply", "give one file to apply");
  SystemClock clock;
  const absl::StatusOr<Activation> activation = ActivationOf(*options, clock.Now());
  if (!activation.ok()) {
    return WrongUse("policy apply", std::string(activation.status().message()));
  }
  const std::string& path = options->rest()[0];
  const absl::StatusOr<PolicyFile> file = ReadPolicyFile(path);
  if (!file.ok()) return Fail(file.status(), false);
  if (const std::string why = Misfit(*activation, *file); !why.empty()) {
    return WrongUse("policy apply", absl::StrCat(path, ": ", why));
  }
  const CallSla call = CallSlaAt(*options);
  Application application(*file, *activation, options->Get("reason"), call);
  const absl::Status applied = application.Run();
  if (applied.ok()) return 0;
  const int status = RefuseFile(path, applied);
  if (!application.done().empty()) {
    std::cerr << "  Done before that, and it stays: " << absl::StrJoin(application.done(), ", ")
              << "\n";
  }
  return status;
}

}  // namespace watchbell::cli
