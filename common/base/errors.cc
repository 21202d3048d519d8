#include "common/base/errors.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace watchbell {
namespace {

constexpr char kPayloadUrl[] = "type.googleapis.com/google.rpc.Status";
constexpr char kDomain[] = "watchbell.io";

google::rpc::Status DetailsOf(const absl::Status& status) {
  google::rpc::Status details;
  if (const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
      payload.has_value()) {
    details.ParseFromString(std::string(*payload));
  }
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  return details;
}

absl::Status AddDetail(absl::Status status, const google::protobuf::Message& detail) {
  google::rpc::Status details = DetailsOf(status);
  details.add_details()->PackFrom(detail);
  status.SetPayload(kPayloadUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

template <typename Detail>
bool FindDetail(const absl::Status& status, Detail* found) {
  const google::rpc::Status details = DetailsOf(status);
  return std::any_of(details.details().begin(), details.details().end(),
                     [found](const google::protobuf::Any& any) { return any.UnpackTo(found); });
}

absl::Status AddRetryInfo(absl::Status status, absl::Duration retry_after) {
  google::rpc::RetryInfo retry;
  const int64_t nanos = absl::ToInt64Nanoseconds(retry_after);
  retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  return AddDetail(std::move(status), retry);
}

}  // namespace

absl::Status WithReason(absl::StatusCode code, absl::string_view reason,
                        absl::string_view message) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(kDomain);
  return AddDetail(absl::Status(code, message), info);
}

absl::Status InvalidFields(std::vector<FieldViolation> violations) {
  google::rpc::BadRequest bad;
  const std::string message =
      absl::StrJoin(violations, "; ", [](std::string* out, const FieldViolation& v) {
        absl::StrAppend(out, v.field, ": ", v.description);
      });
  for (FieldViolation& violation : violations) {
    auto* added = bad.add_field_violations();
    added->set_field(std::move(violation.field));
    added->set_description(std::move(violation.description));
  }
  return AddDetail(WithReason(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", message), bad);
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  return InvalidFields({{std::string(field), std::string(description)}});
}

absl::Status NotFound(absl::string_view resource) {
  return WithReason(absl::StatusCode::kNotFound, "NOT_FOUND",
                    absl::StrCat(resource, " does not exist"));
}

absl::Status ForbiddenMove(absl::string_view reason, absl::string_view subject,
                           absl::string_view description) {
  google::rpc::PreconditionFailure failure;
  auto* violation = failure.add_violations();
  violation->set_type(std::string(reason));
  violation->set_subject(std::string(subject));
  violation->set_description(std::string(description));
  return AddDetail(WithReason(absl::StatusCode::kFailedPrecondition, reason,
                              absl::StrCat(subject, ": ", description)),
                   failure);
}

absl::Status StaleEtag(absl::string_view resource, absl::string_view current) {
  return WithReason(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                    absl::StrCat(resource, " has changed; its etag is now ", current,
                                 ": read it and decide again"));
}

absl::Status NotAllowed(absl::string_view description) {
  return WithReason(absl::StatusCode::kPermissionDenied, "ROLE_MISSING", description);
}

absl::Status Unavailable(absl::string_view reason, absl::string_view message,
                         absl::Duration retry_after) {
  return AddRetryInfo(WithReason(absl::StatusCode::kUnavailable, reason, message), retry_after);
}

absl::Status Overloaded(absl::string_view message, absl::Duration retry_after) {
  return AddRetryInfo(WithReason(absl::StatusCode::kResourceExhausted, "QUEUE_FULL", message),
                      retry_after);
}

std::string ErrorReason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  return FindDetail(status, &info) ? info.reason() : "";
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  google::rpc::BadRequest bad;
  std::vector<FieldViolation> violations;
  if (FindDetail(status, &bad)) {
    for (const auto& violation : bad.field_violations()) {
      violations.push_back({violation.field(), violation.description()});
    }
  }
  return violations;
}

std::string SerializeRpcStatus(const absl::Status& status) {
  return DetailsOf(status).SerializeAsString();
}

absl::Status StatusFromRpc(absl::StatusCode code, absl::string_view message,
                           absl::string_view details) {
  absl::Status status(code, message);
  if (!status.ok() && !details.empty()) status.SetPayload(kPayloadUrl, absl::Cord(details));
  return status;
}

}  // namespace watchbell
