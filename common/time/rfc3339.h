// RFC 3339 instants, in microseconds UTC.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace watchbell {

// "2026-01-05T09:20:00Z"; a fraction of six digits only if it is not zero. Years 0001 to 9999.
std::string FormatRfc3339(absl::Time time);

// Any RFC 3339 date-time: "Z" or an offset, any number of fraction digits (those past microseconds
// are dropped). Nothing for what is not one, for dates that do not exist, and for leap seconds.
std::optional<absl::Time> ParseRfc3339(absl::string_view text);

}  // namespace watchbell
