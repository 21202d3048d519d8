#include "common/db/postgres/postgres_sessions.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"

namespace watchbell::db {
namespace {

constexpr char kOwnerPrefix[] = "owner-";
constexpr size_t kLongestName = 63;  // bytes of an application name; the server drops the rest

// Anybody may give a session any name, in any database of the server, and only those of our own
// role are surely ours to end: one that is not must not stand in the way of the others.
// pg_terminate_backend waits up to 200 ms for each of them to be gone.
constexpr char kEnd[] =
    "SELECT a.pid, pg_terminate_backend(a.pid, 200) FROM pg_stat_activity AS a "
    "WHERE a.pid <> pg_backend_pid() AND a.usename = session_user "
    "AND a.datname = current_database() AND (EXISTS (SELECT 1 FROM unnest($1, $2) AS k(pid, start) "
    "WHERE a.pid = k.pid "
    "AND CAST(extract(epoch FROM a.backend_start) * 1000000 AS BIGINT) = k.start) "
    "OR EXISTS (SELECT 1 FROM unnest($3) AS o(owner) "
    "WHERE right(a.application_name, length(o.owner) + 1) = ' ' || o.owner))";

const Table& ProcessTable() {
  static const Table* const table =
      new Table{"sessions", {{"pid", ColumnType::kInt}, {"start", ColumnType::kInt}}, 2};
  return *table;
}

const Table& OwnerTable() {
  static const Table* const table = new Table{"owners", {{"owner", ColumnType::kText}}, 1};
  return *table;
}

std::vector<const Row*> Pointers(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

}  // namespace

std::string NewPostgresOwner() {
  return absl::StrCat(kOwnerPrefix, absl::Hex(SystemIdSource().Random64(), absl::kZeroPad16));
}

std::string PostgresApplicationName(const std::string& application, const std::string& owner) {
  return absl::StrCat(application.substr(0, kLongestName - owner.size() - 1), " ", owner);
}

absl::Status EndPostgresSessions(PostgresConnection& connection,
                                 absl::Span<const std::string> sessions, absl::Duration limit,
                                 Clock& clock) {
  std::vector<Row> named;
  std::vector<Row> owners;
  for (const std::string& session : sessions) {
    if (absl::StartsWith(session, kOwnerPrefix)) owners.push_back({session});
    const std::pair<std::string, std::string> parts = absl::StrSplit(session, ':');
    int64_t pid = 0;
    int64_t start = 0;
    if (absl::SimpleAtoi(parts.first, &pid) && absl::SimpleAtoi(parts.second, &start)) {
      named.push_back({pid, start});
    }
  }
  if (named.empty() && owners.empty()) return absl::OkStatus();
  PostgresParameters parameters;
  for (int column = 0; column < 2; ++column) {
    RETURN_IF_ERROR(
        parameters.AddArray(ProcessTable(), column, Pointers(named), /*numbered=*/false));
  }
  RETURN_IF_ERROR(parameters.AddArray(OwnerTable(), 0, Pointers(owners), /*numbered=*/false));
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
