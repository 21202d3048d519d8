// What judges a ticket: one version of a policy set with the compiled calendars its targets name,
// and counting time the way each target counts it. Pure; times are microseconds since the epoch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/time/business_calendar.h"
#include "watchbell/sla/state/v1/state.pb.h"
#include "watchbell/sla/v1/sla.pb.h"

namespace watchbell::sla {

// Half of what a target counts by.
struct TargetHours {
  std::shared_ptr<const BusinessCalendar> calendar;  // null: all time
  int64_t version = 0;                               // of the calendar; 0 with all time
};

// `policy` outlives the judge; `hours` has one entry per target.
struct Judge {
  const v1::PolicySet* policy = nullptr;
  std::vector<TargetHours> hours;
};

// The first target by rank that measures `metric` and selects a ticket with these facts; -1 if none
// does.
int MatchTarget(const v1::PolicySet& policy, v1::Metric metric, const state::v1::Facts& facts);

// Time target `target` counts in [from, to).
int64_t CountedTime(const Judge& judge, int target, int64_t from, int64_t to);

// The smallest instant by which target `target` has counted `amount` since `start`; nothing if that
// is never.
std::optional<int64_t> Deadline(const Judge& judge, int target, int64_t start, int64_t amount);

// The instant at which these finished segments had counted `amount`, each by its own target's
// hours, if that was before the segment it lies in ended. At a segment's very end nothing is
// crossed yet: the remainder is 0 and due again at the next segment's start.
std::optional<int64_t> Crossing(
    const Judge& judge, const google::protobuf::RepeatedPtrField<state::v1::Segment>& segments,
    int64_t amount);

// Microseconds a target allows, and the part of it at which `percent` is used.
int64_t AllowedTime(const v1::Target& target);
inline int64_t ThresholdTime(int64_t allowed, int percent) { return allowed * percent / 100; }

}  // namespace watchbell::sla
