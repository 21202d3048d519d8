// Between absl::Status with details (common/base/errors.h) and grpc::Status. The only place that
// knows both.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace watchbell::rpc {

// Message and details are cut to what fits the 8 KiB of trailers a client accepts; code and reason
// always arrive.
grpc::Status ToGrpc(const absl::Status& status);
// What a caller may see of a status: what storage itself said (paths, addresses, SQL) is for the
// log.
absl::Status Disclosed(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace watchbell::rpc
