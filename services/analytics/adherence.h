// Promises kept, counted from the standing verdict of each clock's last leg.
#pragma once

#include <map>
#include <string>

#include "google/protobuf/repeated_field.h"
#include "services/analytics/ticket_facts.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::analytics {

// What clocks are counted by, in the order rows are given; empty where all are counted together.
struct AdherenceKey {
  std::string clock;
  tickets::v1::Priority priority = tickets::v1::PRIORITY_UNSPECIFIED;
  std::string category;
  std::string month;

  auto operator<=>(const AdherenceKey&) const = default;
};

// Counts clocks, every cycle for itself. A finished clock is met or missed, and of the missed some
// are waived; an open one is pending, or open_breached if a breach stands; a cancelled one is left
// out.
class AdherenceCount {
 public:
  // Counts under the clock's name and the priority of its last leg.
  void Add(const state::v1::ClockFacts& clock) { Add({clock.clock(), clock.priority()}, clock); }
  // Counts all priorities together: entries without a priority.
  void AddTogether(const state::v1::ClockFacts& clock) { Add({clock.clock()}, clock); }
  void Add(const AdherenceKey& key, const state::v1::ClockFacts& clock);

  size_t rows() const { return counts_.size(); }
  // One row a key, ascending.
  void Fill(google::protobuf::RepeatedPtrField<v1::Adherence>& out) const;

 private:
  std::map<AdherenceKey, v1::Adherence> counts_;
};

}  // namespace watchbell::analytics
