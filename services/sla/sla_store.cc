#include "services/sla/sla_store.h"

#include "absl/strings/str_cat.h"
#include "protos/watchbell/events/v1/topics.h"
#include "watchbell/sla/state/v1/state.pb.h"

namespace watchbell::sla {
namespace {

template <typename T>
engine::EntityClass Reference(int cls, const char* name) {
  return {cls, name, &T::default_instance(), "", true};
}

}  // namespace

const std::vector<engine::EntityClass>& Classes() {
  static const auto* const classes = new std::vector<engine::EntityClass>{
      Reference<state::v1::PolicySchedule>(kPolicyScheduleClass, "policy_schedule"),
      Reference<state::v1::StoredPolicySet>(kPolicySetClass, "policy_set"),
      Reference<state::v1::StoredPolicySet>(kPolicyVersionClass, "policy_set_version"),
      Reference<state::v1::StoredCalendar>(kCalendarClass, "calendar"),
      Reference<state::v1::StoredCalendar>(kCalendarVersionClass, "calendar_version"),
      {kTicketClass, "ticket", &state::v1::TicketClocks::default_instance(), events::kSlaTopic},
  };
  return *classes;
}

engine::EntityKey PolicyScheduleKey(const std::string& tenant) {
  return {kPolicyScheduleClass, tenant, "schedule"};
}

engine::EntityKey PolicySetKey(const std::string& tenant, const std::string& policy_set_id) {
  return {kPolicySetClass, tenant, policy_set_id};
}

engine::EntityKey PolicyVersionKey(const std::string& tenant, const std::string& policy_set_id,
                                   int64_t version) {
  return {kPolicyVersionClass, tenant, absl::StrCat(policy_set_id, "@", version)};
}

engine::EntityKey CalendarKey(const std::string& tenant, const std::string& calendar_id) {
  return {kCalendarClass, tenant, calendar_id};
}

engine::EntityKey CalendarVersionKey(const std::string& tenant, const std::string& calendar_id,
                                     int64_t version) {
  return {kCalendarVersionClass, tenant, absl::StrCat(calendar_id, "@", version)};
}

engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id) {
  return {kTicketClass, tenant, ticket_id};
}

}  // namespace watchbell::sla
