#include "services/sla/policies/target_check.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/base/shorten.h"
#include "common/time/business_calendar.h"
#include "services/sla/policies/condition.h"
#include "services/sla/policies/metric_rules.h"

namespace watchbell::sla {
namespace {

using Numbers = google::protobuf::RepeatedField<int>;
using Texts = google::protobuf::RepeatedPtrField<std::string>;

constexpr int kMostBusinessDays = 1000;

class Checker {
 public:
  Checker(const v1::Target& target, const std::string& path,
          const std::function<bool(const std::string&)>& calendar_exists, SearchBudget& budget,
          std::vector<FieldViolation>& faults)
      : target_(target),
        path_(path),
        calendar_exists_(calendar_exists),
        budget_(budget),
        faults_(faults) {}

  // Whether the selector has no fault.
  bool Check() {
    if (target_.target_id().empty()) Fault("target_id", "is required");
    if (target_.metric() == v1::METRIC_UNSPECIFIED || !v1::Metric_IsValid(target_.metric())) {
      Fault("metric", "must be a known metric");
    }
    const bool sound_selector = CheckSelector();
    CheckConditions();
    CheckTime();
    CheckCalendar();
    CheckWarnings();
    CheckMode("on_rematch", v1::RematchMode_IsValid(target_.on_rematch()));
    CheckMode("on_reopen", v1::ReopenMode_IsValid(target_.on_reopen()));
    return sound_selector;
  }

 private:
  void Fault(absl::string_view field, std::string description) {
    faults_.push_back({absl::StrCat(path_, ".", field), std::move(description)});
  }

  bool CheckSelector() {
    const size_t before = faults_.size();
    CheckNumbers("types", target_.types(), tickets::v1::TicketType_IsValid, "ticket type");
    CheckNumbers("priorities", target_.priorities(), tickets::v1::Priority_IsValid, "priority");
    CheckNumbers("channels", target_.channels(), tickets::v1::Channel_IsValid, "channel");
    CheckTexts("categories", target_.categories());
    CheckTexts("sites", target_.sites());
    CheckTexts("services", target_.services());
    CheckTexts("tags", target_.tags());
    CheckTexts("groups", target_.groups());
    if (target_.metric() == v1::METRIC_OPERATIONAL_LEVEL && target_.groups().empty()) {
      Fault("groups", "is required for an operational level agreement");
    }
    if (target_.has_when()) CheckCondition("when", target_.when(), false);
    if (faults_.size() == before && !CanSelect()) {
      Fault("when", CanHold(target_.when(), budget_)
                        ? "no ticket can ever match this and the target's lists"
                        : "no ticket can ever match this");
    }
    return faults_.size() == before;
  }

  bool CanSelect() const {
    v1::Condition selector = ConditionsOf(target_).selector;
    // A ticket that matches outside the groups has no clock to count.
    if (target_.metric() == v1::METRIC_OPERATIONAL_LEVEL) {
      selector = All({selector, Is("group", {target_.groups().begin(), target_.groups().end()})});
    }
    return CanHold(selector, budget_);
  }

  void CheckNumbers(const char* field, const Numbers& numbers, bool (*valid)(int),
                    const char* what) {
    std::set<int> seen;
    for (int i = 0; i < numbers.size(); ++i) {
      if (numbers[i] == 0 || !valid(numbers[i])) {
        Fault(absl::StrCat(field, "[", i, "]"), absl::StrCat("must be a known ", what));
      } else if (!seen.insert(numbers[i]).second) {
        Fault(absl::StrCat(field, "[", i, "]"), "is given twice");
      }
    }
  }

