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
// True if whoever began the trace wants it recorded (flag 01): every input of it leaves a log line.
bool IsSampled(absl::string_view traceparent);
// Not sampled: nobody asked for it.
std::string NewTraceparent(IdSource& ids);

}  // namespace watchbell::telemetry
