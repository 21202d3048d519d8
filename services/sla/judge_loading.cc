#include "services/sla/judge_loading.h"

#include <functional>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

using KeyOf = std::function<engine::EntityKey(const std::string& calendar_id)>;

// Calendars the targets count by.
std::set<std::string> CalendarIds(const v1::PolicySet& policy) {
  std::set<std::string> ids;
  for (const v1::Target& target : policy.targets()) {
    if (target.basis() == v1::TIME_BASIS_BUSINESS) ids.insert(target.calendar_id());
  }
  return ids;
}

LoadedJudge Gather(const engine::View& view, CalendarCache& cache, const std::string& tenant,
                   const v1::PolicySet& policy, const KeyOf& key_of) {
  LoadedJudge loaded;
  std::map<std::string, TargetHours> hours;
  for (const std::string& id : CalendarIds(policy)) {
    const engine::EntityKey key = key_of(id);
    if (!view.Loaded(key)) {
      loaded.missing.push_back(key);
      continue;
    }
    const auto* stored = view.Get<state::v1::StoredCalendar>(key);
    if (stored == nullptr) {
      loaded.error = WithReason(absl::StatusCode::kFailedPrecondition, "CALENDAR_UNUSABLE",
                                absl::StrCat("there is no calendar ", key.id));
      return loaded;
    }
    auto compiled = cache.Get(tenant, *stored);
    if (!compiled.ok()) {
      loaded.error = compiled.status();
      return loaded;
    }
    hours[id] = {*std::move(compiled), stored->calendar().version()};
  }
  if (!loaded.missing.empty()) return loaded;
  Judge& judge = loaded.judge.emplace();
  judge.policy = &policy;
  for (const v1::Target& target : policy.targets()) {
    const bool business = target.basis() == v1::TIME_BASIS_BUSINESS;
    judge.hours.push_back(business ? hours[target.calendar_id()] : TargetHours());
  }
  return loaded;
}

LoadedJudge Missing(engine::EntityKey key) {
  LoadedJudge loaded;
  loaded.missing.push_back(std::move(key));
  return loaded;
}

}  // namespace

LoadedJudge PinNewest(const engine::View& view, CalendarCache& cache, const std::string& tenant,
                      const std::string& policy_set_id, state::v1::TicketClocks& ticket) {
  const engine::EntityKey key = PolicySetKey(tenant, policy_set_id);
  if (!view.Loaded(key)) return Missing(key);
  const auto* stored = view.Get<state::v1::StoredPolicySet>(key);
  if (stored == nullptr) return {};
  const v1::PolicySet& policy = stored->policy_set();
  LoadedJudge loaded = Gather(view, cache, tenant, policy, [&](const std::string& calendar_id) {
    return CalendarKey(tenant, calendar_id);
  });
  if (!loaded.judge) return loaded;
  ticket.set_policy_set_id(policy.policy_set_id());
  ticket.set_policy_version(policy.version());
  ticket.clear_calendars();
  for (const std::string& id : CalendarIds(policy)) {
    state::v1::PinnedCalendar* pinned = ticket.add_calendars();
    pinned->set_calendar_id(id);
    pinned->set_version(
        view.Get<state::v1::StoredCalendar>(CalendarKey(tenant, id))->calendar().version());
  }
  return loaded;
}

LoadedJudge LoadPinned(const engine::View& view, CalendarCache& cache, const std::string& tenant,
                       const state::v1::TicketClocks& ticket) {
  const auto calendar_key = [&](const std::string& calendar_id) {
    for (const state::v1::PinnedCalendar& pinned : ticket.calendars()) {
      if (pinned.calendar_id() == calendar_id) {
        return CalendarVersionKey(tenant, calendar_id, pinned.version());
      }
    }
    return CalendarVersionKey(tenant, calendar_id, 0);
  };
  const engine::EntityKey key =
      PolicyVersionKey(tenant, ticket.policy_set_id(), ticket.policy_version());
  if (!view.Loaded(key)) {
    // The pins name everything: one more round is enough.
    LoadedJudge loaded = Missing(key);
    for (const state::v1::PinnedCalendar& pinned : ticket.calendars()) {
      loaded.missing.push_back(CalendarVersionKey(tenant, pinned.calendar_id(), pinned.version()));
    }
    return loaded;
  }
  const auto* stored = view.Get<state::v1::StoredPolicySet>(key);
  if (stored == nullptr) {
    LoadedJudge loaded;
    loaded.error = WithReason(absl::StatusCode::kFailedPrecondition, "POLICY_UNUSABLE",
                              absl::StrCat("there is no policy set ", key.id));
    return loaded;
  }
  return Gather(view, cache, tenant, stored->policy_set(), calendar_key);
}

}  // namespace watchbell::sla
