#include "common/telemetry/trace.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace watchbell::telemetry {
namespace {

constexpr size_t kLength = 55;  // 00-<32>-<16>-<2>

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool AllZero(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

// All zeros means "no id" in the standard.
uint64_t NonZero(IdSource& ids) {
  uint64_t random = 0;
  while (random == 0) random = ids.Random64();
  return random;
}

}  // namespace

bool IsTraceparent(absl::string_view text) {
  if (text.size() != kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const absl::string_view trace = text.substr(3, 32);
  const absl::string_view span = text.substr(36, 16);
  return text.substr(0, 2) == "00" && IsLowerHex(trace) && !AllZero(trace) && IsLowerHex(span) &&
         !AllZero(span) && IsLowerHex(text.substr(53, 2));
}

std::string TraceIdOf(absl::string_view traceparent) {
  return IsTraceparent(traceparent) ? std::string(traceparent.substr(3, 32)) : "";
}

bool IsSampled(absl::string_view traceparent) {
  // The flags' lowest bit: an odd hex digit.
  return IsTraceparent(traceparent) &&
         absl::string_view("13579bdf").find(traceparent.back()) != absl::string_view::npos;
}

std::string NewTraceparent(IdSource& ids) {
  return absl::StrFormat("00-%016x%016x-%016x-00", NonZero(ids), ids.Random64(), NonZero(ids));
}

}  // namespace watchbell::telemetry