  void CheckTexts(const char* field, const Texts& texts) {
    std::set<std::string> seen;
    for (int i = 0; i < texts.size(); ++i) {
      if (texts[i].empty()) {
        Fault(absl::StrCat(field, "[", i, "]"), "must not be empty");
      } else if (&texts == &target_.tags() && absl::StrContains(texts[i], '\n')) {
        Fault(absl::StrCat(field, "[", i, "]"), "must be one line, as a tag is");
      } else if (!seen.insert(texts[i]).second) {
        Fault(absl::StrCat(field, "[", i, "]"),
              absl::StrCat("\"", Shorten(texts[i], 100), "\" is given twice"));
      }
    }
  }

  // Whether it has no fault.
  bool CheckCondition(absl::string_view field, const v1::Condition& condition,
                      bool events_allowed) {
    auto faults = ConditionFaults(condition, absl::StrCat(path_, ".", field), events_allowed);
    const bool sound = faults.empty();
    for (FieldViolation& fault : faults) faults_.push_back(std::move(fault));
    return sound;
  }

  void CheckConditions() {
    CheckNumbers("pause_on", target_.pause_on(), tickets::v1::HoldReason_IsValid, "hold reason");
    if (target_.metric() == v1::METRIC_NAMED) {
      if (!target_.has_start()) Fault("start", "is required for a named metric");
      if (!target_.has_stop()) Fault("stop", "is required for a named metric");
    }
    CheckStart();
    if (target_.has_stop() && CheckCondition("stop", target_.stop(), true) &&
        !CanHold(target_.stop(), budget_)) {
      Fault("stop", "can never hold: the clock would never stop");
    }
    if (target_.has_reset()) CheckCondition("reset", target_.reset(), true);
    if (target_.has_cancel()) CheckCondition("cancel", target_.cancel(), true);
    CheckPause();
  }

  void CheckStart() {
    const bool sound = !target_.has_start() || CheckCondition("start", target_.start(), true);
    if (!sound) return;
    const v1::Condition start = ConditionsOf(target_).start;
    if (target_.has_start() && !CanHold(start, budget_)) {
      Fault("start", "can never hold: the clock would never begin");
    } else if (target_.repeats() && !CanHold(None({start}), budget_)) {
      Fault("repeats", "must be left out: the start always holds, it cannot come to hold again");
    }
  }

  void CheckPause() {
    const bool sound = !target_.has_pause() || CheckCondition("pause", target_.pause(), true);
    if (target_.has_resume()) CheckCondition("resume", target_.resume(), true);
    if (target_.has_relative()) return;  // has neither
    if (target_.has_resume() && !target_.has_pause() && target_.pause_on().empty()) {
      Fault("resume", "must be left out where nothing pauses the clock");
    }
    if (sound && !target_.has_resume() && Compile(target_.pause()).AsksForEvent()) {
      Fault("resume", "is required where pause asks for an event: the next one would end it");
    }
  }

  // Time is kept in microseconds.
  void CheckFineness(absl::string_view field, const google::protobuf::Duration& time) {
    if (time.nanos() % 1000 != 0) Fault(field, "must be whole microseconds");
  }

  void CheckTime() {
    if (target_.has_duration() && target_.has_relative()) {
      Fault("relative", "must be left out where there is a duration");
    } else if (!target_.has_duration() && !target_.has_relative()) {
      Fault("duration", "is required, as a time such as \"14400s\", or relative");
    }
    if (target_.has_duration()) {
      const absl::Duration duration = FromProto(target_.duration());
      if (duration < absl::Seconds(1)) {
        Fault("duration", "must be at least 1 s");
      } else if (duration > kDeadlineHorizon) {
        Fault("duration", "must be at most 20 years of 365 days");
      }
      CheckFineness("duration", target_.duration());
    }
    if (target_.has_relative()) CheckRelative();
    if (target_.basis() != v1::TIME_BASIS_BUSINESS && target_.basis() != v1::TIME_BASIS_CALENDAR) {
      Fault("basis", "must be BUSINESS or CALENDAR");
    } else if (target_.basis() == v1::TIME_BASIS_CALENDAR &&
               (target_.relative().has_business_days() ||
                target_.relative().has_end_of_business_day())) {
      Fault("basis", "must be BUSINESS where business days are counted");
    }
  }

