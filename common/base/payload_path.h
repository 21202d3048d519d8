// Where in a payload an error lies: goes along with a status inside the process, and is not part of
// what callers are told.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace watchbell {

inline constexpr char kPayloadPathUrl[] = "watchbell.io/payload-path";

// The error with a JSON Pointer to what is wrong.
inline absl::Status AtPath(absl::Status error, absl::string_view pointer) {
  if (!pointer.empty()) error.SetPayload(kPayloadPathUrl, absl::Cord(pointer));
  return error;
}

// That pointer; "" if it is the payload as a whole, or not known.
inline std::string PathOf(const absl::Status& error) {
  const auto pointer = error.GetPayload(kPayloadPathUrl);
  return pointer.has_value() ? std::string(*pointer) : "";
}

}  // namespace watchbell
