#include "services/escalation/setup_check.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/proto_time.h"
#include "services/escalation/on_call.h"
#include "services/escalation/routing.h"

namespace watchbell::escalation {
namespace {

constexpr absl::Duration kMinDelay = absl::Seconds(1);
constexpr absl::Duration kMaxDelay = absl::Hours(7 * 24);

class Checker {
 public:
  explicit Checker(const v1::EscalationSetup& setup) : setup_(setup) {}

  std::vector<FieldViolation> Run() {
    CheckRotas();
    CheckTeams();
    CheckPolicies();
    CheckRouting();
    return std::move(faults_);
  }

 private:
  void Fault(const std::string& path, absl::string_view what) {
    faults_.push_back({path, std::string(what)});
  }

  void CheckId(const std::string& path, const std::string& id, std::set<std::string>& seen) {
    if (id.empty()) {
      Fault(path, "must be set");
    } else if (!seen.insert(id).second) {
      Fault(path, absl::StrCat("\"", id, "\" is there already"));
    }
  }

  template <typename People>
  void CheckPeople(const std::string& path, const People& people, bool distinct) {
    std::set<std::string> seen;
    for (int i = 0; i < people.size(); ++i) {
      const std::string at = absl::StrCat(path, "[", i, "]");
      if (people[i].empty()) {
        Fault(at, "a person needs an id");
      } else if (people[i].size() > kMaxPersonLength) {
        Fault(at, absl::StrCat("must not be longer than ", kMaxPersonLength, " bytes"));
      } else if (distinct && !seen.insert(people[i]).second) {
        Fault(at, absl::StrCat("\"", people[i], "\" is there already"));
      }
    }
  }

  template <typename Priorities>
  void CheckPriorities(const std::string& path, const Priorities& priorities) {
    for (int i = 0; i < priorities.size(); ++i) {
      if (priorities[i] == tickets::v1::PRIORITY_UNSPECIFIED ||
          !tickets::v1::Priority_IsValid(priorities[i])) {
        Fault(absl::StrCat(path, "[", i, "]"), "no such priority");
      }
    }
  }

  void CheckRotas() {
    std::set<std::string> ids;
    for (int i = 0; i < setup_.rotas_size(); ++i) {
      const v1::Rota& rota = setup_.rotas(i);
      const std::string path = absl::StrCat("setup.rotas[", i, "]");
      CheckId(path + ".rota_id", rota.rota_id(), ids);
      if (!FindZone(rota.time_zone())) {
        Fault(path + ".time_zone", absl::StrCat("unknown time zone \"", rota.time_zone(), "\""));
      }
      if (!ParseAnchor(rota.anchor())) {
        Fault(path + ".anchor", "must be a local time YYYY-MM-DDTHH:MM, years 1970 to 2200");
      }
      if (rota.turn_days() < 1 || rota.turn_days() > 366) {
        Fault(path + ".turn_days", "must be 1 to 366");
      }
      if (rota.people().empty()) Fault(path + ".people", "at least one person");
      // The same person may take several turns of a round.
      CheckPeople(path + ".people", rota.people(), /*distinct=*/false);
    }
  }

  void CheckTeams() {
    std::set<std::string> ids;
    for (int i = 0; i < setup_.teams_size(); ++i) {
      const v1::Team& team = setup_.teams(i);
      const std::string path = absl::StrCat("setup.teams[", i, "]");
      CheckId(path + ".team_id", team.team_id(), ids);
      if (!team.rota_id().empty() && FindRota(setup_, team.rota_id()) == nullptr) {
        Fault(path + ".rota_id", absl::StrCat("unknown rota \"", team.rota_id(), "\""));
      }
      const std::string& policy = team.escalation_policy_id();
      if (!policy.empty() && FindPolicy(setup_, policy) == nullptr) {
        Fault(path + ".escalation_policy_id", absl::StrCat("unknown policy \"", policy, "\""));
      }
    }
  }

  void CheckStep(const std::string& path, const v1::Step& step) {
    if (step.rotas().empty() && step.people().empty()) {
      Fault(path, "a step needs rotas or people");
    }
    for (int i = 0; i < step.rotas_size(); ++i) {
      if (FindRota(setup_, step.rotas(i)) == nullptr) {
        Fault(absl::StrCat(path, ".rotas[", i, "]"),
              absl::StrCat("unknown rota \"", step.rotas(i), "\""));
      }
    }
    CheckPeople(path + ".people", step.people(), /*distinct=*/true);
    const absl::Duration delay = FromProto(step.delay());
    if (delay < kMinDelay || delay > kMaxDelay) Fault(path + ".delay", "must be 1 s to 7 days");
  }

  void CheckPolicies() {
    std::set<std::string> ids;
    for (int i = 0; i < setup_.policies_size(); ++i) {
      const v1::EscalationPolicy& policy = setup_.policies(i);
      const std::string path = absl::StrCat("setup.policies[", i, "]");
      CheckId(path + ".escalation_policy_id", policy.escalation_policy_id(), ids);
      if (policy.trigger() == v1::TRIGGER_UNSPECIFIED || !v1::Trigger_IsValid(policy.trigger())) {
        Fault(path + ".trigger", "must say what starts it");
      }
      if (policy.steps().empty()) Fault(path + ".steps", "at least one step");
      if (policy.steps_size() > 20) Fault(path + ".steps", "at most 20 steps");
      for (int step = 0; step < policy.steps_size(); ++step) {
        CheckStep(absl::StrCat(path, ".steps[", step, "]"), policy.steps(step));
      }
      if (policy.repeats() < 0 || policy.repeats() > 20) {
        Fault(path + ".repeats", "must be 0 to 20");
      }
      CheckPeople(path + ".catch_all", policy.catch_all(), /*distinct=*/true);
      CheckPriorities(path + ".priorities", policy.priorities());
      if (policy.ByteSizeLong() > kMaxPolicyBytes) {
        Fault(path, absl::StrCat("larger than ", kMaxPolicyBytes, " bytes"));
      }
    }
  }

  void CheckRouting() {
    std::set<std::string> ids;
    for (int i = 0; i < setup_.routing_size(); ++i) {
      const v1::RoutingRule& rule = setup_.routing(i);
      const std::string path = absl::StrCat("setup.routing[", i, "]");
      CheckId(path + ".rule_id", rule.rule_id(), ids);
      if (FindTeam(setup_, rule.team_id()) == nullptr) {
        Fault(path + ".team_id", absl::StrCat("unknown team \"", rule.team_id(), "\""));
      }
      CheckPriorities(path + ".priorities", rule.priorities());
    }
  }

  const v1::EscalationSetup& setup_;
  std::vector<FieldViolation> faults_;
};

}  // namespace

std::vector<FieldViolation> CheckSetup(const v1::EscalationSetup& setup) {
  return Checker(setup).Run();
}

}  // namespace watchbell::escalation
