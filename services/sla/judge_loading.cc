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

// A calendar with what it is made of, as far as it was loaded.
struct FoundCalendar {
  const state::v1::StoredCalendar* stored = nullptr;  // null: it does not exist, or is not loaded
  std::vector<const state::v1::StoredCalendar*> members;  // of a union
};

class Gathering {
 public:
  Gathering(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
            const KeyOf& key_of)
      : view_(view), caches_(caches), tenant_(tenant), key_of_(key_of) {}

  LoadedJudge Run(const state::v1::StoredPolicySet& set) {
    const v1::PolicySet& policy = set.policy_set();
    std::map<std::string, TargetHours> hours;
    for (const std::string& id : CalendarIds(policy)) {
      const FoundCalendar calendar = Find(id);
      if (!loaded_.error.ok()) return std::move(loaded_);
      if (loaded_.missing.empty()) hours[id] = Compile(calendar);
    }
    if (!loaded_.missing.empty() || !loaded_.error.ok()) return std::move(loaded_);
    Judge& judge = loaded_.judge.emplace();
    judge.policy = &policy;
    judge.compiled = caches_.policies.Get(tenant_, set);
    for (const v1::Target& target : policy.targets()) {
      const bool business = target.basis() == v1::TIME_BASIS_BUSINESS;
      judge.hours.push_back(business ? hours[target.calendar_id()] : TargetHours());
    }
    return std::move(loaded_);
  }

  // Those that were asked for, members included, with their versions.
  const std::map<std::string, int64_t>& versions() const { return versions_; }

 private:
  FoundCalendar Find(const std::string& id) {
    FoundCalendar found;
    found.stored = Load(id);
    if (found.stored == nullptr) return found;
    for (const std::string& member : found.stored->calendar().union_of()) {
      found.members.push_back(Load(member));
    }
    return found;
  }

  const state::v1::StoredCalendar* Load(const std::string& id) {
    const engine::EntityKey key = key_of_(id);
    if (!view_.Loaded(key)) {
      loaded_.missing.push_back(key);
      return nullptr;
    }
    const auto* stored = view_.Get<state::v1::StoredCalendar>(key);
    if (stored == nullptr) {
      loaded_.error = WithReason(absl::StatusCode::kFailedPrecondition, "CALENDAR_UNUSABLE",
                                 absl::StrCat("there is no calendar ", key.id));
      return nullptr;
    }
    versions_[id] = stored->calendar().version();
    return stored;
  }

  TargetHours Compile(const FoundCalendar& found) {
    auto compiled = caches_.calendars.Get(tenant_, *found.stored, found.members);
    if (!compiled.ok()) {
      loaded_.error = compiled.status();
      return {};
    }
    TargetHours hours{*std::move(compiled), found.stored->calendar().version(), nullptr};
    // The members of a union keep their zones.
    if (!found.members.empty()) return hours;
    hours.in_zone = [&calendars = caches_.calendars, tenant = tenant_,
                     stored = found.stored](const std::string& zone) {
      auto there = calendars.Get(tenant, *stored, {}, zone);
      return there.ok() ? *there : nullptr;
    };
    return hours;
  }

  const engine::View& view_;
  JudgeCaches& caches_;
  const std::string& tenant_;
  const KeyOf& key_of_;
  LoadedJudge loaded_;
  std::map<std::string, int64_t> versions_;
};

LoadedJudge Missing(engine::EntityKey key) {
  LoadedJudge loaded;
  loaded.missing.push_back(std::move(key));
  return loaded;
}

}  // namespace

LoadedJudge PinPolicy(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                      const std::string& policy_set_id, int64_t version,
                      state::v1::TicketClocks& ticket) {
  const engine::EntityKey key = version == 0 ? PolicySetKey(tenant, policy_set_id)
                                             : PolicyVersionKey(tenant, policy_set_id, version);
  if (!view.Loaded(key)) return Missing(key);
  const auto* stored = view.Get<state::v1::StoredPolicySet>(key);
  if (stored == nullptr) return {};
  const KeyOf newest = [&](const std::string& id) { return CalendarKey(tenant, id); };
  Gathering gathering(view, caches, tenant, newest);
  LoadedJudge loaded = gathering.Run(*stored);
  if (!loaded.judge) return loaded;
  ticket.set_policy_set_id(policy_set_id);
  ticket.set_policy_version(stored->policy_set().version());
  ticket.clear_calendars();
  for (const auto& [id, calendar_version] : gathering.versions()) {
    state::v1::PinnedCalendar* pinned = ticket.add_calendars();
    pinned->set_calendar_id(id);
    pinned->set_version(calendar_version);
  }
  return loaded;
}

LoadedJudge LoadPinned(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                       const state::v1::TicketClocks& ticket) {
  const KeyOf calendar_key = [&](const std::string& calendar_id) {
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
  return Gathering(view, caches, tenant, calendar_key).Run(*stored);
}

}  // namespace watchbell::sla
