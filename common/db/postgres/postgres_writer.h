// The one connection that writes, used by one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/db/postgres/postgres_connection.h"
#include "common/db/postgres/postgres_connector.h"

namespace watchbell::db {

class PostgresWriter {
 public:
  PostgresWriter(PostgresConnector& connector, Clock& clock)
      : connector_(connector), clock_(clock) {}

  // Waits until no other thread is inside. Connects if need be; before a connection takes the place
  // of a lost one, the server has ended the lost one's session: nothing it was sent can be
  // committed from now on. INTERNAL if the calling thread is inside already. The connection is the
  // caller's until Leave, which must follow success only.
  absl::StatusOr<PostgresConnection*> Enter();
  // `broken`: the state of the session is not known; it is not used again.
  void Leave(bool broken);

  // Those that may hold locks. Thread-safe.
  std::vector<std::string> Sessions();

 private:
  absl::Status Connect();
  void Drop();
  void Release();

  PostgresConnector& connector_;
  Clock& clock_;
  std::unique_ptr<PostgresConnection> connection_;  // used inside only

  Mutex mu_;
  CondVar left_;
  std::thread::id inside_ ABSL_GUARDED_BY(mu_);
  std::string session_ ABSL_GUARDED_BY(mu_);            // "" if not connected
  std::vector<std::string> lost_ ABSL_GUARDED_BY(mu_);  // not known to have ended
};

}  // namespace watchbell::db
