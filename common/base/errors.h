// Errors as the API shows them: an absl::Status that carries google.rpc details (ErrorInfo and at
// most one each of BadRequest, PreconditionFailure, RetryInfo). Made where the fact is known;
// common/rpc puts them on the wire. Reasons are listed in protos/README.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace watchbell {

// One refused field: path as in "changes.title" or "commands[3].external_id", and what is wrong
// with it.
struct FieldViolation {
  std::string field;
  std::string description;
};

// Codes of ErrorInfo.reason are UPPER_SNAKE and listed; `message` is a sentence for people.
absl::Status InvalidFields(std::vector<FieldViolation> violations);
absl::Status InvalidField(absl::string_view field, absl::string_view description);
absl::Status NotFound(absl::string_view resource);
// A move the state forbids: PreconditionFailure {type, subject, description}.
absl::Status ForbiddenMove(absl::string_view reason, absl::string_view subject,
                           absl::string_view description);
absl::Status StaleEtag(absl::string_view resource, absl::string_view current);
absl::Status NotAllowed(absl::string_view description);
// Try again later: UNAVAILABLE or RESOURCE_EXHAUSTED with RetryInfo.
absl::Status Unavailable(absl::string_view reason, absl::string_view message,
                         absl::Duration retry_after);
absl::Status Overloaded(absl::string_view message, absl::Duration retry_after);
// Any other code with its reason.
absl::Status WithReason(absl::StatusCode code, absl::string_view reason, absl::string_view message);

// ErrorInfo.reason of `status`, or "" if it carries none.
std::string ErrorReason(const absl::Status& status);
// BadRequest violations of `status`.
std::vector<FieldViolation> FieldViolations(const absl::Status& status);
// Serialized google.rpc.Status with all details: what goes into the trailing metadata.
std::string SerializeRpcStatus(const absl::Status& status);
// The other way: a status as it came over the wire, `details` as SerializeRpcStatus made them (or
// empty).
absl::Status StatusFromRpc(absl::StatusCode code, absl::string_view message,
                           absl::string_view details);

}  // namespace watchbell
