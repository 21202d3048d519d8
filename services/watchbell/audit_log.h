// A whole audit log read and mapped: its commands in the order they happened, and what can only be
// counted in the file.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace watchbell::cli {

// One command, kept small: a log of a million rows must fit a laptop.
struct QueuedCommand {
  const char* kind;       // the name it is counted under
  absl::Time event_time;  // of its row
  uint32_t ticket;        // index into AuditLog::tickets
  std::string bytes;      // tickets.v1.ImportCommand
};

// A case of the log.
struct AuditTicket {
  std::string external_id;
  int rows = 0;                            // mapped ones
  bool closed = false;                     // by its last row
  std::string last_state;                  // as in the log
  bool reopen_count_agrees = false;        // the log's own count with its state changes
  bool reassignment_count_agrees = false;  // the log's own count with its group changes
};

// A ticket that is not, or not wholly, in the import.
struct FailedTicket {
  std::string external_id;  // empty if the row does not even say whose it is
  std::string reason;       // with line and column, or the server's
  int64_t line = 0;         // 0 if it is not the file's fault
  int column = 0;
  std::string column_name;
  int64_t rows_skipped = 0;  // the malformed one included
};

struct AuditLog {
  std::vector<QueuedCommand> commands;  // by event time, then file order
  std::vector<AuditTicket> tickets;     // in file order
  std::vector<FailedTicket> failed;     // in file order
  int64_t rows = 0;                     // mapped
  int64_t rows_malformed = 0;
  std::map<std::string, int64_t> rows_by_state;
  std::map<std::string, int64_t> first_row_state;
  std::vector<std::pair<std::string, int64_t>>
      missing_marker_counts;  // in the dataset's column order, none empty
};

// Reads plain or gzip. An unreadable file or header is an error; a malformed row costs its own
// ticket: rows before it are kept, the rest of the case is skipped. `on_row` is called now and then
// with the rows read; false stops (CANCELLED).
absl::StatusOr<AuditLog> ReadAuditLog(const std::string& path,
                                      const std::function<bool(int64_t)>& on_row);

}  // namespace watchbell::cli
