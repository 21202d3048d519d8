#include "services/analytics/import_report.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/proto_time.h"
#include "services/analytics/iso_week.h"

namespace watchbell::analytics {
namespace {

using tickets::v1::State;

// Ends of the age buckets in days; the last bucket has no end.
constexpr int kAgeDays[] = {1, 3, 7, 14, 30};
constexpr int kAgeBuckets = 6;
constexpr absl::Duration kWeek = absl::Hours(7 * 24);

int AgeBucket(absl::Duration age) {
  const auto* end =
      std::upper_bound(std::begin(kAgeDays), std::end(kAgeDays), age,
                       [](absl::Duration a, int days) { return a < absl::Hours(24 * days); });
  return static_cast<int>(end - std::begin(kAgeDays));
}

void CountOpenTicket(const TicketFacts& facts, int64_t week_end, v1::WeekBacklog& week) {
  const State state = StateBefore(facts, week_end);
  if (state == tickets::v1::STATE_CLOSED) return;
  week.set_not_closed(week.not_closed() + 1);
  if (state == tickets::v1::STATE_RESOLVED) {
    week.set_resolved_not_closed(week.resolved_not_closed() + 1);
    return;
  }
  week.set_open_unresolved(week.open_unresolved() + 1);
  if (state == tickets::v1::STATE_ON_HOLD) week.set_awaiting_any(week.awaiting_any() + 1);
  const int bucket = AgeBucket(absl::Microseconds(week_end - facts.opened_at()));
  week.set_age_buckets(bucket, week.age_buckets(bucket) + 1);
}

}  // namespace

ImportReport::ImportReport(absl::Time first_opening) {
  absl::Time end = WeekStart(first_opening);
  for (int i = 0; i < kWeekEnds; ++i) {
    v1::WeekBacklog week;
    week.set_week_just_ended(WeekName(end));
    end += kWeek;
    *week.mutable_week_end_exclusive() = ToProto(end);
    for (int bucket = 0; bucket < kAgeBuckets; ++bucket) week.add_age_buckets(0);
    backlog_.push_back(std::move(week));
  }
}

void ImportReport::Add(const TicketFacts& facts) {
  if (tickets_ == 0 || facts.opened_at() < opened_first_) opened_first_ = facts.opened_at();
  if (tickets_ == 0 || facts.opened_at() > opened_last_) opened_last_ = facts.opened_at();
  ++tickets_;
  AddVolume(facts);
  AddBacklog(facts);
  if (LastState(facts) == tickets::v1::STATE_CLOSED) {
    AddClosed(facts);
  } else {
    not_closed_.insert(facts.external_id());
    if (not_closed_.size() > kNotClosedNames) not_closed_.erase(std::prev(not_closed_.end()));
  }
}

void ImportReport::AddVolume(const TicketFacts& facts) {
  const absl::Time opened = absl::FromUnixMicros(facts.opened_at());
  v1::WeekVolume& week = volume_[absl::ToUnixMicros(WeekStart(opened))];
  if (week.opened() == 0) week.set_week(WeekName(opened));
  week.set_opened(week.opened() + 1);
  ++(*week.mutable_by_final_priority())[facts.priority()];
}

void ImportReport::AddBacklog(const TicketFacts& facts) {
  for (v1::WeekBacklog& week : backlog_) {
    const int64_t end = absl::ToUnixMicros(FromProto(week.week_end_exclusive()));
    if (facts.opened_at() >= end) continue;
    week.set_opened_to_date(week.opened_to_date() + 1);
    if (facts.first_row_at() >= end) week.set_of_which_no_row_yet(week.of_which_no_row_yet() + 1);
    CountOpenTicket(facts, end, week);
  }
}

void ImportReport::AddClosed(const TicketFacts& facts) {
  ++closed_;
  closed_last_ = std::max(closed_last_, LastMoveTo(facts, tickets::v1::STATE_CLOSED).value_or(0));
  Month& month = months_[MonthName(absl::FromUnixMicros(facts.opened_at()))];
  ++month.opened;
  if (facts.reopenings_size() > 0) {
    ++reopened_;
    ++month.reopened;
  }
  reopenings_ += facts.reopenings_size();
  reopenings_from_closed_ +=
      std::count_if(facts.reopenings().begin(), facts.reopenings().end(),
                    [](const state::v1::Reopening& r) { return r.from_closed(); });
  ++by_reopenings_[facts.reopenings_size()];
  AddGroups(facts);
  AddDurations(facts, by_priority_[facts.priority()]);
  AddDurations(facts, together_);
  for (const state::v1::ClockFacts& clock : facts.clocks()) {
    adherence_.Add(clock);
    policies_.emplace(clock.policy_set_id(), clock.policy_version());
  }
}

void ImportReport::AddGroups(const TicketFacts& facts) {
  const int changes = GroupChanges(facts);
  ++by_group_changes_[changes];
  group_changes_ += changes;
  const PingPong pingpong = CountPingPong(facts);
  returns_ += pingpong.returns;
  bounces_ += pingpong.bounces;
  if (pingpong.returns > 0) ++returned_;
  if (pingpong.bounces > 0) ++bounced_;
}

void ImportReport::AddDurations(const TicketFacts& facts, Resolution& resolution) {
  if (auto at = FirstResolved(facts)) resolution.first_resolved.Add(facts.opened_at(), *at);
  if (auto at = LastMoveTo(facts, tickets::v1::STATE_RESOLVED))
    resolution.last_resolved.Add(facts.opened_at(), *at);
  if (auto at = FirstLeftNew(facts)) resolution.acknowledged.Add(facts.opened_at(), *at);
}

void ImportReport::FillReopenings(v1::GetImportReportResponse& report) const {
  if (auto rate = MakeRatio(reopened_, closed_)) *report.mutable_reopen_rate() = *rate;
  report.set_reopen_events(reopenings_);
  report.set_reopen_events_after_closed(reopenings_from_closed_);
  for (const auto& [count, tickets] : by_reopenings_)
    (*report.mutable_reopen_distribution())[count] = tickets;
  for (const auto& [name, month] : months_) {
    v1::MonthReopen& entry = *report.add_reopen_by_month();
    entry.set_month(name);
    if (auto rate = MakeRatio(month.reopened, month.opened)) *entry.mutable_rate() = *rate;
  }
}

void ImportReport::FillDurations(v1::GetImportReportResponse& report) const {
  auto add = [&](tickets::v1::Priority priority, const Resolution& resolution) {
    v1::PriorityDurations& entry = *report.add_time_to_resolve();
    entry.set_priority(priority);
    if (auto stats = resolution.first_resolved.Stats()) *entry.mutable_first_resolved() = *stats;
    if (auto stats = resolution.last_resolved.Stats()) *entry.mutable_last_resolved() = *stats;
    if (auto stats = resolution.acknowledged.Stats()) *entry.mutable_acknowledged() = *stats;
  };
  for (const auto& [priority, resolution] : by_priority_) add(priority, resolution);
  if (closed_ > 0) add(tickets::v1::PRIORITY_UNSPECIFIED, together_);
}

std::string ImportReport::Policies() const {
  return absl::StrJoin(policies_, ", ",
                       [](std::string* out, const std::pair<std::string, int64_t>& policy) {
                         absl::StrAppend(out, policy.first, "@", policy.second);
                       });
}

v1::GetImportReportResponse ImportReport::Finish() const {
  v1::GetImportReportResponse report;
  report.set_tickets(tickets_);
  report.set_tickets_closed(closed_);
  if (tickets_ > 0) {
    *report.mutable_opened_first() = ToProto(absl::FromUnixMicros(opened_first_));
    *report.mutable_opened_last() = ToProto(absl::FromUnixMicros(opened_last_));
  }
  if (closed_ > 0) *report.mutable_closed_last() = ToProto(absl::FromUnixMicros(closed_last_));
  for (const std::string& external_id : not_closed_)
    report.add_not_closed_external_ids(external_id);
  for (const auto& [start, week] : volume_) *report.add_volume_per_week() = week;
  for (const v1::WeekBacklog& week : backlog_) *report.add_backlog_at_week_end() = week;
  FillReopenings(report);
  for (const auto& [count, tickets] : by_group_changes_)
    (*report.mutable_group_changes_distribution())[count] = tickets;
  report.set_group_changes_total(group_changes_);
  report.set_pingpong_tickets_with_return(returned_);
  report.set_pingpong_returns(returns_);
  report.set_pingpong_aba_tickets(bounced_);
  report.set_pingpong_aba(bounces_);
  FillDurations(report);
  adherence_.Fill(*report.mutable_adherence());
  report.set_policy(Policies());
  return report;
}

}  // namespace watchbell::analytics
