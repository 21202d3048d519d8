#include "common/rpc/status.h"

#include <string>

#include "common/base/errors.h"
#include "common/base/shorten.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace watchbell::rpc {
namespace {

// Percent-encoding may triple the message, base64 makes details a third longer: both together stay
// below 8 KiB.
constexpr size_t kMaxMessage = 512;
constexpr size_t kMaxDetails = 4096;

// Drops field violations from the end until the details fit; as a last resort every detail but the
// first, the reason.
std::string FitDetails(const absl::Status& status) {
  std::string bytes = SerializeRpcStatus(status);
  if (bytes.size() <= kMaxDetails) return bytes;
  google::rpc::Status details;
  details.ParseFromString(bytes);
  details.set_message(Shorten(details.message(), kMaxMessage));
  for (auto& any : *details.mutable_details()) {
    google::rpc::BadRequest bad;
    if (!any.UnpackTo(&bad)) continue;
    while (details.ByteSizeLong() > kMaxDetails && bad.field_violations_size() > 1) {
      bad.mutable_field_violations()->RemoveLast();
      any.PackFrom(bad);
    }
  }
  while (details.ByteSizeLong() > kMaxDetails && details.details_size() > 1) {
    details.mutable_details()->RemoveLast();
  }
  return details.SerializeAsString();
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      Shorten(status.message(), kMaxMessage), FitDetails(status));
}

absl::Status Disclosed(const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      if (!reason.empty() && reason != "STORAGE_UNAVAILABLE") return status;
      return Unavailable("STORAGE_UNAVAILABLE", "storage does not answer just now; try again",
                         absl::Seconds(1));
    case absl::StatusCode::kInternal:
      if (reason != "STORE_FAILED") break;
      return WithReason(absl::StatusCode::kInternal, "STORE_FAILED",
                        "the database refused the result; nothing was done; the server's log says "
                        "why");
    case absl::StatusCode::kDeadlineExceeded:
      if (!reason.empty()) return status;
      return WithReason(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                        "the deadline passed while storage was asked");
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kAlreadyExists:
      break;
    default:
      return status;
  }
  if (!reason.empty()) return status;
  return WithReason(absl::StatusCode::kInternal, "INTERNAL_ERROR",
                    "the call failed by a fault of the server; its log says which");
}

absl::Status FromGrpc(const grpc::Status& status) {
  return StatusFromRpc(static_cast<absl::StatusCode>(status.error_code()), status.error_message(),
                       status.error_details());
}

}  // namespace watchbell::rpc
