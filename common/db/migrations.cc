#include "common/db/migrations.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"

namespace watchbell::db {
namespace {

constexpr char kMakeTable[] =
    "CREATE TABLE IF NOT EXISTS schema_version (number BIGINT PRIMARY KEY, name TEXT NOT NULL);";

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

absl::Status CheckNotNewer(int version, absl::Span<const Migration> migrations) {
  if (version <= static_cast<int>(migrations.size())) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the database has schema version ", version, ", this program knows only up to ",
                   migrations.size(), ": use the program that wrote it, or a newer one"));
}

// The step and its mark, or neither.
std::string InOneTransaction(const Migration& migration) {
  return absl::StrCat("BEGIN;\n", migration.sql,
                      "\n;INSERT INTO schema_version (number, name) VALUES (", migration.number,
                      ", '", absl::StrReplaceAll(migration.name, {{"'", "''"}}), "');\nCOMMIT;");
}

}  // namespace

absl::StatusOr<int> SchemaVersion(Database& database) {
  RETURN_IF_ERROR(database.RunScript(kMakeTable));
  ASSIGN_OR_RETURN(const std::vector<Row> rows,
                   database.Read("SELECT COALESCE(MAX(number), 0) FROM schema_version", {}));
  return static_cast<int>(AsInt(rows[0][0]));
}

absl::Status Migrate(Database& database, absl::Span<const Migration> migrations) {
  RETURN_IF_ERROR(CheckNumbers(migrations));
  ASSIGN_OR_RETURN(const int version, SchemaVersion(database));
  RETURN_IF_ERROR(CheckNotNewer(version, migrations));
  for (const Migration& migration : migrations.subspan(version)) {
    const absl::Status status = database.RunScript(InOneTransaction(migration));
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("schema change ", migration.number, " (",
                                                      migration.name, "): ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSchema(Database& database, absl::Span<const Migration> migrations) {
  RETURN_IF_ERROR(CheckNumbers(migrations));
  ASSIGN_OR_RETURN(const int version, SchemaVersion(database));
  RETURN_IF_ERROR(CheckNotNewer(version, migrations));
  if (version == static_cast<int>(migrations.size())) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the database has schema version ", version,
                                                    ", this program needs ", migrations.size(),
                                                    ": run `watchbell migrate` first"));
}

}  // namespace watchbell::db
