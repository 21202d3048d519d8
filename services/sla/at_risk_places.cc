#include "services/sla/at_risk_places.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/db/statement.h"

namespace watchbell::sla {
namespace {

// Rows read at once: few at first, as most groups give little to a page.
constexpr int kFirstStep = 32;
constexpr int kMostStep = 1024;

// What is asked of every group.
struct Question {
  db::Database& database;
  const std::string& tenant;
  const v1::AtRiskFilter& filter;
  const std::optional<AtRiskPlace>& after;
};

// Rows of one kind of counting.
struct Group {
  bool breached;
  std::string counting;
};

// Reads a group in the order of the list.
class GroupReader {
 public:
  GroupReader(const Question& question, Group group, const TimeLeft& time_left)
      : question_(question), group_(std::move(group)), time_left_(time_left) {
    if (question.filter.has_within()) {
      most_left_ = absl::ToInt64Microseconds(FromProto(question.filter.within()));
    }
    if (question.after) StartAfter(*question.after);
  }

  // The first place that was not taken; null at the end.
  absl::StatusOr<const AtRiskPlace*> Head() {
    while (places_.empty() && !at_end_) RETURN_IF_ERROR(Step());
    return places_.empty() ? nullptr : &places_.front();
  }
  AtRiskPlace Take() {
    AtRiskPlace place = std::move(places_.front());
    places_.pop_front();
    return place;
  }

 private:
  // A row's place in the group's index.
  struct Cursor {
    int64_t due_at = std::numeric_limits<int64_t>::min();
    std::string ticket_id;
    std::string clock;
    int64_t cycle = 0;
  };

  // `after` may be of another group: here its place is among the deadlines with as much time left.
  void StartAfter(const AtRiskPlace& after) {
    const int64_t here = time_left_.Until(after.due_at);
    if (here == after.time_left) {
      read_to_ = {after.due_at, after.ticket_id, after.clock, after.cycle};
    } else {
      read_to_.due_at = time_left_.FirstDeadline(after.time_left + (here > after.time_left));
    }
  }

  absl::Status Step() {
    const db::Statement query = NextRows();
    ASSIGN_OR_RETURN(const std::vector<db::Row> rows,
                     question_.database.Read(query.sql, query.params));
    at_end_ = static_cast<int>(rows.size()) < step_;
    step_ = std::min(2 * step_, kMostStep);
    for (const db::Row& row : rows) {
      read_to_ = {db::AsInt(row[0]), db::AsText(row[1]), db::AsText(row[2]), db::AsInt(row[3])};
      const int64_t left = time_left_.Until(read_to_.due_at);
      if (left > most_left_) {
        at_end_ = true;
        break;
      }
      AtRiskPlace place{left, read_to_.due_at, read_to_.ticket_id, read_to_.clock, read_to_.cycle};
      // FirstDeadline looks no further than a horizon: there it may be before what was asked for.
      if (!question_.after || place > *question_.after) places_.push_back(std::move(place));
    }
    return absl::OkStatus();
  }

  db::Statement NextRows() const {
    db::Statement query;
    query.sql = "SELECT due_at, ticket_id, clock, cycle FROM at_risk WHERE tenant = ";
    absl::StrAppend(&query.sql, query.Param(question_.tenant));
    absl::StrAppend(&query.sql, " AND breached = ", query.Param(int64_t{group_.breached}));
    absl::StrAppend(&query.sql, " AND counting = ", query.Param(group_.counting));
    const std::string due_at = query.Param(read_to_.due_at);
    const std::string ticket_id = query.Param(read_to_.ticket_id);
    const std::string clock = query.Param(read_to_.clock);
    const std::string cycle = query.Param(read_to_.cycle);
    absl::StrAppend(&query.sql, " AND (due_at, ticket_id, clock, cycle) > (", due_at, ", ",
                    ticket_id, ", ", clock, ", ", cycle, ")");
    query.AndAnyOf("assignment_group", question_.filter.groups());
    query.AndAnyOf("priority", question_.filter.priorities());
    query.AndAnyOf("site", question_.filter.sites());
    query.AndAnyOf("clock", question_.filter.clocks());
    absl::StrAppend(&query.sql, " ORDER BY due_at, ticket_id, clock, cycle LIMIT ",
                    query.Param(int64_t{step_}));
    return query;
  }

  const Question& question_;
  const Group group_;
  const TimeLeft& time_left_;
  int64_t most_left_ = std::numeric_limits<int64_t>::max();
  Cursor read_to_;
  int step_ = kFirstStep;
  bool at_end_ = false;
  std::deque<AtRiskPlace> places_;
};

// From each group to the next one: not every row is looked at.
absl::Status AddGroups(const Question& question, bool breached, std::vector<Group>& groups) {
  ASSIGN_OR_RETURN(
      const std::vector<db::Row> rows,
      question.database.Read(
          "WITH RECURSIVE found(counting) AS (SELECT MIN(counting) FROM at_risk "
          "WHERE tenant = $1 AND breached = $2 "
          "UNION ALL SELECT (SELECT MIN(a.counting) FROM at_risk a WHERE a.tenant = $1 "
          "AND a.breached = $2 AND a.counting > found.counting) "
          "FROM found WHERE found.counting IS NOT NULL"
          ") SELECT counting FROM found WHERE counting IS NOT NULL",
          {question.tenant, int64_t{breached}}));
  for (const db::Row& row : rows) groups.push_back({breached, db::AsText(row[0])});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<AtRiskPlace>> ReadAtRisk(db::Database& database,
                                                    const std::string& tenant,
                                                    const v1::AtRiskFilter& filter,
                                                    const std::optional<AtRiskPlace>& after,
                                                    int limit, TimesLeft& times) {
  const Question question{database, tenant, filter, after};
  std::vector<Group> groups;
  RETURN_IF_ERROR(AddGroups(question, false, groups));
  if (filter.include_breached()) RETURN_IF_ERROR(AddGroups(question, true, groups));
  std::vector<GroupReader> readers;
  for (Group& group : groups) {
    ASSIGN_OR_RETURN(const TimeLeft* time_left, times.By(group.counting));
    readers.emplace_back(question, std::move(group), *time_left);
  }
  std::vector<AtRiskPlace> places;
  while (static_cast<int>(places.size()) < limit) {
    GroupReader* next = nullptr;
    const AtRiskPlace* least = nullptr;
    for (GroupReader& reader : readers) {
      ASSIGN_OR_RETURN(const AtRiskPlace* head, reader.Head());
      if (head == nullptr || (least != nullptr && *least < *head)) continue;
      next = &reader;
      least = head;
    }
    if (next == nullptr) break;
    places.push_back(next->Take());
  }
  return places;
}

}  // namespace watchbell::sla
