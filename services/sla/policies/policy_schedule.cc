#include "services/sla/policies/policy_schedule.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/proto_time.h"

namespace watchbell::sla {
namespace {

using state::v1::PolicySchedule;
using state::v1::ScheduledPolicy;

google::protobuf::Timestamp Instant(int64_t micros) {
  return ToProto(absl::FromUnixMicros(micros));
}

// Place of the entry in force at `at`; -1 if there is none.
int PlaceAt(const PolicySchedule& schedule, int64_t at) {
  int place = -1;
  while (place + 1 < schedule.entries_size() && schedule.entries(place + 1).effective_at() <= at) {
    ++place;
  }
  return place;
}

bool Is(const ScheduledPolicy& entry, const v1::PolicySet& policy) {
  return entry.version() == policy.version() && entry.policy_set_id() == policy.policy_set_id();
}

// What counts of the schedule: of entries of one instant the last, of those of one version that
// follow each other the first.
std::vector<const ScheduledPolicy*> Turns(const PolicySchedule& schedule) {
  std::vector<const ScheduledPolicy*> turns;
  for (int i = 0; i < schedule.entries_size(); ++i) {
    const ScheduledPolicy& entry = schedule.entries(i);
    const bool overruled = i + 1 < schedule.entries_size() &&
                           schedule.entries(i + 1).effective_at() == entry.effective_at();
    const bool goes_on = !turns.empty() && turns.back()->version() == entry.version() &&
                         turns.back()->policy_set_id() == entry.policy_set_id();
    if (!overruled && !goes_on) turns.push_back(&entry);
  }
  return turns;
}

// The turn in which this version judges now; else the last in which it judged, or will; -1 if
// never.
int TurnOf(const std::vector<const ScheduledPolicy*>& turns, const v1::PolicySet& policy,
           int64_t now) {
  int last = -1;
  for (int turn = 0; turn < static_cast<int>(turns.size()); ++turn) {
    if (!Is(*turns[turn], policy)) continue;
    const bool over =
        turn + 1 < static_cast<int>(turns.size()) && turns[turn + 1]->effective_at() <= now;
    if (turns[turn]->effective_at() <= now && !over) return turn;
    last = turn;
  }
  return last;
}

}  // namespace

const ScheduledPolicy* InForce(const PolicySchedule& schedule, int64_t at) {
  const int place = PlaceAt(schedule, at);
  if (place < 0 || schedule.entries(place).policy_set_id().empty()) return nullptr;
  return &schedule.entries(place);
}

void AddEntry(PolicySchedule& schedule, ScheduledPolicy entry) {
  *schedule.add_entries() = std::move(entry);
  std::stable_sort(schedule.mutable_entries()->begin(), schedule.mutable_entries()->end(),
                   [](const ScheduledPolicy& a, const ScheduledPolicy& b) {
                     return a.effective_at() < b.effective_at();
                   });
}

v1::PolicyVersion VersionView(const PolicySchedule& schedule,
                              const state::v1::StoredPolicySet& stored, int64_t now) {
  const v1::PolicySet& policy = stored.policy_set();
  v1::PolicyVersion view;
  view.set_policy_set_id(policy.policy_set_id());
  view.set_version(policy.version());
  view.set_stage(v1::POLICY_STAGE_DRAFT);
  *view.mutable_create_time() = Instant(stored.recorded_at());
  view.set_created_by(stored.by());
  view.set_create_reason(stored.reason());
  const std::vector<const ScheduledPolicy*> turns = Turns(schedule);
  const int turn = TurnOf(turns, policy, now);
  if (turn < 0) return view;
  const ScheduledPolicy& entry = *turns[turn];
  *view.mutable_effective_at() = Instant(entry.effective_at());
  view.set_activated_by(entry.by());
  view.set_activate_reason(entry.reason());
  const bool ends = turn + 1 < static_cast<int>(turns.size());
  if (ends) {
    const ScheduledPolicy& next = *turns[turn + 1];
    *view.mutable_retired_at() = Instant(next.effective_at());
    view.set_retired_by(next.by());
    view.set_retire_reason(next.reason());
    view.set_next_policy_set_id(next.policy_set_id());
    view.set_next_version(next.version());
  }
  if (entry.effective_at() > now) {
    view.set_stage(v1::POLICY_STAGE_SCHEDULED);
  } else if (ends && turns[turn + 1]->effective_at() <= now) {
    view.set_stage(v1::POLICY_STAGE_RETIRED);
  } else {
    view.set_stage(v1::POLICY_STAGE_ACTIVE);
  }
  return view;
}

}  // namespace watchbell::sla
