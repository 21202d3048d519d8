// Stored calendars as queries want them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/runtime/module.h"
#include "services/sla/calendars/calendars.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

// A calendar and, of a union, its members as they are now.
struct CalendarWithMembers {
  v1::Calendar calendar;
  std::vector<v1::Calendar> members;

  FindCalendar find() const;  // as long as this lives
};

// `given`, or the stored one under `id` if that is not empty; INVALID_ARGUMENT unless there is
// exactly one of the two, NOT_FOUND. Members that do not exist are left out: whoever compiles the
// calendar refuses it.
absl::StatusOr<CalendarWithMembers> ReadCalendar(runtime::ServiceCore& core,
                                                 const std::string& tenant, const std::string& id,
                                                 const v1::Calendar* given);

absl::StatusOr<v1::LintCalendarResponse> AnswerLintCalendar(runtime::ServiceCore& core,
                                                            const std::string& tenant,
                                                            const v1::LintCalendarRequest& request);

}  // namespace watchbell::sla
