// Sends an audit log through the import rpcs and waits until every ticket of it is counted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "services/watchbell/audit_log.h"
#include "services/watchbell/policy_file.h"
#include "services/watchbell/report.h"
#include "services/watchbell/terminal.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::cli {

// The name of the import, the same at every replay: what makes a second one change nothing.
inline constexpr char kAuditSource[] = "servicenow-audit";

struct ReplayResult {
  ReplayTally tally;
  analytics::v1::GetImportReportResponse figures;
};

// One use. What the server is too busy for is tried again for up to two minutes; CANCELLED if
// interrupted: running it again goes on where it stopped.
class Replayer {
 public:
  // `policy` has a policy set: it judges the tickets.
  Replayer(rpc::Client& client, rpc::CallOptions options, Clock& clock, Screen& screen,
           sla::v1::PolicyFile policy);

  // Stores the policy, applies the log, finishes the import, waits, and asks for the figures.
  absl::StatusOr<ReplayResult> Run(const AuditLog& log);

  // After Run: the clocks of the import. FAILED_PRECONDITION if any of them is judged by another
  // policy, or another version of it, than this replay stored: tickets that were imported before
  // keep what judged them.
  absl::StatusOr<std::vector<sla::v1::ImportClock>> Clocks();

 private:
  absl::Status PutPolicy();
  absl::Status CheckJudgedByPolicy(const sla::v1::ImportClock& clock) const;
  absl::Status Apply(const AuditLog& log);
  absl::Status ApplyBatch(const AuditLog& log, size_t* next);
  void Count(const AuditLog& log, size_t command, const tickets::v1::ImportResult& result);
  absl::StatusOr<int64_t> Finish();
  absl::Status AwaitFigures(int64_t tickets);
  // Names the tickets whose events are parked somewhere, by their ids in the source.
  std::string ParkedTickets();
  // Calls, and calls again while the other side says "later".
  absl::Status Call(const std::string& method, const google::protobuf::Message& request,
                    google::protobuf::Message* response);

  rpc::Client& client_;
  rpc::CallOptions options_;
  Clock& clock_;
  Screen& screen_;
  const sla::v1::PolicyFile policy_;
  StoredPolicy stored_;
  ReplayTally tally_;
  std::map<std::string, std::string> external_ids_;  // by ticket id
  absl::flat_hash_map<uint32_t, size_t>
      refused_;  // ticket of the log -> its place in tally_.failed
};

}  // namespace watchbell::cli
