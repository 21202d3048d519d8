#include "common/db/postgres/postgres_sessions.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace watchbell::db {
namespace {

// pg_terminate_backend waits up to 200 ms for each of them to be gone.
constexpr char kEnd[] =
    "SELECT a.pid, pg_terminate_backend(a.pid, 200) FROM pg_stat_activity AS a "
    "JOIN unnest($1, $2) AS k(pid, start) ON a.pid = k.pid "
    "AND CAST(extract(epoch FROM a.backend_start) * 1000000 AS BIGINT) = k.start "
    "WHERE a.pid <> pg_backend_pid()";

}  // namespace

absl::Status EndPostgresSessions(PostgresConnection& connection,
                                 absl::Span<const std::string> sessions, absl::Duration limit,
                                 Clock& clock) {
  static const Table* const table =
      new Table{"sessions", {{"pid", ColumnType::kInt}, {"start", ColumnType::kInt}}, 2};
  std::vector<Row> named;
  for (const std::string& session : sessions) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(session, ':');
    int64_t pid = 0;
    int64_t start = 0;
    if (absl::SimpleAtoi(parts.first, &pid) && absl::SimpleAtoi(parts.second, &start)) {
      named.push_back({pid, start});
    }
  }
  if (named.empty()) return absl::OkStatus();
  std::vector<const Row*> rows;
  for (const Row& row : named) rows.push_back(&row);
  PostgresParameters parameters;
  for (int column = 0; column < 2; ++column) {
    RETURN_IF_ERROR(parameters.AddArray(*table, column, rows, /*numbered=*/false));
  }
  const absl::Duration end = clock.Steady() + limit;
  while (true) {
    std::vector<Row> left;
    connection.Queue(kEnd, parameters, &left);
    RETURN_IF_ERROR(connection.Sync(end - clock.Steady()).status);
    // Seen gone, not only told to go: each look is a transaction of its own.
    if (left.empty()) return absl::OkStatus();
    if (clock.Steady() >= end) {
      return absl::UnavailableError(
          absl::StrCat("a session does not end: ",
                       absl::StrJoin(left, ", ", [](std::string* out, const Row& row) {
                         absl::StrAppend(out, "process ", AsInt(row[0]));
                       })));
    }
  }
}

}  // namespace watchbell::db
