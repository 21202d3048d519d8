#include "services/sla/policy_commands.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "services/sla/effective_at.h"
#include "services/sla/policies/compiled_policy.h"
#include "services/sla/policies/policy_check.h"
#include "services/sla/policies/policy_schedule.h"
#include "services/sla/same_content.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

using engine::Decision;
using engine::EntityKey;
using engine::Input;
using state::v1::PolicySchedule;
using state::v1::StoredPolicySet;

PolicySchedule ScheduleOf(const engine::View& view, const std::string& tenant) {
  const auto* stored = view.Get<PolicySchedule>(PolicyScheduleKey(tenant));
  return stored == nullptr ? PolicySchedule() : *stored;
}

state::v1::ScheduledPolicy Entry(const Input& input, int64_t effective_at,
                                 const std::string& reason) {
  state::v1::ScheduledPolicy entry;
  entry.set_effective_at(effective_at);
  entry.set_by(input.identity.subject);
  entry.set_recorded_at(absl::ToUnixMicros(input.now));
  entry.set_reason(reason);
  return entry;
}

// Stores the schedule and answers with the version as it stands then.
Decision Answer(const Input& input, PolicySchedule schedule, const StoredPolicySet& stored) {
  Decision decision;
  decision.Reply(VersionView(schedule, stored, absl::ToUnixMicros(input.now)));
  decision.Put(PolicyScheduleKey(input.identity.tenant), std::move(schedule));
  return decision;
}

}  // namespace

std::vector<EntityKey> PolicyCommandNeeds(const Input& input) {
  const std::string& tenant = input.identity.tenant;
  if (const auto* put = input.As<v1::PutPolicySetRequest>()) {
    std::vector<EntityKey> keys = {PolicySetKey(tenant, put->policy_set().policy_set_id())};
    for (const v1::Target& target : put->policy_set().targets()) {
      if (!target.calendar_id().empty()) keys.push_back(CalendarKey(tenant, target.calendar_id()));
    }
    return keys;
  }
  if (const auto* activate = input.As<v1::ActivatePolicySetRequest>()) {
    return {PolicyScheduleKey(tenant), PolicySetKey(tenant, activate->policy_set_id())};
  }
  if (const auto* retire = input.As<v1::RetirePolicySetRequest>()) {
    return {PolicyScheduleKey(tenant), PolicySetKey(tenant, retire->policy_set_id())};
  }
  return {};
}

Decision PutPolicySet(const engine::View& view, const Input& input,
                      const v1::PutPolicySetRequest& request) {
  const std::string& tenant = input.identity.tenant;
  v1::PolicySet policy = request.policy_set();
  const auto calendar_exists = [&](const std::string& id) {
    return view.Get<state::v1::StoredCalendar>(CalendarKey(tenant, id)) != nullptr;
  };
  if (auto faults = PolicyFaults(policy, "policy_set", calendar_exists); !faults.empty()) {
    return Decision::Refuse(InvalidFields(std::move(faults)));
  }
  Decision decision;
  const EntityKey head = PolicySetKey(tenant, policy.policy_set_id());
  const auto* present = view.Get<StoredPolicySet>(head);
  if (present != nullptr && SameContent(present->policy_set(), policy)) {
    decision.Reply(present->policy_set());
    return decision;
  }
  policy.set_version(present == nullptr ? 1 : present->policy_set().version() + 1);
  const EntityKey version = PolicyVersionKey(tenant, policy.policy_set_id(), policy.version());
  if (!view.Loaded(version)) return Decision::NeedsMore({version});
  decision.Reply(policy);
  StoredPolicySet stored = ToStored(std::move(policy));
  stored.set_by(input.identity.subject);
  stored.set_recorded_at(absl::ToUnixMicros(input.now));
  stored.set_reason(request.reason());
  decision.Put(head, stored);
  decision.Put(version, std::move(stored));
  return decision;
}

Decision ActivatePolicySet(const engine::View& view, const Input& input,
                           const v1::ActivatePolicySetRequest& request) {
  const std::string& tenant = input.identity.tenant;
  const std::string& id = request.policy_set_id();
  const auto* stored = view.Get<StoredPolicySet>(PolicySetKey(tenant, id));
  if (stored != nullptr && request.version() > 0) {
    const EntityKey key = PolicyVersionKey(tenant, id, request.version());
    if (!view.Loaded(key)) return Decision::NeedsMore({key});
    stored = view.Get<StoredPolicySet>(key);
  }
  if (stored == nullptr) {
    const std::string version =
        request.version() > 0 ? absl::StrCat("@", request.version()) : std::string();
    return Decision::Refuse(NotFound(absl::StrCat("policySets/", id, version)));
  }
  const absl::StatusOr<int64_t> at = EffectiveAt(request, input.now);
  if (!at.ok()) return Decision::Refuse(at.status());
  state::v1::ScheduledPolicy entry = Entry(input, *at, request.reason());
  entry.set_policy_set_id(id);
  entry.set_version(stored->policy_set().version());
  PolicySchedule schedule = ScheduleOf(view, tenant);
  const state::v1::ScheduledPolicy* in_force = InForce(schedule, *at);
  const bool judges = in_force != nullptr && in_force->policy_set_id() == id &&
                      in_force->version() == entry.version();
  // From now on it does already: who had it judge, and since when, stays.
  if (!request.has_effective_at() && judges) {
    Decision nothing;
    nothing.Reply(VersionView(schedule, *stored, *at));
    return nothing;
  }
  AddEntry(schedule, std::move(entry));
  return Answer(input, std::move(schedule), *stored);
}

Decision RetirePolicySet(const engine::View& view, const Input& input,
                         const v1::RetirePolicySetRequest& request) {
  const std::string& tenant = input.identity.tenant;
  const std::string& id = request.policy_set_id();
  if (view.Get<StoredPolicySet>(PolicySetKey(tenant, id)) == nullptr) {
    return Decision::Refuse(NotFound(absl::StrCat("policySets/", id)));
  }
  const absl::StatusOr<int64_t> at = EffectiveAt(request, input.now);
  if (!at.ok()) return Decision::Refuse(at.status());
  PolicySchedule schedule = ScheduleOf(view, tenant);
  const state::v1::ScheduledPolicy* in_force = InForce(schedule, *at);
  if (in_force == nullptr || in_force->policy_set_id() != id) {
    return Decision::Refuse(ForbiddenMove(
        "POLICY_NOT_IN_FORCE", absl::StrCat("policySets/", id),
        in_force == nullptr
            ? "no policy set is in force then"
            : absl::StrCat("policySets/", in_force->policy_set_id(), " is in force then")));
  }
  const EntityKey key = PolicyVersionKey(tenant, id, in_force->version());
  if (!view.Loaded(key)) return Decision::NeedsMore({key});
  AddEntry(schedule, Entry(input, *at, request.reason()));
  return Answer(input, std::move(schedule), *view.Get<StoredPolicySet>(key));
}

}  // namespace watchbell::sla
