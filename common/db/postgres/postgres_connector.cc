#include "common/db/postgres/postgres_connector.h"

#include <algorithm>

#include "common/base/status_macros.h"

namespace watchbell::db {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(2);

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnector::Connect(
    PostgresConnection::Role role, absl::Duration limit) {
  RETURN_IF_ERROR(MayTry());
  auto connection = PostgresConnection::Connect(options_, role, clock_,
                                                std::min(limit, options_.connect_timeout));
  Tried(connection.status());
  return connection;
}

absl::Status PostgresConnector::MayTry() {
  MutexLock lock(mu_);
  if (pause_ == absl::ZeroDuration()) return absl::OkStatus();
  if (trying_ || clock_.Steady() < retry_at_) return last_;
  trying_ = true;
  return absl::OkStatus();
}

void PostgresConnector::Tried(const absl::Status& status) {
  MutexLock lock(mu_);
  trying_ = false;
  last_ = status;
  if (status.ok()) {
    pause_ = absl::ZeroDuration();
    return;
  }
  pause_ = std::clamp(2 * pause_, kFirstPause, kLongestPause);
  retry_at_ = clock_.Steady() + pause_;
}

}  // namespace watchbell::db
