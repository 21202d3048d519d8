#include "services/sla/preview.h"

#include "common/base/proto_time.h"

namespace watchbell::sla {
namespace {

// The first instant a Timestamp cannot tell.
const absl::Time kBeyond = absl::FromUnixSeconds(253'402'300'800);  // 10000-01-01T00:00:00Z

}  // namespace

v1::PreviewDeadlineResponse Preview(const BusinessCalendar& calendar, absl::Time start,
                                    absl::Duration target) {
  v1::PreviewDeadlineResponse response;
  const auto due = calendar.Add(start, target);
  if (due && *due < kBeyond) *response.mutable_due_at() = ToProto(*due);
  const auto opens = calendar.NextOpen(start);
  if (opens && *opens < kBeyond) *response.mutable_opens_at() = ToProto(*opens);
  return response;
}

}  // namespace watchbell::sla
