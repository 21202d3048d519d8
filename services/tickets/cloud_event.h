// CloudEvents 1.0 around alerts, as strangers put them on a topic: attributes in headers (binary
// mode), everything in the value (structured mode, JSON), or no CloudEvent at all. Pure.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/bus/record.h"
#include "nlohmann/json_fwd.hpp"

namespace watchbell::tickets {

struct CloudEvent {
  // Where the attributes are. kUnknown: the headers do not say; a value that has a "specversion" is
  // one in structured mode.
  enum class Mode { kUnknown, kBinary, kStructured };

  Mode mode = Mode::kUnknown;
  std::string source;       // "" = not named
  std::string subject;      // "" = not named
  std::string tenant;       // "" = not named
  std::string traceparent;  // valid, or ""
  std::optional<absl::Time> time;
};

// What the headers say; none at all are fine. INVALID_ARGUMENT with reason
// UNSUPPORTED_CONTENT_TYPE, REPEATED_HEADER, MISSING_HEADER, BAD_HEADER, INVALID_ATTRIBUTE_NAME or
// UNSUPPORTED_VERSION.
absl::StatusOr<CloudEvent> ReadHeaders(const bus::Record& record);

// What a CloudEvent in JSON says, laid over `event`. INVALID_ARGUMENT with reason BAD_CLOUDEVENT,
// INVALID_ATTRIBUTE_NAME, UNSUPPORTED_VERSION or UNSUPPORTED_CONTENT_TYPE.
absl::Status ReadStructured(const nlohmann::json& document, CloudEvent* event);

// As the services accept tenants from callers: 1 to 63 of a-z, 0-9 and '-' inside.
bool IsTenant(absl::string_view text);

}  // namespace watchbell::tickets
