// What is wrong with calendars and policy sets that are sent, as far as it can be told without what
// is stored: with this, one refusal lists the faults of single fields and those of their meaning.
// Faults go by path in the request. Pure.
#pragma once

#include <vector>

#include "common/base/errors.h"
#include "watchbell/sla/v1/preview.pb.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::sla {

std::vector<FieldViolation> RequestFaults(const v1::PutCalendarRequest& request);
std::vector<FieldViolation> RequestFaults(const v1::PutPolicySetRequest& request);
// Of the draft in the field "policy" of a request.
std::vector<FieldViolation> DraftFaults(const v1::PolicyDraft& draft);

}  // namespace watchbell::sla
