#include "services/sla/reference_lists.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/runtime/service_core.h"
#include "services/sla/calendars/calendar_versions.h"
#include "services/sla/policies/policy_schedule.h"
#include "services/sla/sla_store.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {
namespace {

constexpr int64_t kMostEntities = 1000;
constexpr int kMostVersions = 100;

// The tenant's entities of a class, by id.
template <typename T>
absl::StatusOr<std::vector<T>> ReadAll(db::Database& database, ClassId cls,
                                       const std::string& tenant) {
  ASSIGN_OR_RETURN(const std::vector<db::Row> rows,
                   database.Read("SELECT body FROM entities WHERE class = $1 AND tenant = $2 "
                                 "ORDER BY id LIMIT $3",
                                 {int64_t{cls}, tenant, kMostEntities}));
  std::vector<T> all;
  for (const db::Row& row : rows) {
    if (!all.emplace_back().ParseFromString(db::AsBytes(row[0]))) {
      return absl::DataLossError("stored state cannot be read");
    }
  }
  return all;
}

}  // namespace

absl::StatusOr<v1::ListPolicySetsResponse> ListPolicySets(db::Database& database,
                                                          const std::string& tenant, int64_t now) {
  const engine::EntityKey key = PolicyScheduleKey(tenant);
  ASSIGN_OR_RETURN(auto schedule, runtime::ReadEntity<state::v1::PolicySchedule>(
                                      database, key.cls, key.tenant, key.id));
  if (schedule == nullptr) schedule = std::make_unique<state::v1::PolicySchedule>();
  ASSIGN_OR_RETURN(const auto sets,
                   ReadAll<state::v1::StoredPolicySet>(database, kPolicySetClass, tenant));
  v1::ListPolicySetsResponse response;
  for (const state::v1::StoredPolicySet& set : sets) {
    *response.add_policy_sets() = VersionView(*schedule, set, now);
  }
  const state::v1::ScheduledPolicy* in_force = InForce(*schedule, now);
  if (in_force == nullptr) return response;
  const engine::EntityKey version =
      PolicyVersionKey(tenant, in_force->policy_set_id(), in_force->version());
  ASSIGN_OR_RETURN(const auto stored, runtime::ReadEntity<state::v1::StoredPolicySet>(
                                          database, version.cls, version.tenant, version.id));
  if (stored != nullptr) *response.mutable_in_force() = VersionView(*schedule, *stored, now);
  return response;
}

absl::StatusOr<v1::ListCalendarsResponse> ListCalendars(db::Database& database,
                                                        const std::string& tenant, int64_t now) {
  ASSIGN_OR_RETURN(const auto calendars,
                   ReadAll<state::v1::StoredCalendar>(database, kCalendarClass, tenant));
  v1::ListCalendarsResponse response;
  for (const state::v1::StoredCalendar& stored : calendars) {
    v1::CalendarVersions& calendar = *response.add_calendars();
    calendar.set_calendar_id(stored.calendar().calendar_id());
    const int64_t in_force = CalendarVersionAt(stored, now);
    const int known = stored.versions_size();
    for (int i = std::max(0, known - kMostVersions); i < known; ++i) {
      v1::CalendarSchedule& version = *calendar.add_versions();
      version.set_version(stored.versions(i).version());
      version.set_in_force(version.version() == in_force);
      if (stored.versions(i).effective_at() == 0) continue;
      *version.mutable_effective_at() =
          ToProto(absl::FromUnixMicros(stored.versions(i).effective_at()));
    }
  }
  return response;
}

}  // namespace watchbell::sla
