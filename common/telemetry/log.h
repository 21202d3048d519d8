// One JSON object a line on standard error: time, level, message, and what else is known (trace id,
// tenant, ...).
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace watchbell::telemetry {

enum class Level { kDebug, kInfo, kWarning, kError };

using Field = std::pair<absl::string_view, std::string>;

// Thread-safe. A field named "traceparent" is written as trace_id.
void Log(Level level, absl::string_view message, std::initializer_list<Field> fields = {});

// Below this nothing is written. Default kInfo.
void SetLogLevel(Level level);

// "debug", "info", "warning" or "error"; false for anything else.
bool ParseLogLevel(absl::string_view name, Level* level);

}  // namespace watchbell::telemetry
