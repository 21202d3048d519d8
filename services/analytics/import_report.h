// The figures of one import, folded from the facts of its tickets in any order.
//
// tickets, volume_per_week and backlog_at_week_end are over all tickets, the rest over those whose
// last state is Closed (services/analytics/README.md has every definition). The answer holds no ids
// of ours, wall times or rates, and does not depend on the order of Add.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "services/analytics/adherence.h"
#include "services/analytics/statistics.h"
#include "services/analytics/ticket_facts.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::analytics {

class ImportReport {
 public:
  static constexpr int kWeekEnds = 22;
  static constexpr size_t kNotClosedNames = 1000;

  // `first_opening` is the earliest opening of all tickets that will be added; the week ends count
  // from its week.
  explicit ImportReport(absl::Time first_opening);

  // `facts` is of an opened ticket of the import.
  void Add(const TicketFacts& facts);

  v1::GetImportReportResponse Finish() const;

 private:
  struct Resolution {
    Durations first_resolved, last_resolved, acknowledged;
  };
  // Tickets reopened and opened, of one opening month.
  struct Month {
    int64_t reopened = 0, opened = 0;
  };

  void AddVolume(const TicketFacts& facts);
  void AddBacklog(const TicketFacts& facts);
  void AddClosed(const TicketFacts& facts);
  void AddGroups(const TicketFacts& facts);
  static void AddDurations(const TicketFacts& facts, Resolution& resolution);
  void FillReopenings(v1::GetImportReportResponse& report) const;
  void FillDurations(v1::GetImportReportResponse& report) const;
  std::string Policies() const;

  int64_t opened_first_ = 0, opened_last_ = 0, closed_last_ = 0;  // microseconds
  int64_t tickets_ = 0, closed_ = 0;
  std::set<std::string> not_closed_;          // at most kNotClosedNames, the first ones
  std::map<int64_t, v1::WeekVolume> volume_;  // by start of the week, microseconds
  std::vector<v1::WeekBacklog> backlog_;      // kWeekEnds
  int64_t reopened_ = 0, reopenings_ = 0, reopenings_from_closed_ = 0;
  std::map<int32_t, int64_t> by_reopenings_, by_group_changes_;
  std::map<std::string, Month> months_;
  int64_t group_changes_ = 0, returned_ = 0, returns_ = 0, bounced_ = 0, bounces_ = 0;
  std::map<tickets::v1::Priority, Resolution> by_priority_;
  Resolution together_;
  AdherenceCount adherence_;
  std::set<std::pair<std::string, int64_t>> policies_;  // set and version
};

}  // namespace watchbell::analytics
