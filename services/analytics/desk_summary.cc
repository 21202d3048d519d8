#include "services/analytics/desk_summary.h"

namespace watchbell::analytics {

void DeskSummary::Add(const TicketFacts& facts) {
  Figures& figures = by_priority_[facts.priority()];
  Count(facts, figures);
  Count(facts, total_);
  for (const state::v1::ClockFacts& clock : facts.clocks()) {
    figures.adherence.Add(clock);
    total_.adherence.AddTogether(clock);
  }
  rest_.set_runs_started(rest_.runs_started() + facts.runs_started());
  rest_.set_pages_requested(rest_.pages_requested() + facts.pages_requested());
  v1::DeliveryCounts& deliveries = *rest_.mutable_deliveries();
  deliveries.set_sent(deliveries.sent() + facts.deliveries_sent());
  deliveries.set_failed(deliveries.failed() + facts.deliveries_failed());
  deliveries.set_cancelled(deliveries.cancelled() + facts.deliveries_cancelled());
  deliveries.set_possible_repeats(deliveries.possible_repeats() + facts.possible_repeats());
}

void DeskSummary::Count(const TicketFacts& facts, Figures& figures) {
  v1::PrioritySummary& counts = figures.counts;
  counts.set_opened(counts.opened() + 1);
  switch (LastState(facts)) {
    case tickets::v1::STATE_CLOSED:
      break;
    case tickets::v1::STATE_RESOLVED:
      counts.set_resolved_not_closed(counts.resolved_not_closed() + 1);
      break;
    default:
      counts.set_backlog(counts.backlog() + 1);
  }
  if (facts.acknowledged_at() != 0)
    figures.to_acknowledge.Add(facts.opened_at(), facts.acknowledged_at());
  if (auto at = FirstResolved(facts)) figures.to_resolve.Add(facts.opened_at(), *at);
}

v1::PrioritySummary DeskSummary::Summary(const Figures& figures) {
  v1::PrioritySummary summary = figures.counts;
  if (auto stats = figures.to_acknowledge.Stats()) *summary.mutable_time_to_acknowledge() = *stats;
  if (auto stats = figures.to_resolve.Stats()) *summary.mutable_time_to_resolve() = *stats;
  figures.adherence.Fill(*summary.mutable_adherence());
  return summary;
}

v1::GetDeskSummaryResponse DeskSummary::Finish() const {
  v1::GetDeskSummaryResponse response = rest_;
  response.mutable_deliveries();  // present even if nothing was ever sent
  for (const auto& [priority, figures] : by_priority_) {
    v1::PrioritySummary& summary = *response.add_priorities();
    summary = Summary(figures);
    summary.set_priority(priority);
  }
  *response.mutable_total() = Summary(total_);
  return response;
}

}  // namespace watchbell::analytics
