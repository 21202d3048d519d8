#include "services/sla/policy_schedule.h"

#include <algorithm>
#include <utility>

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

// Place of the entry that ends this one: the next one of a later instant.
int EndOf(const PolicySchedule& schedule, int place) {
  int next = place + 1;
  while (next < schedule.entries_size() &&
         schedule.entries(next).effective_at() == schedule.entries(place).effective_at()) {
    ++next;
  }
  return next;
}

bool Is(const ScheduledPolicy& entry, const v1::PolicySet& policy) {
  return entry.version() == policy.version() && entry.policy_set_id() == policy.policy_set_id();
}

// The place at which this version judges now; else the last at which it judged, or will; -1 if
// never.
int PlaceOf(const PolicySchedule& schedule, const v1::PolicySet& policy, int64_t now) {
  const int in_force = PlaceAt(schedule, now);
  if (in_force >= 0 && Is(schedule.entries(in_force), policy)) return in_force;
  for (int place = schedule.entries_size() - 1; place >= 0; --place) {
    const bool overruled = place + 1 < EndOf(schedule, place);
    if (!overruled && Is(schedule.entries(place), policy)) return place;
  }
  return -1;
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
  const int place = PlaceOf(schedule, policy, now);
  if (place < 0) return view;
  const ScheduledPolicy& entry = schedule.entries(place);
  *view.mutable_effective_at() = Instant(entry.effective_at());
  view.set_activated_by(entry.by());
  view.set_activate_reason(entry.reason());
  const int end = EndOf(schedule, place);
  const bool ends = end < schedule.entries_size();
  if (ends) {
    // Of those of one instant the last counts.
    const ScheduledPolicy& next = schedule.entries(EndOf(schedule, end) - 1);
    *view.mutable_retired_at() = Instant(next.effective_at());
    view.set_retired_by(next.by());
    view.set_retire_reason(next.reason());
  }
  if (entry.effective_at() > now) {
    view.set_stage(v1::POLICY_STAGE_SCHEDULED);
  } else if (ends && schedule.entries(end).effective_at() <= now) {
    view.set_stage(v1::POLICY_STAGE_RETIRED);
  } else {
    view.set_stage(v1::POLICY_STAGE_ACTIVE);
  }
  return view;
}

}  // namespace watchbell::sla
