// Promises kept, counted from the standing verdict of each clock's last leg.
#pragma once

#include <map>
#include <utility>

#include "google/protobuf/repeated_field.h"
#include "services/analytics/ticket_facts.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::analytics {

// Counts clocks by metric and priority. A finished clock is met or missed; an open one pending, or
// open_breached if a breach stands; a cancelled one is left out.
class AdherenceCount {
 public:
  // Counts under the priority of the clock's last leg.
  void Add(const state::v1::ClockFacts& clock) { Add(clock, clock.priority()); }
  // Counts all priorities together: entries without a priority.
  void AddTogether(const state::v1::ClockFacts& clock) {
    Add(clock, tickets::v1::PRIORITY_UNSPECIFIED);
  }

  // By metric, then priority, ascending.
  void Fill(google::protobuf::RepeatedPtrField<v1::Adherence>& out) const;

 private:
  void Add(const state::v1::ClockFacts& clock, tickets::v1::Priority priority);

  std::map<std::pair<sla::v1::Metric, tickets::v1::Priority>, v1::Adherence> counts_;
};

}  // namespace watchbell::analytics
