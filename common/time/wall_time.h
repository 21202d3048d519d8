// Local wall time as people write it: HH:MM, YYYY-MM-DD, IANA zone names.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace watchbell {

inline constexpr int kMinutesPerDay = 24 * 60;

// "00:00" to "24:00" in minutes since midnight; anything else is nothing.
std::optional<int> ParseWallTime(absl::string_view text);
// 0 to kMinutesPerDay; the reverse.
std::string FormatWallTime(int minutes);

// "2026-02-28"; a date that does not exist is nothing. Years 0001 to 9999.
std::optional<absl::CivilDay> ParseLocalDate(absl::string_view text);
std::string FormatLocalDate(absl::CivilDay day);

// A zone of the IANA database ("Europe/Berlin", "Etc/UTC", "UTC"). The machine's own zone
// ("localtime") and paths are no zones: they would mean something else elsewhere.
std::optional<absl::TimeZone> LoadZone(const std::string& name);

}  // namespace watchbell
