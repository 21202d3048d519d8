// Adherence by the dimensions a request asks for, folded from the facts of tickets in any order.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/errors.h"
#include "services/analytics/adherence.h"
#include "services/analytics/ticket_facts.h"
#include "watchbell/analytics/v1/analytics_service.pb.h"

namespace watchbell::analytics {

// What is wrong with the request beyond the rules of its fields; every fault by its field path.
std::vector<FieldViolation> CheckAdherenceRequest(const v1::GetAdherenceRequest& request);

class AdherenceTable {
 public:
  // An answer stays below what a gRPC client takes by default (4 MiB).
  static constexpr size_t kMaxRows = 10'000;

  // `request` was checked.
  explicit AdherenceTable(const v1::GetAdherenceRequest& request);

  // `facts` is of an opened ticket of the import asked for.
  void Add(const TicketFacts& facts);

  // INVALID_ARGUMENT (group_by) with more rows than kMaxRows.
  absl::StatusOr<v1::GetAdherenceResponse> Finish() const;

 private:
  // The month counts, by what was asked for.
  bool Within(const std::string& month) const;

  const std::set<std::string> clocks_, categories_;
  const std::set<int> priorities_, dimensions_;
  const std::string first_month_, last_month_;
  AdherenceCount count_;
};

}  // namespace watchbell::analytics
