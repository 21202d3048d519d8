// W3C Trace Context, carried as text.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/base/ids.h"

namespace watchbell::telemetry {

// True for a valid version-00 traceparent.
bool IsTraceparent(absl::string_view text);
// 32 hex digits, or "" if `traceparent` is not valid.
std::string TraceIdOf(absl::string_view traceparent);
std::string NewTraceparent(IdSource& ids);

}  // namespace watchbell::telemetry
