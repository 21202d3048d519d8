#include "common/bus/attribute_text.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"

namespace watchbell::bus {
namespace {

constexpr absl::string_view kHex = "0123456789ABCDEF";

unsigned char ByteAt(absl::string_view text, size_t i) {
  return static_cast<unsigned char>(text[i]);
}

bool IsPlain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '%'; }

// Length of the UTF-8 character at `i`, 0 if there is none.
size_t Character(absl::string_view text, size_t i, uint32_t* code) {
  const unsigned char first = ByteAt(text, i);
  *code = first;
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || i + length > text.size()) return 0;
  *code = first & (0xffU >> (length + 1));
  for (size_t j = 1; j < length; ++j) {
    const unsigned char next = ByteAt(text, i + j);
    if ((next & 0xc0) != 0x80) return 0;
    *code = (*code << 6) | (next & 0x3fU);
  }
  const bool shortest = *code >= (length == 2 ? 0x80U : length == 3 ? 0x800U : 0x10000U);
  const bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
  return shortest && *code <= 0x10ffff && !surrogate ? length : 0;
}

// The same, but 0 also for one that attributes must not hold (controls, "%", non-characters).
size_t GoodCharacter(absl::string_view text, size_t i) {
  uint32_t code = 0;
  const size_t length = Character(text, i, &code);
  if (length <= 1) return length == 1 && IsPlain(ByteAt(text, i)) ? 1 : 0;
  const bool non_character = (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);
  return non_character || code < 0xa0 ? 0 : length;
}

void AppendEscaped(unsigned char byte, std::string* out) {
  out->push_back('%');
  out->push_back(kHex[byte >> 4]);
  out->push_back(kHex[byte & 15]);
}

// How much of the beginning is plain: nearly always all of it.
size_t PlainPrefix(absl::string_view text) {
  size_t i = 0;
  while (i < text.size() && IsPlain(ByteAt(text, i))) ++i;
  return i;
}

int HexValue(char c) {
  const size_t value = kHex.find(absl::ascii_toupper(static_cast<unsigned char>(c)));
  return value == absl::string_view::npos ? -1 : static_cast<int>(value);
}

// `count` digits at `i`, or -1.
int Digits(absl::string_view text, size_t i, size_t count) {
  int value = 0;
  for (size_t j = i; j < i + count; ++j) {
    if (!absl::ascii_isdigit(ByteAt(text, j))) return -1;
    value = value * 10 + (text[j] - '0');
  }
  return value;
}

// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
int64_t DaysFromCivil(int year, int month, int day) {
  return absl::CivilDay(year, month, day) - absl::CivilDay();
}

void PutDigits(char* out, int64_t value, int count) {
  for (int i = count - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// The form FormatAttributeTime writes, which is what nearly always comes.
bool ParseOwnForm(absl::string_view v, absl::Time* time) {
  if (v.size() != 27 || v[4] != '-' || v[7] != '-' || v[10] != 'T' || v[13] != ':' ||
      v[16] != ':' || v[19] != '.' || v[26] != 'Z') {
    return false;
  }
  const int year = Digits(v, 0, 4), month = Digits(v, 5, 2), day = Digits(v, 8, 2);
  const int hour = Digits(v, 11, 2), minute = Digits(v, 14, 2), second = Digits(v, 17, 2);
  const int micros = Digits(v, 20, 6);
  if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 59 || micros < 0) {
    return false;
  }
  if (absl::CivilDay(year, month, day).day() != day) return false;  // February 30 and the like
  const int64_t seconds =
      ((DaysFromCivil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  *time = absl::FromUnixMicros(seconds * 1'000'000 + micros);
  return true;
}

}  // namespace

std::string EncodeAttribute(absl::string_view text) {
  size_t i = PlainPrefix(text);
  std::string result(text.substr(0, i));
  while (i < text.size()) {
    if (const size_t length = GoodCharacter(text, i); length > 0) {
      result.append(text.data() + i, length);
      i += length;
    } else {
      AppendEscaped(ByteAt(text, i++), &result);
    }
  }
  return result;
}

std::string AsUtf8(absl::string_view bytes) {
  std::string result;
  result.reserve(bytes.size());
  uint32_t code = 0;
  for (size_t i = 0; i < bytes.size();) {
    if (const size_t length = Character(bytes, i, &code); length > 0) {
      result.append(bytes.data() + i, length);
      i += length;
    } else {
      AppendEscaped(ByteAt(bytes, i++), &result);
    }
  }
  return result;
}

bool DecodeAttribute(absl::string_view value, std::string* text) {
  size_t i = PlainPrefix(value);
  text->assign(value.data(), i);
  while (i < value.size()) {
    if (value[i] == '%') {
      if (i + 3 > value.size()) return false;
      const int high = HexValue(value[i + 1]), low = HexValue(value[i + 2]);
      if (high < 0 || low < 0) return false;
      text->push_back(static_cast<char>(high * 16 + low));
      i += 3;
      continue;
    }
    const size_t length = GoodCharacter(value, i);
    if (length == 0) return false;
    text->append(value.data() + i, length);
    i += length;
  }
  return true;
}

std::string FormatAttributeTime(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  const int64_t seconds = micros >= 0 ? micros / 1'000'000 : (micros - 999'999) / 1'000'000;
  const absl::CivilSecond civil = absl::CivilSecond() + seconds;
  if (civil.year() < 0 || civil.year() > 9999) {
    return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  }
  std::string text = "0000-00-00T00:00:00.000000Z";
  PutDigits(text.data(), civil.year(), 4);
  PutDigits(text.data() + 5, civil.month(), 2);
  PutDigits(text.data() + 8, civil.day(), 2);
  PutDigits(text.data() + 11, civil.hour(), 2);
  PutDigits(text.data() + 14, civil.minute(), 2);
  PutDigits(text.data() + 17, civil.second(), 2);
  PutDigits(text.data() + 20, micros - seconds * 1'000'000, 6);
  return text;
}

bool ParseAttributeTime(absl::string_view value, absl::Time* time) {
  if (ParseOwnForm(value, time)) return true;
  absl::Time parsed;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, value, &parsed, &error) ||
      parsed == absl::InfiniteFuture() || parsed == absl::InfinitePast()) {
    return false;
  }
  *time = absl::FromUnixMicros(absl::ToUnixMicros(parsed));
  return true;
}

}  // namespace watchbell::bus
