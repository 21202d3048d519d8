#include "services/analytics/adherence_table.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/analytics/iso_week.h"

namespace watchbell::analytics {
namespace {

// "2016-03"; of such names the order of text is that of time.
bool IsMonth(absl::string_view text) {
  if (text.size() != 7 || text[4] != '-') return false;
  for (const size_t digit : {0, 1, 2, 3, 5, 6}) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(text[digit]))) return false;
  }
  const absl::string_view month = text.substr(5);
  return month >= "01" && month <= "12";
}

void CheckMonths(const v1::GetAdherenceRequest& request, std::vector<FieldViolation>& violations) {
  constexpr char kShape[] = "must be a month, YYYY-MM";
  const bool first_fits = request.first_month().empty() || IsMonth(request.first_month());
  const bool last_fits = request.last_month().empty() || IsMonth(request.last_month());
  if (!first_fits) violations.push_back({"first_month", kShape});
  if (!last_fits) violations.push_back({"last_month", kShape});
  if (first_fits && last_fits && !request.last_month().empty() &&
      request.last_month() < request.first_month()) {
    violations.push_back({"last_month", "must not be before first_month"});
  }
}

template <typename Set, typename Value>
bool Takes(const Set& asked, const Value& value) {
  return asked.empty() || asked.count(value) > 0;
}

}  // namespace

std::vector<FieldViolation> CheckAdherenceRequest(const v1::GetAdherenceRequest& request) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < request.priorities_size(); ++i) {
    if (request.priorities(i) == tickets::v1::PRIORITY_UNSPECIFIED) {
      violations.push_back({absl::StrCat("priorities[", i, "]"), "must be a priority"});
    }
  }
  CheckMonths(request, violations);
  std::set<int> seen;
  for (int i = 0; i < request.group_by_size(); ++i) {
    const std::string path = absl::StrCat("group_by[", i, "]");
    if (request.group_by(i) == v1::DIMENSION_UNSPECIFIED) {
      violations.push_back({path, "must be a dimension"});
    } else if (!seen.insert(request.group_by(i)).second) {
      violations.push_back({path, "is given twice"});
    }
  }
  return violations;
}

AdherenceTable::AdherenceTable(const v1::GetAdherenceRequest& request)
    : clocks_(request.clocks().begin(), request.clocks().end()),
      categories_(request.categories().begin(), request.categories().end()),
      priorities_(request.priorities().begin(), request.priorities().end()),
      dimensions_(request.group_by().begin(), request.group_by().end()),
      first_month_(request.first_month()),
      last_month_(request.last_month()) {}

bool AdherenceTable::Within(const std::string& month) const {
  return month >= first_month_ && (last_month_.empty() || month <= last_month_);
}

void AdherenceTable::Add(const TicketFacts& facts) {
  if (!Takes(categories_, facts.category())) return;
  for (const state::v1::ClockFacts& clock : facts.clocks()) {
    if (!Takes(clocks_, clock.clock()) || !Takes(priorities_, clock.priority())) continue;
    std::string month = MonthName(absl::FromUnixMicros(clock.started_at()));
    if (!Within(month)) continue;
    AdherenceKey key;
    if (dimensions_.count(v1::DIMENSION_CLOCK) > 0) key.clock = clock.clock();
    if (dimensions_.count(v1::DIMENSION_PRIORITY) > 0) key.priority = clock.priority();
    if (dimensions_.count(v1::DIMENSION_CATEGORY) > 0) key.category = facts.category();
    if (dimensions_.count(v1::DIMENSION_MONTH) > 0) key.month = std::move(month);
    count_.Add(key, clock);
  }
}

absl::StatusOr<v1::GetAdherenceResponse> AdherenceTable::Finish() const {
  if (count_.rows() > kMaxRows) {
    return InvalidField("group_by",
                        absl::StrCat("makes ", count_.rows(), " rows, more than ", kMaxRows,
                                     ": group by less, or ask for fewer clocks or months"));
  }
  v1::GetAdherenceResponse response;
  count_.Fill(*response.mutable_rows());
  return response;
}

}  // namespace watchbell::analytics
