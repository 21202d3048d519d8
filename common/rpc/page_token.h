// Page tokens: a cursor bound to the query it came from. Opaque to callers.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace watchbell::rpc {

// What a token is bound to: the tenant and every field of the request but page_size and page_token.
std::string QueryBinding(absl::string_view tenant, const google::protobuf::Message& request);

// `cursor`: parts without a dot.
std::string MakePageToken(absl::string_view binding, const std::vector<std::string>& cursor);

// The cursor's parts. INVALID_ARGUMENT naming page_token if it is none of ours, or another query's.
absl::StatusOr<std::vector<std::string>> ReadPageToken(absl::string_view token,
                                                       absl::string_view binding, size_t parts);

// 0 = `normal`; more than `most` is `most`.
int PageSize(int asked, int normal, int most);

}  // namespace watchbell::rpc
