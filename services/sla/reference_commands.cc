#include "services/sla/reference_commands.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "services/sla/calendars.h"
#include "services/sla/policy_check.h"
#include "services/sla/sla_store.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {
namespace {

using engine::Decision;
using engine::EntityKey;

// The same but for the version, which is the server's.
template <typename T>
bool SameContent(const T& present, T asked) {
  asked.set_version(present.version());
  return present.SerializeAsString() == asked.SerializeAsString();
}

Decision PutCalendar(const engine::View& view, const std::string& tenant,
                     const v1::PutCalendarRequest& request) {
  v1::Calendar calendar = request.calendar();
  if (auto faults = CalendarFaults(calendar, "calendar"); !faults.empty()) {
    return Decision::Refuse(InvalidFields(std::move(faults)));
  }
  Decision decision;
  const EntityKey head = CalendarKey(tenant, calendar.calendar_id());
  const auto* present = view.Get<state::v1::StoredCalendar>(head);
  if (present != nullptr && SameContent(present->calendar(), calendar)) {
    decision.Reply(present->calendar());
    return decision;
  }
  calendar.set_version(present == nullptr ? 1 : present->calendar().version() + 1);
  const EntityKey version = CalendarVersionKey(tenant, calendar.calendar_id(), calendar.version());
  if (!view.Loaded(version)) return Decision::NeedsMore({version});
  decision.Reply(calendar);
  const state::v1::StoredCalendar stored = ToStored(std::move(calendar));
  decision.Put(head, stored);
  decision.Put(version, stored);
  return decision;
}

Decision PutPolicySet(const engine::View& view, const std::string& tenant,
                      const v1::PutPolicySetRequest& request) {
  v1::PolicySet policy = request.policy_set();
  const auto calendar_exists = [&](const std::string& id) {
    return view.Get<state::v1::StoredCalendar>(CalendarKey(tenant, id)) != nullptr;
  };
  if (auto faults = PolicyFaults(policy, "policy_set", calendar_exists); !faults.empty()) {
    return Decision::Refuse(InvalidFields(std::move(faults)));
  }
  Decision decision;
  const EntityKey head = PolicySetKey(tenant, policy.policy_set_id());
  const auto* present = view.Get<state::v1::StoredPolicySet>(head);
  if (present != nullptr && SameContent(present->policy_set(), policy)) {
    decision.Reply(present->policy_set());
    return decision;
  }
  policy.set_version(present == nullptr ? 1 : present->policy_set().version() + 1);
  const EntityKey version = PolicyVersionKey(tenant, policy.policy_set_id(), policy.version());
  if (!view.Loaded(version)) return Decision::NeedsMore({version});
  decision.Reply(policy);
  state::v1::StoredPolicySet stored;
  *stored.mutable_policy_set() = std::move(policy);
  decision.Put(head, stored);
  decision.Put(version, stored);
  return decision;
}

Decision ActivatePolicySet(const engine::View& view, const std::string& tenant,
                           const v1::ActivatePolicySetRequest& request) {
  const EntityKey policy = PolicySetKey(tenant, request.policy_set_id());
  if (view.Get<state::v1::StoredPolicySet>(policy) == nullptr) {
    return Decision::Refuse(NotFound(absl::StrCat("policySets/", request.policy_set_id())));
  }
  Decision decision;
  state::v1::ActivePolicySet active;
  active.set_policy_set_id(request.policy_set_id());
  decision.Put(ActivePolicyKey(tenant), std::move(active));
  v1::ActivatePolicySetResponse response;
  response.set_policy_set_id(request.policy_set_id());
  decision.Reply(response);
  return decision;
}

}  // namespace

std::vector<EntityKey> ReferenceCommandNeeds(const engine::Input& input) {
  const std::string& tenant = input.identity.tenant;
  if (const auto* calendar = input.As<v1::PutCalendarRequest>()) {
    return {CalendarKey(tenant, calendar->calendar().calendar_id())};
  }
  if (const auto* policy = input.As<v1::PutPolicySetRequest>()) {
    std::vector<EntityKey> keys = {PolicySetKey(tenant, policy->policy_set().policy_set_id())};
    for (const v1::Target& target : policy->policy_set().targets()) {
      if (!target.calendar_id().empty()) keys.push_back(CalendarKey(tenant, target.calendar_id()));
    }
    return keys;
  }
  if (const auto* activate = input.As<v1::ActivatePolicySetRequest>()) {
    return {ActivePolicyKey(tenant), PolicySetKey(tenant, activate->policy_set_id())};
  }
  return {};
}

Decision DecideReferenceCommand(const engine::View& view, const engine::Input& input) {
  const std::string& tenant = input.identity.tenant;
  if (const auto* calendar = input.As<v1::PutCalendarRequest>()) {
    return PutCalendar(view, tenant, *calendar);
  }
  if (const auto* policy = input.As<v1::PutPolicySetRequest>()) {
    return PutPolicySet(view, tenant, *policy);
  }
  if (const auto* activate = input.As<v1::ActivatePolicySetRequest>()) {
    return ActivatePolicySet(view, tenant, *activate);
  }
  return Decision::Refuse(absl::UnimplementedError("no such command"));
}

}  // namespace watchbell::sla
