// Reads Alertmanager's webhook payload (version 4) into alerts. Good alerts of a partly bad payload
// are kept, each bad one is named by its JSON Pointer. Nothing is guessed: an unknown status is
// bad, a bad time becomes "not known".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/tickets/fingerprint.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::tickets {

// Limits of one alert.
inline constexpr size_t kMaxLabels = 100;
inline constexpr size_t kMaxLabelName = 256;    // bytes
inline constexpr size_t kMaxLabelValue = 4096;  // bytes
inline constexpr int kMaxDepth = 32;            // of the JSON

struct ParsedAlert {
  std::string path;   // JSON Pointer, "/alerts/3"
  std::string error;  // "REASON: sentence" of a bad one; nothing else is set then

  bool firing = false;
  Labels labels;        // without empty values
  Labels group_labels;  // what it shares a ticket with; never empty
  std::string summary;  // one line, 1 to 200 characters
  std::string description;
  v1::Impact impact = v1::IMPACT_UNSPECIFIED;  // from the severity
  v1::Urgency urgency = v1::URGENCY_UNSPECIFIED;
  std::string config_item;  // what it is about, "" if no label says
  std::optional<absl::Time> starts_at;
  std::optional<absl::Time> ends_at;
};

// INVALID_ARGUMENT naming `payload` if it is no such payload at all. The envelope's status is not
// looked at: the alert's own decides.
absl::StatusOr<std::vector<ParsedAlert>> ParseAlertmanager(absl::string_view payload);

}  // namespace watchbell::tickets
