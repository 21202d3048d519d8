#include "services/sla/preview.h"

#include "common/base/proto_time.h"

namespace watchbell::sla {

v1::PreviewDeadlineResponse Preview(const BusinessCalendar& calendar, absl::Time start,
                                    absl::Duration target) {
  v1::PreviewDeadlineResponse response;
  if (const auto due = calendar.Add(start, target)) *response.mutable_due_at() = ToProto(*due);
  if (const auto opens = calendar.NextOpen(start)) *response.mutable_opens_at() = ToProto(*opens);
  return response;
}

}  // namespace watchbell::sla
