#include "common/time/wall_time.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"

namespace watchbell {
namespace {

// Digits text[from, from + count) as a number, or -1.
int Digits(absl::string_view text, size_t from, size_t count) {
  int value = 0;
  for (size_t i = from; i < from + count; ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(text[i]))) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::optional<int> ParseWallTime(absl::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const int hours = Digits(text, 0, 2);
  const int minutes = Digits(text, 3, 2);
  if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > kMinutesPerDay) {
    return std::nullopt;
  }
  return hours * 60 + minutes;
}

std::string FormatWallTime(int minutes) {
  return absl::StrFormat("%02d:%02d", minutes / 60, minutes % 60);
}

std::optional<absl::CivilDay> ParseLocalDate(absl::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  if (year < 1 || month < 1 || day < 1) return std::nullopt;
  const absl::CivilDay date(year, month, day);
  // CivilDay carries 31 April over to 1 May: such a date does not exist.
  if (date.month() != month || date.day() != day) return std::nullopt;
  return date;
}

std::string FormatLocalDate(absl::CivilDay day) {
  return absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day());
}

std::optional<absl::TimeZone> LoadZone(const std::string& name) {
  if (name.empty() || name[0] == '/' || name == "localtime" || absl::StartsWith(name, "libc:") ||
      absl::StrContains(name, "..")) {
    return std::nullopt;
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) return std::nullopt;
  return zone;
}

}  // namespace watchbell
