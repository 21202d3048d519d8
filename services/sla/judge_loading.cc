#include "services/sla/judge_loading.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "services/sla/calendars/calendar_versions.h"
#include "services/sla/sla_store.h"

namespace watchbell::sla {
namespace {

// Where to look for a calendar; asked again once that is loaded, it may name another place.
using KeyOf = std::function<engine::EntityKey(const std::string& calendar_id)>;

// Calendars the targets count by.
std::set<std::string> CalendarIds(const v1::PolicySet& policy) {
  std::set<std::string> ids;
  for (const v1::Target& target : policy.targets()) {
    if (target.basis() == v1::TIME_BASIS_BUSINESS) ids.insert(target.calendar_id());
  }
  return ids;
}

// As LoadedJudge, of one version.
struct LoadedEra {
  std::optional<JudgeEra> era;
  std::vector<engine::EntityKey> missing;
  absl::Status error;
};

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

  LoadedEra Run(const state::v1::StoredPolicySet& set) {
    const v1::PolicySet& policy = set.policy_set();
    std::map<std::string, TargetHours> hours;
    for (const std::string& id : CalendarIds(policy)) {
      const FoundCalendar calendar = Find(id);
      if (!loaded_.error.ok()) return std::move(loaded_);
      if (loaded_.missing.empty()) hours[id] = Compile(calendar);
    }
    if (!loaded_.missing.empty() || !loaded_.error.ok()) return std::move(loaded_);
    JudgeEra& era = loaded_.era.emplace();
    era.policy = &policy;
    era.compiled = caches_.policies.Get(tenant_, set);
    for (const v1::Target& target : policy.targets()) {
      const bool business = target.basis() == v1::TIME_BASIS_BUSINESS;
      era.hours.push_back(business ? hours[target.calendar_id()] : TargetHours());
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
    engine::EntityKey key = key_of_(id);
    if (view_.Loaded(key)) key = key_of_(id);
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
    TargetHours hours{*std::move(compiled), found.stored->calendar().version(), {}, nullptr};
    hours.versions.emplace_back(found.stored->calendar().calendar_id(), hours.version);
    for (const state::v1::StoredCalendar* member : found.members) {
      hours.versions.emplace_back(member->calendar().calendar_id(), member->calendar().version());
    }
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
  LoadedEra loaded_;
  std::map<std::string, int64_t> versions_;
};

absl::Status NoSuchPolicy(const engine::EntityKey& key) {
  return WithReason(absl::StatusCode::kFailedPrecondition, "POLICY_UNUSABLE",
                    absl::StrCat("there is no policy set ", key.id));
}

// The versions an era names.
LoadedEra LoadEra(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                  const state::v1::Era& era) {
  LoadedEra loaded;
  if (era.policy_set_id().empty()) {
    loaded.era = Judge::Nothing();
    return loaded;
  }
  const engine::EntityKey key = PolicyVersionKey(tenant, era.policy_set_id(), era.policy_version());
  if (!view.Loaded(key)) {
    // The pins name everything: one more round is enough.
    loaded.missing.push_back(key);
    for (const state::v1::PinnedCalendar& pinned : era.calendars()) {
      loaded.missing.push_back(CalendarVersionKey(tenant, pinned.calendar_id(), pinned.version()));
    }
    return loaded;
  }
  const auto* stored = view.Get<state::v1::StoredPolicySet>(key);
  if (stored == nullptr) {
    loaded.error = NoSuchPolicy(key);
    return loaded;
  }
  const KeyOf pinned_version = [&](const std::string& id) {
    const auto pinned = std::find_if(era.calendars().begin(), era.calendars().end(),
                                     [&](const auto& each) { return each.calendar_id() == id; });
    return CalendarVersionKey(tenant, id, pinned == era.calendars().end() ? 0 : pinned->version());
  };
  return Gathering(view, caches, tenant, pinned_version).Run(*stored);
}

// A policy with the versions of its calendars that count at `at`, which are pinned in `pins`.
LoadedEra ChooseEra(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                    const PolicyChoice& policy, int64_t at, state::v1::Era& pins) {
  LoadedEra loaded;
  if (policy.policy_set_id.empty()) {
    loaded.era = Judge::Nothing();
    return loaded;
  }
  const engine::EntityKey key =
      policy.version == 0 ? PolicySetKey(tenant, policy.policy_set_id)
                          : PolicyVersionKey(tenant, policy.policy_set_id, policy.version);
  if (!view.Loaded(key)) {
    loaded.missing.push_back(key);
    return loaded;
  }
  const auto* stored = view.Get<state::v1::StoredPolicySet>(key);
  if (stored == nullptr) {
    loaded.error = NoSuchPolicy(key);
    return loaded;
  }
  const KeyOf in_force = [&](const std::string& id) {
    const auto chosen = policy.calendars.find(id);
    if (chosen != policy.calendars.end()) return CalendarVersionKey(tenant, id, chosen->second);
    const engine::EntityKey newest = CalendarKey(tenant, id);
    const auto* calendar =
        view.Loaded(newest) ? view.Get<state::v1::StoredCalendar>(newest) : nullptr;
    if (calendar == nullptr) return newest;
    const int64_t version = CalendarVersionAt(*calendar, at);
    return version == calendar->calendar().version() ? newest
                                                     : CalendarVersionKey(tenant, id, version);
  };
  Gathering gathering(view, caches, tenant, in_force);
  loaded = gathering.Run(*stored);
  pins.set_policy_set_id(policy.policy_set_id);
  pins.set_policy_version(stored->policy_set().version());
  for (const auto& [id, version] : gathering.versions()) {
    state::v1::PinnedCalendar* pinned = pins.add_calendars();
    pinned->set_calendar_id(id);
    pinned->set_version(version);
  }
  return loaded;
}

// Takes the era into the judge; false if something stands in the way, which `into` tells then.
bool Take(LoadedEra loaded, LoadedJudge& into, Judge& judge) {
  if (loaded.era) {
    judge.Add(*std::move(loaded.era));
    return true;
  }
  into.missing.insert(into.missing.end(), loaded.missing.begin(), loaded.missing.end());
  if (into.error.ok()) into.error = std::move(loaded.error);
  return false;
}

LoadedJudge Done(LoadedJudge loaded, Judge judge) {
  if (loaded.missing.empty() && loaded.error.ok()) loaded.judge = std::move(judge);
  return loaded;
}

}  // namespace

LoadedJudge AddEra(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                   const PolicyChoice& policy, int64_t at, state::v1::TicketClocks& ticket) {
  LoadedJudge loaded;
  Judge judge;
  for (const state::v1::Era& era : ticket.eras()) {
    Take(LoadEra(view, caches, tenant, era), loaded, judge);
  }
  state::v1::Era next;
  if (Take(ChooseEra(view, caches, tenant, policy, at, next), loaded, judge) &&
      loaded.missing.empty()) {
    next.set_first_target(judge.first(judge.eras() - 1));
    *ticket.add_eras() = std::move(next);
  }
  return Done(std::move(loaded), std::move(judge));
}

LoadedJudge LoadPinned(const engine::View& view, JudgeCaches& caches, const std::string& tenant,
                       const state::v1::TicketClocks& ticket) {
  LoadedJudge loaded;
  Judge judge;
  for (const state::v1::Era& era : ticket.eras()) {
    Take(LoadEra(view, caches, tenant, era), loaded, judge);
  }
  return Done(std::move(loaded), std::move(judge));
}

}  // namespace watchbell::sla
