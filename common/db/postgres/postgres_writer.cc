#include "common/db/postgres/postgres_writer.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/db/postgres/postgres_sessions.h"

namespace watchbell::db {

absl::StatusOr<PostgresConnection*> PostgresWriter::Enter() {
  {
    MutexLock lock(mu_);
    if (inside_ == std::this_thread::get_id()) {
      return absl::InternalError("this thread has a transaction open");
    }
    while (inside_ != std::thread::id()) left_.Wait(mu_);
    inside_ = std::this_thread::get_id();
  }
  if (connection_ != nullptr && connection_->LookIfLost()) Drop();
  if (connection_ == nullptr) {
    if (absl::Status connected = Connect(); !connected.ok()) {
      Release();
      return connected;
    }
  }
  return connection_.get();
}

void PostgresWriter::Leave(bool broken) {
  if (broken || connection_->lost()) Drop();
  Release();
}

std::vector<std::string> PostgresWriter::Sessions() {
  MutexLock lock(mu_);
  std::vector<std::string> sessions = lost_;
  if (!session_.empty()) sessions.push_back(session_);
  return sessions;
}

absl::Status PostgresWriter::Connect() {
  ASSIGN_OR_RETURN(auto connection,
                   connector_.Connect(PostgresConnection::Role::kWriter, absl::InfiniteDuration()));
  std::vector<std::string> lost;
  {
    MutexLock lock(mu_);
    lost = lost_;
  }
  RETURN_IF_ERROR(
      EndPostgresSessions(*connection, lost, connector_.options().statement_timeout, clock_));
  MutexLock lock(mu_);
  lost_.clear();
  session_ = connection->session();
  connection_ = std::move(connection);
  return absl::OkStatus();
}

void PostgresWriter::Drop() {
  connection_ = nullptr;
  MutexLock lock(mu_);
  lost_.push_back(std::exchange(session_, ""));
}

void PostgresWriter::Release() {
  {
    MutexLock lock(mu_);
    inside_ = std::thread::id();
  }
  left_.NotifyOne();
}

}  // namespace watchbell::db
