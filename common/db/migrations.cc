#include "common/db/migrations.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"

namespace watchbell::db {
namespace {

constexpr char kMakeTable[] =
    "CREATE TABLE IF NOT EXISTS schema_version (number BIGINT PRIMARY KEY, name TEXT NOT NULL);";

// How far a database may be ahead of a program that still runs on it.
constexpr int kMostAhead = 1;

absl::Status CheckNumbers(absl::Span<const Migration> migrations) {
  for (size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].number != static_cast<int>(i) + 1) {
      return absl::FailedPreconditionError(absl::StrCat(
          "schema changes are numbered from 1 without holes: number ", i + 1, " is missing, ",
          migrations[i].number, " (", migrations[i].name, ") stands in its place"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNotTooNew(int version, absl::Span<const Migration> migrations) {
  const int known = static_cast<int>(migrations.size());
  if (version <= known + kMostAhead) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the database is too new: it has schema version ", version,
                   ", this program knows only up to ", known,
                   " and runs with one more: use the program that wrote it, or a newer one"));
}

// Runs one step at a time, whoever asks for it. Waiting for another's step is no failure.
std::string InOneTransaction(absl::string_view sql) {
  return absl::StrCat(
      "BEGIN;\n"
      "--postgresql:SET LOCAL lock_timeout = 0;\n"
      "--postgresql:SELECT pg_advisory_xact_lock(hashtextextended("
      "'schema changes of ' || current_schema(), 0));\n"
      "--postgresql:SET LOCAL lock_timeout = '5s';\n",
      sql, "\n;COMMIT;");
}

// The step and its mark, or neither. The mark comes first: it is refused if another has made it.
std::string StepScript(const Migration& migration) {
  return InOneTransaction(
      absl::StrCat("INSERT INTO schema_version (number, name) VALUES (", migration.number, ", '",
                   absl::StrReplaceAll(migration.name, {{"'", "''"}}), "');\n", migration.sql));
}

// Whether there is such a table, in the words of each database; the others do not know the
// catalogue asked. The catalogue shows a schema, with what is in it, also to those who may not use
// it: to them nothing seems to be there.
absl::StatusOr<bool> HasVersionTable(Database& database) {
  absl::Status trouble;
  for (const char* look :
       {"SELECT COUNT(*), 0 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
        "SELECT COUNT(*), COUNT(CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 1 END) "
        "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.relname = 'schema_version' AND c.relkind IN ('r', 'p') AND "
        "'\"' || replace(n.nspname, '\"', '\"\"') || '\"' = current_setting('search_path')"}) {
    const absl::StatusOr<std::vector<Row>> rows = database.Read(look, {});
    if (rows.ok() && AsInt((*rows)[0][1]) > 0) {
      return absl::UnavailableError(
          "this role may not look into the schema: it lacks the right USAGE on it");
    }
    if (rows.ok()) return AsInt((*rows)[0][0]) > 0;
    trouble = rows.status();
    if (!absl::IsInternal(trouble)) break;
  }
  return trouble;
}

}  // namespace

absl::StatusOr<int> SchemaVersion(Database& database) {
  constexpr char kLast[] = "SELECT COALESCE(MAX(number), 0) FROM schema_version";
  absl::StatusOr<std::vector<Row>> rows = database.Read(kLast, {});
  if (absl::IsInternal(rows.status())) {
    ASSIGN_OR_RETURN(const bool there, HasVersionTable(database));
    if (!there) return 0;
    rows = database.Read(kLast, {});  // another program may have made it just now
  }
  if (!rows.ok()) return rows.status();
  return static_cast<int>(AsInt((*rows)[0][0]));
}

absl::StatusOr<std::vector<Migration>> PlanMigrations(Database& database,
                                                      absl::Span<const Migration> migrations) {
  RETURN_IF_ERROR(CheckNumbers(migrations));
  ASSIGN_OR_RETURN(const int version, SchemaVersion(database));
  RETURN_IF_ERROR(CheckNotTooNew(version, migrations));
  if (version >= static_cast<int>(migrations.size())) return std::vector<Migration>();
  const absl::Span<const Migration> left = migrations.subspan(version);
  return std::vector<Migration>(left.begin(), left.end());
}

absl::Status Migrate(Database& database, absl::Span<const Migration> migrations) {
  ASSIGN_OR_RETURN(std::vector<Migration> plan, PlanMigrations(database, migrations));
  if (plan.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(database.RunScript(InOneTransaction(kMakeTable)));
  while (!plan.empty()) {
    const Migration step = plan.front();
    const absl::Status status = database.RunScript(StepScript(step));
    // Seen anew each time: another program may have taken the step, or several.
    ASSIGN_OR_RETURN(plan, PlanMigrations(database, migrations));
    const bool taken = plan.empty() || plan.front().number > step.number;
    if (!status.ok() && !taken) {
      return absl::Status(status.code(), absl::StrCat("schema change ", step.number, " (",
                                                      step.name, "): ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSchema(Database& database, absl::Span<const Migration> migrations) {
  RETURN_IF_ERROR(CheckNumbers(migrations));
  ASSIGN_OR_RETURN(const int version, SchemaVersion(database));
  RETURN_IF_ERROR(CheckNotTooNew(version, migrations));
  int needed = 0;
  for (const Migration& migration : migrations) {
    if (migration.needed) needed = migration.number;
  }
  if (version >= needed) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the database is too old: it has schema version ", version,
                   ", this program needs ", needed, ": run `watchbell migrate` first"));
}

}  // namespace watchbell::db
