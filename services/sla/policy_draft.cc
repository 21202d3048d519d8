#include "services/sla/policy_draft.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "services/sla/policies/compiled_policy.h"
#include "services/sla/policies/policy_file.h"
#include "services/sla/policies/policy_schedule.h"
#include "services/sla/sla_store.h"
#include "services/sla/stored_entities.h"

namespace watchbell::sla {
namespace {

// What is sent along is laid over what is stored, then read as if it were stored.
class Drafting : public DraftJudge {
 public:
  Drafting(db::Database& database, const std::string& tenant)
      : stored_(database), tenant_(tenant) {}

  absl::Status Read(const v1::PolicyDraft& draft, const std::string& field, int64_t now) {
    RETURN_IF_ERROR(Check(draft, field));
    for (const v1::Calendar& calendar : draft.calendars()) {
      v1::Calendar sent = calendar;
      sent.clear_version();
      stored_.LayOver(CalendarKey(tenant_, calendar.calendar_id()),
                      std::make_unique<state::v1::StoredCalendar>(ToStored(std::move(sent))));
    }
    ASSIGN_OR_RETURN(const PolicyChoice choice, Choose(draft, now));
    if (!choice.policy_set_id.empty()) {
      ASSIGN_OR_RETURN(policy_, Find(choice));
    }
    state::v1::TicketClocks nobody;
    ASSIGN_OR_RETURN(judge_, ReadJudge(stored_, [&] {
                       return AddEra(stored_, caches_, tenant_, choice, now, nobody);
                     }));
    return absl::OkStatus();
  }

  const Judge& judge() const override { return judge_; }
  const v1::PolicySet& policy() const override { return *policy_; }

 private:
  // The faults of what is sent along are those of a policy file: it has the same two fields.
  absl::Status Check(const v1::PolicyDraft& draft, const std::string& field) {
    std::vector<FieldViolation> faults;
    if (draft.has_policy_set() && !draft.policy_set_id().empty()) {
      faults.push_back({"policy_set_id", "give either policy_set_id or policy_set"});
    }
    if (draft.version() != 0 && draft.policy_set_id().empty()) {
      faults.push_back({"version", "is of a stored set: give its policy_set_id"});
    }
    if (draft.has_policy_set() || draft.calendars_size() > 0) {
      RETURN_IF_ERROR(CheckSent(draft, faults));
    }
    if (faults.empty()) return absl::OkStatus();
    for (FieldViolation& fault : faults) fault.field = absl::StrCat(field, ".", fault.field);
    return InvalidFields(std::move(faults));
  }

  absl::Status CheckSent(const v1::PolicyDraft& draft, std::vector<FieldViolation>& faults) {
    v1::PolicyFile file;
    *file.mutable_calendars() = draft.calendars();
    if (draft.has_policy_set()) *file.mutable_policy_set() = draft.policy_set();
    for (const std::string& id : CalendarsElsewhere(file)) RETURN_IF_ERROR(Load(id));
    for (FieldViolation& fault :
         PolicyFileFaults(file, [this](const std::string& id) { return Calendar(id); })) {
      faults.push_back(std::move(fault));
    }
    for (int i = 0; i < file.calendars_size(); ++i) {
      const v1::Calendar& sent = file.calendars(i);
      RETURN_IF_ERROR(Load(sent.calendar_id()));
      for (FieldViolation& fault : ReplacementFaults(Calendar(sent.calendar_id()), sent,
                                                     absl::StrCat("calendars[", i, "]"))) {
        faults.push_back(std::move(fault));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Load(const std::string& calendar_id) {
    return stored_.Load(CalendarKey(tenant_, calendar_id));
  }

  // A stored one that was loaded; null if there is none.
  const v1::Calendar* Calendar(const std::string& id) const {
    const auto* stored = stored_.Get<state::v1::StoredCalendar>(CalendarKey(tenant_, id));
    return stored == nullptr ? nullptr : &stored->calendar();
  }

  absl::StatusOr<PolicyChoice> Choose(const v1::PolicyDraft& draft, int64_t now) {
    if (!draft.policy_set_id().empty()) return PolicyChoice{draft.policy_set_id(), draft.version()};
    if (draft.has_policy_set()) {
      v1::PolicySet sent = draft.policy_set();
      sent.clear_version();
      stored_.LayOver(PolicySetKey(tenant_, sent.policy_set_id()),
                      std::make_unique<state::v1::StoredPolicySet>(ToStored(sent)));
      return PolicyChoice{sent.policy_set_id()};
    }
    const engine::EntityKey key = PolicyScheduleKey(tenant_);
    RETURN_IF_ERROR(stored_.Load(key));
    const auto* schedule = stored_.Get<state::v1::PolicySchedule>(key);
    const auto* entry = schedule == nullptr ? nullptr : InForce(*schedule, now);
    return entry == nullptr ? PolicyChoice()
                            : PolicyChoice{entry->policy_set_id(), entry->version()};
  }

  absl::StatusOr<const v1::PolicySet*> Find(const PolicyChoice& choice) {
    const std::string& id = choice.policy_set_id;
    const engine::EntityKey key = choice.version == 0
                                      ? PolicySetKey(tenant_, id)
                                      : PolicyVersionKey(tenant_, id, choice.version);
    RETURN_IF_ERROR(stored_.Load(key));
    const auto* stored = stored_.Get<state::v1::StoredPolicySet>(key);
    if (stored != nullptr) return &stored->policy_set();
    return NotFound(absl::StrCat("policySets/", key.id));
  }

  StoredEntities stored_;
  const std::string tenant_;
  JudgeCaches caches_;  // its own: what is tried is not remembered
  Judge judge_;
  const v1::PolicySet* policy_ = &v1::PolicySet::default_instance();
};

}  // namespace

absl::StatusOr<std::unique_ptr<DraftJudge>> ReadDraft(db::Database& database,
                                                      const std::string& tenant,
                                                      const v1::PolicyDraft& draft,
                                                      const std::string& field, int64_t now) {
  auto drafting = std::make_unique<Drafting>(database, tenant);
  RETURN_IF_ERROR(drafting->Read(draft, field, now));
  return drafting;
}

}  // namespace watchbell::sla