  void CheckRelative() {
    const v1::RelativeTarget& relative = target_.relative();
    switch (relative.kind_case()) {
      case v1::RelativeTarget::kBusinessDays:
        if (relative.business_days() < 1 || relative.business_days() > kMostBusinessDays) {
          Fault("relative.business_days", "must be 1 to 1000");
        }
        break;
      case v1::RelativeTarget::kEndOfBusinessDay:
        if (relative.end_of_business_day() < 0 ||
            relative.end_of_business_day() > kMostBusinessDays) {
          Fault("relative.end_of_business_day", "must be 0 to 1000");
        }
        break;
      case v1::RelativeTarget::kDueDate:
        if (!relative.due_date()) Fault("relative.due_date", "must be true, or left out");
        break;
      case v1::RelativeTarget::KIND_NOT_SET:
        Fault("relative", "needs one of business_days, end_of_business_day and due_date");
        break;
    }
    constexpr char kNoPause[] = "must be left out: the clock of a relative target cannot pause";
    if (!target_.pause_on().empty()) Fault("pause_on", kNoPause);
    if (target_.has_pause()) Fault("pause", kNoPause);
    if (target_.has_resume()) Fault("resume", kNoPause);
  }

  void CheckCalendar() {
    if (!target_.calendar_id().empty()) {
      if (!calendar_exists_(target_.calendar_id())) {
        Fault("calendar_id",
              absl::StrCat("there is no calendar \"", Shorten(target_.calendar_id(), 100), "\""));
      }
    } else if (target_.basis() == v1::TIME_BASIS_BUSINESS) {
      Fault("calendar_id", "is required with business time");
    } else if (target_.relative().has_business_days() ||
               target_.relative().has_end_of_business_day()) {
      Fault("calendar_id", "is required with business days");
    }
    CheckMode("zone_source", v1::ZoneSource_IsValid(target_.zone_source()));
    if (target_.zone_source() != v1::ZONE_SOURCE_UNSPECIFIED && target_.calendar_id().empty()) {
      Fault("zone_source", "must be left out without a calendar");
    }
  }

  void CheckWarnings() {
    for (int i = 0; i < target_.warn_percent_size(); ++i) {
      const int percent = target_.warn_percent(i);
      if (percent < 1 || percent > 99) {
        Fault(absl::StrCat("warn_percent[", i, "]"), "must be 1 to 99");
      } else if (i > 0 && percent <= target_.warn_percent(i - 1)) {
        Fault(absl::StrCat("warn_percent[", i, "]"), "must be ascending");
      }
    }
    for (int i = 0; i < target_.warn_time_left_size(); ++i) {
      const std::string field = absl::StrCat("warn_time_left[", i, "]");
      const absl::Duration left = FromProto(target_.warn_time_left(i));
      if (left < absl::Microseconds(1)) {
        Fault(field, "must be more than 0");
      } else if (target_.has_duration() && left >= FromProto(target_.duration())) {
        Fault(field, "must be less than the duration");
      } else if (i > 0 && left >= FromProto(target_.warn_time_left(i - 1))) {
        Fault(field, "must be descending");
      }
      CheckFineness(field, target_.warn_time_left(i));
    }
  }

  void CheckMode(const char* field, bool known) {
    if (!known) Fault(field, "must be a known mode");
  }

  const v1::Target& target_;
  const std::string& path_;
  const std::function<bool(const std::string&)>& calendar_exists_;
  SearchBudget& budget_;
  std::vector<FieldViolation>& faults_;
};

}  // namespace

bool AddTargetFaults(const v1::Target& target, const std::string& path,
                     const std::function<bool(const std::string& calendar_id)>& calendar_exists,
                     SearchBudget& budget, std::vector<FieldViolation>& faults) {
  return Checker(target, path, calendar_exists, budget, faults).Check();
}

}  // namespace watchbell::sla
