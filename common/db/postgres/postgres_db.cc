#include "common/db/postgres/postgres_db.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/db/postgres/postgres_connection.h"
#include "common/db/postgres/postgres_connector.h"
#include "common/db/postgres/postgres_readers.h"
#include "common/db/postgres/postgres_sessions.h"
#include "common/db/postgres/postgres_sql.h"
#include "common/db/postgres/postgres_transaction.h"
#include "common/db/postgres/postgres_writer.h"

namespace watchbell::db {
namespace {

using Role = PostgresConnection::Role;

// A schema change may build an index over all there is.
constexpr absl::Duration kScriptLimit = absl::Hours(6);
// These wait for writers, which may hang: nobody else must wait for them.
constexpr int kSettledReaders = 2;

// Nothing happens if it is there, and no right to make schemas is needed then. Two may do this at
// once.
std::string MakeSchemaScript(const std::string& schema) {
  const std::string name = QuoteIdentifier(schema);
  const auto literal = [](const std::string& text) {
    return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "''"}}), "'");
  };
  return absl::StrCat(
      "DO $watchbell$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ",
      literal(schema), ") THEN EXECUTE ", literal("CREATE SCHEMA " + name),
      "; END IF; EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL; "
      "END $watchbell$");
}

class PostgresDatabase : public Database {
 public:
  PostgresDatabase(PostgresOptions options, Clock& clock)
      : clock_(clock),
        connector_(std::move(options), clock),
        writer_(connector_, clock),
        readers_(connector_, clock, PostgresReaders::Kind::kPlain, connector_.options().readers),
        settled_(connector_, clock, PostgresReaders::Kind::kSettled, kSettledReaders) {}

  absl::StatusOr<std::unique_ptr<Transaction>> Begin() override {
    ASSIGN_OR_RETURN(PostgresConnection* const connection, writer_.Enter());
    return std::make_unique<PostgresTransaction>(
        writer_, *connection, connector_.options().statement_timeout + kPostgresGrace);
  }

  absl::StatusOr<std::vector<Row>> Read(absl::string_view sql,
                                        absl::Span<const Value> params) override {
    return readers_.Read(sql, params);
  }
  absl::StatusOr<std::vector<Row>> ReadSettled(absl::string_view sql,
                                               absl::Span<const Value> params) override {
    return settled_.Read(sql, params);
  }

  absl::Status RunScript(absl::string_view sql) override {
    ASSIGN_OR_RETURN(const auto connection,
                     connector_.Connect(Role::kScript, absl::InfiniteDuration()));
    RETURN_IF_ERROR(
        connection->Script(MakeSchemaScript(connector_.options().schema), kScriptLimit));
    return connection->Script(TranslatePostgresScript(sql), kScriptLimit);
  }

  // The server keeps its own house.
  absl::Status Maintain(bool) override { return absl::OkStatus(); }

  std::vector<std::string> Sessions() override {
    std::vector<std::string> sessions = writer_.Sessions();
    sessions.push_back(connector_.options().owner);  // and those it will make
    return sessions;
  }

  absl::Status EndSessions(absl::Span<const std::string> sessions) override {
    if (sessions.empty()) return absl::OkStatus();
    // Not one of the readers: they may all be busy, and this must not wait for them.
    ASSIGN_OR_RETURN(const auto connection,
                     connector_.Connect(Role::kReader, absl::InfiniteDuration()));
    return EndPostgresSessions(*connection, sessions, connector_.options().statement_timeout,
                               clock_);
  }

 private:
  Clock& clock_;
  PostgresConnector connector_;
  PostgresWriter writer_;
  PostgresReaders readers_;
  PostgresReaders settled_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options, Clock& clock) {
  RETURN_IF_ERROR(PostgresConnection::CheckUrl(options.url));
  if (options.schema.empty()) {
    return absl::InvalidArgumentError("the schema of the PostgreSQL database has no name");
  }
  if (options.readers < 1) {
    return absl::InvalidArgumentError("a database needs a connection for reading");
  }
  options.owner = NewPostgresOwner();
  return std::make_unique<PostgresDatabase>(std::move(options), clock);
}

}  // namespace watchbell::db
