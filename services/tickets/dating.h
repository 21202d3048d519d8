// When something happened, by whose word (semantics: event time decides). All results are in whole
// microseconds.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace watchbell::tickets {

// How far ahead of our clock a caller's date may be.
inline constexpr absl::Duration kAheadTolerance = absl::Seconds(5);
// How old a caller's date may be without the integration role.
inline constexpr absl::Duration kBackdateTolerance = absl::Minutes(5);

// A date the server gives: never before the ticket's last change, even if our clock went back.
absl::Time ServerTime(absl::Time now, absl::Time last_change);

// The date of a command: the caller's if `given` (may be null), else the server's. INVALID_ARGUMENT
// naming occurred_at if it is no date, more than 5 s ahead of now or before the last change;
// PERMISSION_DENIED if it is older than 5 minutes and the caller may not backdate. Without a last
// change: InfinitePast.
absl::StatusOr<absl::Time> DateCommand(const google::protobuf::Timestamp* given, absl::Time now,
                                       absl::Time last_change, bool may_backdate);

// The date of a move another service's event or an alert asks for: its own, clamped into [last
// change, now].
absl::Time ClampedTime(absl::Time own, absl::Time now, absl::Time last_change);

// The date of an imported command: never before the opening nor the command before it.
absl::Time ImportTime(absl::Time own, absl::Time opened_at, absl::Time previous);

// When something happened, by a caller or an import. INVALID_ARGUMENT naming occurred_at if it is
// no instant, or before 1970: no desk is that old, and clocks would count through all those years.
absl::StatusOr<absl::Time> ParseOccurredAt(const google::protobuf::Timestamp& value);

// INVALID_ARGUMENT naming `field` if it is no instant of the years 1 to 9999.
absl::StatusOr<absl::Time> ParseInstant(const google::protobuf::Timestamp& value,
                                        const char* field);

}  // namespace watchbell::tickets
