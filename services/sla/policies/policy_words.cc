#include "services/sla/policies/policy_words.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/proto_time.h"
#include "services/sla/calendars/calendar_words.h"
#include "services/sla/policies/compiled_policy.h"
#include "services/sla/policies/condition_words.h"
#include "services/sla/policies/metric_rules.h"
#include "services/sla/policies/policy_file.h"

namespace watchbell::sla {
namespace {

// "1st", "22nd".
std::string Ordinal(int n) {
  const bool teen = n / 10 % 10 == 1;
  const char* end = n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
  return absl::StrCat(n, teen ? "th" : end);
}

std::string RelativeInWords(const v1::RelativeTarget& relative) {
  if (relative.due_date()) return "by the ticket's own due date";
  if (relative.business_days() > 0) {
    return absl::StrCat("by the same time on the ", Ordinal(relative.business_days()),
                        " working day after");
  }
  const int days = relative.end_of_business_day();
  return days == 0 ? "by the end of the working day"
                   : absl::StrCat("by the end of the ", Ordinal(days), " working day after");
}

std::string TimeInWords(const v1::Target& target) {
  if (target.basis() == v1::TIME_BASIS_CALENDAR) return "all time counts";
  std::string text = absl::StrCat("counted by calendar ", target.calendar_id());
  if (target.zone_source() == v1::ZONE_SOURCE_SITE) {
    absl::StrAppend(&text, ", read in the zone of the ticket's site");
  } else if (target.zone_source() == v1::ZONE_SOURCE_REQUESTER) {
    absl::StrAppend(&text, ", read in the requester's zone");
  }
  return text;
}

std::string WarningsInWords(const v1::Target& target) {
  std::vector<std::string> all;
  for (const int percent : target.warn_percent()) {
    all.push_back(absl::StrCat("at ", percent, " %"));
  }
  for (const auto& left : target.warn_time_left()) {
    all.push_back(absl::StrCat("with ", DurationInWords(FromProto(left)), " left"));
  }
  return absl::StrJoin(all, ", ");
}

const char* ReopenInWords(v1::ReopenMode mode) {
  switch (mode) {
    case v1::REOPEN_MODE_NEW_CYCLE:
      return "the clock stays as it is, and a new one begins";
    case v1::REOPEN_MODE_FROM_CREATION:
      return "the clock goes on, and the time in between counts";
    default:
      return "the clock goes on, and the time in between does not count";
  }
}

const char* RematchInWords(v1::RematchMode mode) {
  return mode == v1::REMATCH_MODE_RESTART ? "counts from zero" : "the time counted is carried over";
}

class TargetWords {
 public:
  TargetWords(const v1::Target& target, std::string& out)
      : target_(target), rules_(ConditionsOf(target)), out_(out) {}

  void Append(size_t rank) {
    const std::string promise = target_.has_relative()
                                    ? RelativeInWords(target_.relative())
                                    : DurationInWords(FromProto(target_.duration()));
    absl::StrAppend(&out_, "  ", rank, ". ", target_.target_id(), ": ", promise, ", ",
                    TimeInWords(target_), "\n");
    const std::string selector = InWords(rules_.selector);
    Line("of", selector == "always" ? "every ticket" : absl::StrCat("tickets: ", selector));
    const std::string start = InWords(rules_.start);
    Line("starts", absl::StrCat(start == "always" ? "when the ticket is opened"
                                                  : absl::StrCat("when ", start),
                                rules_.repeats ? ", each time" : ""));
    When("stops", rules_.stop);
    When("begins anew", rules_.reset);
    When("cancelled", rules_.cancel);
    When("pauses", rules_.pause);
    When("goes on", rules_.resume);
    const std::string warnings = WarningsInWords(target_);
    Line("warns", warnings.empty() ? "never" : warnings);
    Line("when reopened", ReopenInWords(target_.on_reopen()));
    Line("after another target", RematchInWords(target_.on_rematch()));
  }

