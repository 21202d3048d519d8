// Which version of a policy set judges live tickets, by the instant they were opened at. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// The entry in force at `at` (microseconds); null if none is, or no set judges then.
const state::v1::ScheduledPolicy* InForce(const state::v1::PolicySchedule& schedule, int64_t at);

// Adds an entry in its place.
void AddEntry(state::v1::PolicySchedule& schedule, state::v1::ScheduledPolicy entry);

// A stored version with its place in the schedule, as of `now`.
v1::PolicyVersion VersionView(const state::v1::PolicySchedule& schedule,
                              const state::v1::StoredPolicySet& stored, int64_t now);

}  // namespace watchbell::sla
