// What sla keeps: its entity classes and their keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/engine/entity.h"

namespace watchbell::sla {

// In locking order.
enum ClassId : int {
  kPolicyScheduleClass = 1,   // state::v1::PolicySchedule, one a tenant
  kPolicySetClass = 2,        // state::v1::StoredPolicySet, the newest version
  kPolicyVersionClass = 3,    // state::v1::StoredPolicySet, each version
  kCalendarClass = 4,         // state::v1::StoredCalendar, the newest version
  kCalendarVersionClass = 5,  // state::v1::StoredCalendar, each version
  kTicketClass = 6,           // state::v1::TicketClocks; its events go to the sla topic
};

const std::vector<engine::EntityClass>& Classes();

engine::EntityKey PolicyScheduleKey(const std::string& tenant);
engine::EntityKey PolicySetKey(const std::string& tenant, const std::string& policy_set_id);
engine::EntityKey PolicyVersionKey(const std::string& tenant, const std::string& policy_set_id,
                                   int64_t version);
engine::EntityKey CalendarKey(const std::string& tenant, const std::string& calendar_id);
engine::EntityKey CalendarVersionKey(const std::string& tenant, const std::string& calendar_id,
                                     int64_t version);
engine::EntityKey TicketKey(const std::string& tenant, const std::string& ticket_id);

// Name of the timer of a ticket's next crossing.
inline constexpr char kDueTimer[] = "due";

}  // namespace watchbell::sla