 private:
  void Line(const char* what, const std::string& words) {
    absl::StrAppend(&out_, "       ", what, ": ", words, "\n");
  }

  void When(const char* what, const v1::Condition& condition) {
    const std::string words = InWords(condition);
    if (words != "never") Line(what, absl::StrCat("when ", words));
  }

  const v1::Target& target_;
  const RuleConditions rules_;
  std::string& out_;
};

void AppendPolicySet(const v1::PolicySet& policy, std::string& out) {
  const CompiledPolicy compiled = CompilePolicy(policy);
  const std::vector<PolicyFinding> findings = LintPolicySet(policy);
  absl::StrAppend(&out, "Policy set ", policy.policy_set_id(), ". Of each clock the first target ",
                  "that selects a ticket counts.\n");
  for (const ClockSlot& slot : compiled.slots) {
    std::string metric = v1::Metric_Name(slot.metric).substr(sizeof("METRIC_") - 1);
    absl::AsciiStrToLower(&metric);
    std::replace(metric.begin(), metric.end(), '_', ' ');
    absl::StrAppend(&out, "\nClock ", slot.name, " (", metric, ")\n");
    for (size_t rank = 0; rank < slot.targets.size(); ++rank) {
      TargetWords(policy.targets(slot.targets[rank]), out).Append(rank + 1);
    }
    for (const PolicyFinding& finding : findings) {
      if (finding.clock == slot.name) absl::StrAppend(&out, "  note: ", finding.text, "\n");
    }
  }
  if (policy.site_time_zones().empty()) return;
  const std::map<std::string, std::string> zones(policy.site_time_zones().begin(),
                                                 policy.site_time_zones().end());
  absl::StrAppend(&out, "\nZones of sites\n");
  for (const auto& [site, zone] : zones) absl::StrAppend(&out, "  ", site, ": ", zone, "\n");
}

}  // namespace

std::string PolicyFileInWords(const v1::PolicyFile& file, absl::Time now) {
  const std::vector<v1::CalendarFinding> findings = PolicyFileFindings(file, now);
  std::string out;
  for (int i = 0; i < file.calendars_size(); ++i) {
    absl::StrAppend(&out, CalendarInWords(file.calendars(i)));
    const std::string path = absl::StrCat("calendars[", i, "]");
    for (const v1::CalendarFinding& finding : findings) {
      if (finding.field() != path && !absl::StartsWith(finding.field(), path + ".")) continue;
      absl::StrAppend(&out, "  ", FindingInWords(finding), "\n");
    }
    absl::StrAppend(&out, "\n");
  }
  if (file.has_policy_set()) AppendPolicySet(file.policy_set(), out);
  return out;
}

std::string FindingInWords(const v1::CalendarFinding& finding) {
  const bool note = finding.kind() == v1::CALENDAR_FINDING_KIND_ODD_DAY;
  const std::string date = finding.date().empty() ? "" : absl::StrCat(" (", finding.date(), ")");
  return absl::StrCat(note ? "note: " : "warning: ", finding.field(), date, ": ", finding.text());
}

std::string FindingInWords(const PolicyFinding& finding) {
  return absl::StrCat("note: policy_set, clock ", finding.clock, ": ", finding.text);
}

std::string DurationInWords(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", DurationInWords(-duration));
  const int64_t seconds = absl::ToInt64Seconds(duration);
  std::vector<std::string> parts;
  if (seconds >= 3600) parts.push_back(absl::StrCat(seconds / 3600, " h"));
  if (seconds / 60 % 60 > 0) parts.push_back(absl::StrCat(seconds / 60 % 60, " min"));
  if (seconds % 60 > 0 || parts.empty()) parts.push_back(absl::StrCat(seconds % 60, " s"));
  return absl::StrJoin(parts, " ");
}

}  // namespace watchbell::sla
