// JSON as strangers send it: parsed with limits, and with what a parsed document no longer shows.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace watchbell::tickets {

inline constexpr size_t kMaxDepth = 32;  // nesting

struct JsonText {
  nlohmann::json document;
  // Names that come twice in one object: by the JSON Pointer of the item of the outermost array it
  // lies in ("/alerts/3"), "" if in none. One name each.
  std::map<std::string, std::string> twice;
};

// INVALID_ARGUMENT naming `payload`, described as "REASON: sentence": EMPTY_BODY, MALFORMED_JSON,
// INVALID_UTF8, TOO_DEEP. Throws nothing.
absl::StatusOr<JsonText> ParseJsonText(absl::string_view text);

// What is wrong with a payload, and where.
struct Fault {
  Fault() = default;  // nothing
  Fault(absl::string_view reason, absl::string_view sentence, absl::string_view path = "");

  std::string text;  // "REASON: sentence"; "" = nothing is wrong
  std::string path;  // JSON Pointer; "" if it is the payload as a whole, or not known
};

// The error of a payload: INVALID_ARGUMENT naming `payload`, at its path (common/base).
absl::Status BadPayload(const Fault& fault);

// At most `characters` code points of UTF-8, as one line.
std::string OneLine(absl::string_view text, size_t characters);
// A name as sentences show it: one line of at most 60 characters, with "..." if there are more.
std::string Shown(absl::string_view name);
// A name as a step of a JSON Pointer.
std::string Step(absl::string_view name);
// The string of that name, or "".
std::string TextAt(const nlohmann::json& object, const char* name);
// Absent, unreadable and absurd (before year 2) times are "not known".
std::optional<absl::Time> TimeOf(absl::string_view text);

bool IsUtf8(absl::string_view text);

}  // namespace watchbell::tickets
