// A ServiceNow incident audit log, row by row, as commands of an import. Pure: no file, no clock,
// no network.
//
// The 36 columns are those of UCI dataset 498 (Amaral, Fantinato, Peres 2018), in any order; "?"
// means unset. Rows of one incident follow each other; the first opens the ticket with every value
// it holds, then each row becomes the commands that lead from the row before to it. Times are
// D/M/YYYY HH:MM, read as UTC.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/watchbell/csv_reader.h"
#include "watchbell/tickets/v1/ticket.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::cli {

// What is wrong with a record, and where.
struct AuditProblem {
  int64_t line = 0;
  int column = 0;           // byte of the line, from 1
  std::string column_name;  // empty if it is not one column's fault
  std::string message;
};
// "line 17, column 92 (opened_at): not a time ..."
std::string Describe(const AuditProblem& problem);

// Where each known column stands. Made from the file's first record.
class AuditHeader {
 public:
  // INVALID_ARGUMENT that names every missing, unknown and repeated column, with its place.
  static absl::StatusOr<AuditHeader> Parse(const CsvRecord& record);
  // The columns in the order of the dataset.
  static absl::Span<const char* const> Columns();

  // Position in a record of Columns()[i].
  int position(int column) const { return positions_[static_cast<size_t>(column)]; }

 private:
  std::vector<int> positions_;
};

// The states of the log, "-100" read as Active.
struct AuditState {
  tickets::v1::State state = tickets::v1::STATE_UNSPECIFIED;
  tickets::v1::HoldReason hold_reason = tickets::v1::HOLD_REASON_UNSPECIFIED;
  bool operator==(const AuditState&) const = default;
};

// One row. Unset values are empty.
struct AuditRow {
  std::string number;
  std::string state_text;  // as in the log, for counting
  AuditState state;
  absl::Time updated_at;
  std::string actor;
  int64_t reassignment_count = 0;
  int64_t reopen_count = 0;
  // All facts a ticket can hold but state: what the create command carries. opened_at is set.
  tickets::v1::Ticket facts;
  // True in every row of a case as soon as the case is over, so used at its resolution only.
  std::string closed_code;
  std::string resolver;
  std::string caused_by;
  // Columns() whose value is "?", as bits.
  uint64_t missing = 0;
};

// Fills `row`, or says what is wrong. Wrong number of fields, unreadable times, unknown states,
// impacts, urgencies and priorities, flags other than true and false, invalid UTF-8, values over
// 256 characters.
bool ParseAuditRow(const AuditHeader& header, const CsvRecord& record, AuditRow* row,
                   AuditProblem* problem);

// One command with the name it is counted under ("StartWork", "Resolve+Close", ...).
struct MappedCommand {
  const char* kind;
  tickets::v1::ImportCommand command;
};

// Maps the rows of one case, given in file order.
class CaseMapper {
 public:
  // Appends the commands of the next row. INVALID_ARGUMENT if the log moves the ticket in a way no
  // desk can (Closed to Resolved): nothing is appended then.
  absl::Status Add(const AuditRow& row, std::vector<MappedCommand>* out);

  // Time of the last row: its own, or that of the row before if that is later.
  absl::Time event_time() const { return event_time_; }
  int rows() const { return rows_; }
  // Times the ticket left Resolved or Closed for an open state.
  int reopenings() const { return reopenings_; }
  // Changes of the group, from and to none included.
  int group_changes() const { return group_changes_; }
  const AuditRow& last() const { return last_; }

 private:
  AuditRow last_;
  absl::Time event_time_ = absl::InfinitePast();
  int rows_ = 0;
  int reopenings_ = 0;
  int group_changes_ = 0;
};

// "3 - Moderate": how the log writes priorities.
std::string PriorityLabel(tickets::v1::Priority priority);

}  // namespace watchbell::cli
