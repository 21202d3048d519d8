// The desk's live figures by present priority, folded from the facts of tickets in any order.
#pragma once

#include <map>

#include "services/analytics/adherence.h"
#include "services/analytics/statistics.h"
#include "services/analytics/ticket_facts.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::analytics {

class DeskSummary {
 public:
  // `facts` is of an opened ticket of the period.
  void Add(const TicketFacts& facts);

  v1::GetDeskSummaryResponse Finish() const;

 private:
  struct Figures {
    v1::PrioritySummary counts;
    Durations to_acknowledge, to_resolve;
    AdherenceCount adherence;
  };
  static void Count(const TicketFacts& facts, Figures& figures);
  static v1::PrioritySummary Summary(const Figures& figures);

  std::map<tickets::v1::Priority, Figures> by_priority_;
  Figures total_;
  v1::GetDeskSummaryResponse rest_;  // deliveries, runs, pages
};

}  // namespace watchbell::analytics
