// A ticket that does not exist: as a preview was given it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/errors.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::sla {

// What no ticket can be, by path below `prefix` ("ticket" gives "ticket.tags[1]"); empty = it can
// be. The rules of the fields have been checked already.
std::vector<FieldViolation> TicketFaults(const tickets::v1::Ticket& ticket,
                                         absl::string_view prefix);

// Empty unless `at` (microseconds, as `now`) lies further ahead than deadlines are looked for: the
// deadlines of what happens then could not be told.
std::vector<FieldViolation> FarAhead(absl::string_view field, int64_t at, int64_t now);

// The id of tickets/<id>; INVALID_ARGUMENT naming `ticket` for any other text.
absl::StatusOr<std::string> ReadTicketName(absl::string_view name);

}  // namespace watchbell::sla
