#include "services/tickets/alert_severity.h"

#include <string>

#include "absl/strings/ascii.h"

namespace watchbell::tickets {
namespace {

struct Row {
  const char* label;
  Severity severity;
};

constexpr Severity kCritical = {v1::IMPACT_HIGH, v1::URGENCY_HIGH};
constexpr Severity kError = {v1::IMPACT_MEDIUM, v1::URGENCY_HIGH};
constexpr Severity kWarning = {v1::IMPACT_MEDIUM, v1::URGENCY_MEDIUM};
constexpr Severity kInfo = {v1::IMPACT_LOW, v1::URGENCY_LOW};

constexpr Row kRows[] = {
    {"critical", kCritical}, {"page", kCritical}, {"fatal", kCritical}, {"emergency", kCritical},
    {"error", kError},       {"high", kError},    {"major", kError},    {"warning", kWarning},
    {"warn", kWarning},      {"minor", kWarning}, {"info", kInfo},      {"informational", kInfo},
    {"low", kInfo},          {"none", kInfo},
};

}  // namespace

Severity SeverityOf(absl::string_view label) {
  const std::string folded = absl::AsciiStrToLower(absl::StripAsciiWhitespace(label));
  for (const Row& row : kRows) {
    if (folded == row.label) return row.severity;
  }
  return kWarning;
}

}  // namespace watchbell::tickets
