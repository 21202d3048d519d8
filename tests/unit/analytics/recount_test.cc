// The report against an independent recount: random histories are kept as plain rows, and every
// figure is counted again from the rows by the words of its definition, sharing no code with the
// folds.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/analytics/desk_summary.h"
#include "services/analytics/import_report.h"
#include "tests/unit/analytics/history.h"

namespace watchbell::analytics {
namespace {

using tickets::v1::Priority;
using tickets::v1::State;

constexpr int64_t kDay = 86400;

struct Row {
  int64_t at;
  State state;
  std::string group;
  bool reopening, from_closed;
};
struct Case {
  std::string id;
  int64_t opened, first_row;
  Priority priority;
  std::vector<Row> rows;  // the first one is the opening
};

State NextState(State state, std::mt19937& random) {
  using S = std::vector<State>;
  static const std::map<State, S> kMoves = {
      {tickets::v1::STATE_NEW,
       {tickets::v1::STATE_IN_PROGRESS, tickets::v1::STATE_ON_HOLD, tickets::v1::STATE_RESOLVED,
        tickets::v1::STATE_CLOSED}},
      {tickets::v1::STATE_IN_PROGRESS,
       {tickets::v1::STATE_ON_HOLD, tickets::v1::STATE_RESOLVED, tickets::v1::STATE_CLOSED}},
      {tickets::v1::STATE_ON_HOLD, {tickets::v1::STATE_IN_PROGRESS, tickets::v1::STATE_RESOLVED}},
      {tickets::v1::STATE_RESOLVED,
       {tickets::v1::STATE_CLOSED, tickets::v1::STATE_CLOSED, tickets::v1::STATE_IN_PROGRESS}},
      {tickets::v1::STATE_CLOSED, {tickets::v1::STATE_NEW, tickets::v1::STATE_ON_HOLD}}};
  const S& moves = kMoves.at(state);
  return moves[random() % moves.size()];
}

// Makes a case and folds it at the same time.
std::pair<Case, History> MakeCase(int number, int64_t base, std::mt19937& random) {
  const int64_t opened = base + static_cast<int64_t>(random() % (60 * kDay)) / 3600 * 3600;
  Case c{"INC" + std::to_string(100 + number),
         opened,
         opened + static_cast<int64_t>(random() % (2 * kDay)),
         static_cast<Priority>(1 + random() % 4),
         {}};
  const std::vector<std::string> groups = {"", "a", "b", "c"};
  c.rows.push_back({opened, tickets::v1::STATE_NEW, groups[random() % 4], false, false});
  History history(absl::FromUnixSeconds(opened), c.priority, c.rows[0].group, c.id,
                  absl::FromUnixSeconds(c.first_row));
  const size_t length = random() % 8;
  for (size_t i = 0; i < length; ++i) {
    Row row = c.rows.back();
    row.reopening = row.from_closed = false;
    // Often the very same instant, often the end of a week.
    if (random() % 3 != 0) row.at += static_cast<int64_t>(random() % (20 * kDay));
    if (random() % 5 == 0) row.at = (row.at + 7 * kDay - base) / (7 * kDay) * (7 * kDay) + base;
    const absl::Time at = absl::FromUnixSeconds(row.at);
    if (random() % 3 == 0) {
      const std::string group = groups[random() % 4];
      if (group == row.group) continue;
      row.group = group;
      history.Group(group, at);
    } else {
      const State from = row.state;
      row.state = NextState(from, random);
      const bool was_done =
          from == tickets::v1::STATE_RESOLVED || from == tickets::v1::STATE_CLOSED;
      row.reopening = was_done && row.state != tickets::v1::STATE_CLOSED;
      row.from_closed = row.reopening && from == tickets::v1::STATE_CLOSED;
      if (row.reopening) {
        history.Reopen(at, row.state);
      } else if (row.state == tickets::v1::STATE_IN_PROGRESS) {
        from == tickets::v1::STATE_NEW ? history.Start(at) : history.Resume(at);
      } else if (row.state == tickets::v1::STATE_ON_HOLD) {
        history.Hold(at);
      } else if (row.state == tickets::v1::STATE_RESOLVED) {
        history.Resolve(at);
      } else {
        history.Close(at);
      }
    }
    c.rows.push_back(row);
  }
  return {c, history};
}

bool IsClosed(const Case& c) { return c.rows.back().state == tickets::v1::STATE_CLOSED; }

// The backlog of one week end, row by row.
void CheckWeek(const std::vector<Case>& cases, int64_t end, const v1::WeekBacklog& week) {
  int64_t opened = 0, open = 0, resolved = 0, hold = 0, no_row = 0;
  std::vector<int64_t> ages(6, 0);
  for (const Case& c : cases) {
    if (!(c.opened < end)) continue;
    ++opened;
    if (c.first_row >= end) ++no_row;
    State last = tickets::v1::STATE_UNSPECIFIED;
    for (const Row& row : c.rows) {
      if (row.at < end) last = row.state;
    }
    if (last == tickets::v1::STATE_RESOLVED) ++resolved;
    if (last == tickets::v1::STATE_RESOLVED || last == tickets::v1::STATE_CLOSED) continue;
    ++open;
    if (last == tickets::v1::STATE_ON_HOLD) ++hold;
    const double age = static_cast<double>(end - c.opened) / static_cast<double>(kDay);
    ++ages[age < 1 ? 0 : age < 3 ? 1 : age < 7 ? 2 : age < 14 ? 3 : age < 30 ? 4 : 5];
  }
  EXPECT_EQ(FromProto(week.week_end_exclusive()), absl::FromUnixSeconds(end));
  EXPECT_EQ(week.opened_to_date(), opened);
  EXPECT_EQ(week.open_unresolved(), open);
  EXPECT_EQ(week.resolved_not_closed(), resolved);
  EXPECT_EQ(week.not_closed(), open + resolved);
  EXPECT_EQ(week.awaiting_any(), hold);
  EXPECT_EQ(week.of_which_no_row_yet(), no_row);
  EXPECT_EQ(std::vector<int64_t>(week.age_buckets().begin(), week.age_buckets().end()), ages);
}

// Weeks with openings, in order.
void CheckVolume(const std::vector<Case>& cases, int64_t monday,
                 const v1::GetImportReportResponse& report) {
  std::map<int64_t, std::map<int32_t, int64_t>> weeks;
  for (const Case& c : cases) ++weeks[(c.opened - monday) / (7 * kDay)][c.priority];
  ASSERT_EQ(report.volume_per_week_size(), static_cast<int>(weeks.size()));
  int i = 0;
  for (const auto& [number, by_priority] : weeks) {
    const v1::WeekVolume& week = report.volume_per_week(i++);
    int64_t opened = 0;
    for (const auto& [priority, count] : by_priority) opened += count;
    EXPECT_EQ(week.week(), "2026-W" + std::to_string(102 + number).substr(1));
    EXPECT_EQ(week.opened(), opened);
    EXPECT_EQ((std::map<int32_t, int64_t>(week.by_final_priority().begin(),
                                          week.by_final_priority().end())),
              by_priority);
  }
}

void CheckReopenings(const std::vector<Case>& cases, const v1::GetImportReportResponse& report) {
  int64_t closed = 0, reopened = 0, events = 0, from_closed = 0;
  std::map<int32_t, int64_t> distribution;
  for (const Case& c : cases) {
    if (!IsClosed(c)) continue;
    ++closed;
    int32_t count = 0;
    for (const Row& row : c.rows) {
      count += row.reopening;
      from_closed += row.from_closed;
    }
    events += count;
    reopened += count > 0;
    ++distribution[count];
  }
  EXPECT_EQ(report.tickets_closed(), closed);
  EXPECT_EQ(report.reopen_rate().numerator(), reopened);
  EXPECT_EQ(report.reopen_rate().denominator(), closed);
  EXPECT_EQ(report.reopen_events(), events);
  EXPECT_EQ(report.reopen_events_after_closed(), from_closed);
  EXPECT_EQ((std::map<int32_t, int64_t>(report.reopen_distribution().begin(),
                                        report.reopen_distribution().end())),
            distribution);
}

void CheckGroups(const std::vector<Case>& cases, const v1::GetImportReportResponse& report) {
  int64_t changes = 0, returns = 0, returned = 0, bounces = 0, bounced = 0;
  for (const Case& c : cases) {
    if (!IsClosed(c)) continue;
    std::string sequence;  // one letter a group
    for (size_t i = 0; i < c.rows.size(); ++i) {
      if (i > 0 && c.rows[i].group != c.rows[i - 1].group) ++changes;
      if (c.rows[i].group.empty()) continue;
      if (sequence.empty() || sequence.back() != c.rows[i].group[0]) sequence += c.rows[i].group;
    }
    const size_t distinct = std::set<char>(sequence.begin(), sequence.end()).size();
    returns += static_cast<int64_t>(sequence.size() - distinct);
    returned += sequence.size() > distinct;
    int64_t here = 0;
    for (size_t i = 0; i + 2 < sequence.size(); ++i) here += sequence[i] == sequence[i + 2];
    bounces += here;
    bounced += here > 0;
  }
  EXPECT_EQ(report.group_changes_total(), changes);
  EXPECT_EQ(report.pingpong_returns(), returns);
  EXPECT_EQ(report.pingpong_tickets_with_return(), returned);
  EXPECT_EQ(report.pingpong_aba(), bounces);
  EXPECT_EQ(report.pingpong_aba_tickets(), bounced);
}

// Sum and median of one measure over closed cases; `pick` gives the instant or -1.
template <typename Pick>
void CheckMeasure(const std::vector<Case>& cases, Priority priority, const v1::DurationStats& stats,
                  Pick pick) {
  std::vector<int64_t> durations;
  for (const Case& c : cases) {
    if (!IsClosed(c) || (priority != 0 && c.priority != priority)) continue;
    if (const int64_t at = pick(c); at >= 0) durations.push_back(at - c.opened);
  }
  std::sort(durations.begin(), durations.end());
  int64_t sum = 0;
  for (int64_t duration : durations) sum += duration;
  EXPECT_EQ(stats.count(), static_cast<int64_t>(durations.size()));
  EXPECT_EQ(stats.sum_seconds(), sum);
  if (durations.empty()) return;
  const size_t half = durations.size() / 2;
  const double median = durations.size() % 2 == 1
                            ? static_cast<double>(durations[half])
                            : static_cast<double>(durations[half - 1] + durations[half]) / 2;
  EXPECT_DOUBLE_EQ(stats.p50_seconds(), median);
  EXPECT_EQ(stats.max_seconds(), durations.back());
}

int64_t FirstDone(const Case& c) {
  for (const Row& row : c.rows) {
    if (row.state >= tickets::v1::STATE_RESOLVED) return row.at;
  }
  return -1;
}
int64_t LastResolution(const Case& c) {
  int64_t at = -1;
  for (size_t i = 1; i < c.rows.size(); ++i) {
    const bool moved = c.rows[i].state != c.rows[i - 1].state;
    if (moved && c.rows[i].state == tickets::v1::STATE_RESOLVED) at = c.rows[i].at;
  }
  return at;
}
int64_t FirstNotNew(const Case& c) {
  for (const Row& row : c.rows) {
    if (row.state != tickets::v1::STATE_NEW) return row.at;
  }
  return -1;
}

TEST(Recount, ReportEqualsTheRows) {
  const int64_t base = absl::ToUnixSeconds(At("2026-01-05T00:00:00Z"));  // a Monday
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::vector<Case> cases;
    std::vector<History> histories;
    int64_t first = base + 1000 * kDay;
    for (int i = 0; i < 60; ++i) {
      auto [c, history] = MakeCase(i, base, random);
      first = std::min(first, c.opened);
      cases.push_back(c);
      histories.push_back(history);
    }
    ImportReport fold(absl::FromUnixSeconds(first));
    for (const History& history : histories) fold.Add(history.facts());
    const v1::GetImportReportResponse report = fold.Finish();
    const int64_t first_end = base + ((first - base) / (7 * kDay) + 1) * 7 * kDay;
    ASSERT_EQ(report.backlog_at_week_end_size(), 22);
    for (int i = 0; i < 22; ++i)
      CheckWeek(cases, first_end + i * 7 * kDay, report.backlog_at_week_end(i));
    CheckVolume(cases, base, report);
    CheckReopenings(cases, report);
    CheckGroups(cases, report);
    ASSERT_GT(report.time_to_resolve_size(), 1);
    for (const v1::PriorityDurations& durations : report.time_to_resolve()) {
      CheckMeasure(cases, durations.priority(), durations.first_resolved(), FirstDone);
      CheckMeasure(cases, durations.priority(), durations.last_resolved(), LastResolution);
      CheckMeasure(cases, durations.priority(), durations.acknowledged(), FirstNotNew);
    }
    // Whatever the order, the same answer.
    std::shuffle(histories.begin(), histories.end(), random);
    ImportReport shuffled(absl::FromUnixSeconds(first));
    DeskSummary summary;
    for (const History& history : histories) {
      shuffled.Add(history.facts());
      summary.Add(history.facts());
    }
    EXPECT_EQ(shuffled.Finish().ShortDebugString(), report.ShortDebugString());
    // The live figures agree with the recount as of the end of time.
    int64_t open = 0;
    for (const Case& c : cases) open += c.rows.back().state < tickets::v1::STATE_RESOLVED;
    EXPECT_EQ(summary.Finish().total().opened(), 60);
    EXPECT_EQ(summary.Finish().total().backlog(), open);
  }
}

}  // namespace
}  // namespace watchbell::analytics
