// Connections for reads: made when needed, kept when idle, never more than so many.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/db/postgres/postgres_connection.h"
#include "common/db/postgres/postgres_connector.h"

namespace watchbell::db {

// Thread-safe.
class PostgresReaders {
 public:
  // kSettled: Database::ReadSettled.
  enum class Kind { kPlain, kSettled };

  // At most `most` connections.
  PostgresReaders(PostgresConnector& connector, Clock& clock, Kind kind, int most)
      : connector_(connector), clock_(clock), kind_(kind), most_(most) {}

  // Database::Read.
  absl::StatusOr<std::vector<Row>> Read(absl::string_view sql, absl::Span<const Value> params);

 private:
  struct Reader {
    std::unique_ptr<PostgresConnection> connection;
    bool fresh;  // made for this read
  };

  absl::StatusOr<Reader> Take(absl::Duration end);
  void GiveBack(std::unique_ptr<PostgresConnection> connection);
  PipelineOutcome Run(PostgresConnection& connection, absl::string_view sql,
                      const PostgresParameters& parameters, absl::Duration limit,
                      std::vector<Row>* rows) const;

  PostgresConnector& connector_;
  Clock& clock_;
  const Kind kind_;
  const int most_;

  Mutex mu_;
  CondVar given_back_;
  int made_ ABSL_GUARDED_BY(mu_) = 0;  // in use and idle
  std::vector<std::unique_ptr<PostgresConnection>> idle_ ABSL_GUARDED_BY(mu_);
};

}  // namespace watchbell::db
