#include "common/time/rfc3339.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "common/time/wall_time.h"

namespace watchbell {
namespace {

// Takes exactly two digits off the front; -1 if there are none.
int TakeTwo(absl::string_view& text) {
  if (text.size() < 2 || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
      !absl::ascii_isdigit(static_cast<unsigned char>(text[1]))) {
    return -1;
  }
  const int value = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return value;
}

bool Take(absl::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456789" off the front, in microseconds; 0 if there is none, -1 if it is malformed.
int64_t TakeFraction(absl::string_view& text) {
  if (!Take(text, '.')) return 0;
  int64_t micros = 0;
  int digits = 0;
  while (!text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
    if (digits < 6) micros = micros * 10 + (text[0] - '0');
    ++digits;
    text.remove_prefix(1);
  }
  if (digits == 0) return -1;
  for (; digits < 6; ++digits) micros *= 10;
  return micros;
}

// "Z" or "+hh:mm", the whole rest.
std::optional<absl::Duration> TakeOffset(absl::string_view text) {
  if (text == "Z" || text == "z") return absl::ZeroDuration();
  const bool negative = !text.empty() && text[0] == '-';
  if (!Take(text, '+') && !Take(text, '-')) return std::nullopt;
  const int hours = TakeTwo(text);
  if (hours < 0 || hours > 23 || !Take(text, ':')) return std::nullopt;
  const int minutes = TakeTwo(text);
  if (minutes < 0 || minutes > 59 || !text.empty()) return std::nullopt;
  const absl::Duration offset = absl::Hours(hours) + absl::Minutes(minutes);
  return negative ? -offset : offset;
}

}  // namespace

std::string FormatRfc3339(absl::Time time) {
  const absl::TimeZone::CivilInfo civil = absl::UTCTimeZone().At(time);
  const int64_t micros = absl::ToInt64Microseconds(civil.subsecond);
  std::string text =
      absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", civil.cs.year(), civil.cs.month(),
                      civil.cs.day(), civil.cs.hour(), civil.cs.minute(), civil.cs.second());
  if (micros != 0) absl::StrAppendFormat(&text, ".%06d", micros);
  text.push_back('Z');
  return text;
}

std::optional<absl::Time> ParseRfc3339(absl::string_view text) {
  if (text.size() < 20 || (text[10] != 'T' && text[10] != 't')) return std::nullopt;
  const std::optional<absl::CivilDay> day = ParseLocalDate(text.substr(0, 10));
  if (!day) return std::nullopt;
  text.remove_prefix(11);
  const int hours = TakeTwo(text);
  if (hours < 0 || hours > 23 || !Take(text, ':')) return std::nullopt;
  const int minutes = TakeTwo(text);
  if (minutes < 0 || minutes > 59 || !Take(text, ':')) return std::nullopt;
  const int seconds = TakeTwo(text);
  if (seconds < 0 || seconds > 59) return std::nullopt;
  const int64_t micros = TakeFraction(text);
  if (micros < 0) return std::nullopt;
  const std::optional<absl::Duration> offset = TakeOffset(text);
  if (!offset) return std::nullopt;
  const absl::CivilSecond local(day->year(), day->month(), day->day(), hours, minutes, seconds);
  return absl::FromCivil(local, absl::UTCTimeZone()) + absl::Microseconds(micros) - *offset;
}

}  // namespace watchbell
