#include "services/tickets/dating.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/time/rfc3339.h"

namespace watchbell::tickets {
namespace {

constexpr char kField[] = "occurred_at";
constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

}  // namespace

absl::Time ServerTime(absl::Time now, absl::Time last_change) { return std::max(now, last_change); }

absl::StatusOr<absl::Time> DateCommand(const google::protobuf::Timestamp* given, absl::Time now,
                                       absl::Time last_change, bool may_backdate) {
  if (given == nullptr) return ServerTime(now, last_change);
  ASSIGN_OR_RETURN(const absl::Time at, ParseOccurredAt(*given));
  if (at > now + kAheadTolerance) {
    return InvalidField(kField, absl::StrCat("is more than 5 s ahead of ", FormatRfc3339(now)));
  }
  if (at < last_change) {
    return InvalidField(
        kField, absl::StrCat("is before the ticket's last change at ", FormatRfc3339(last_change)));
  }
  if (at < now - kBackdateTolerance && !may_backdate) {
    return NotAllowed("occurred_at: a date older than 5 minutes needs role \"integration\"");
  }
  return at;
}

absl::Time ClampedTime(absl::Time own, absl::Time now, absl::Time last_change) {
  return std::max(std::min(own, now), last_change);
}

absl::Time ImportTime(absl::Time own, absl::Time opened_at, absl::Time previous) {
  return std::max({own, opened_at, previous});
}

absl::StatusOr<absl::Time> ParseOccurredAt(const google::protobuf::Timestamp& value) {
  ASSIGN_OR_RETURN(const absl::Time at, ParseInstant(value, kField));
  if (at < absl::UnixEpoch()) return InvalidField(kField, "is before 1970");
  return at;
}

absl::StatusOr<absl::Time> ParseInstant(const google::protobuf::Timestamp& value,
                                        const char* field) {
  if (value.seconds() < kFirstSecond || value.seconds() > kLastSecond || value.nanos() < 0 ||
      value.nanos() > 999'999'999) {
    return InvalidField(field, "is no instant of the years 1 to 9999");
  }
  return FromProto(value);
}

}  // namespace watchbell::tickets
