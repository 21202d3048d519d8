// Reads what monitoring systems send into alerts: Alertmanager's webhook (version 4), the array its
// API takes (version 2), and one alert under a key of its source's own. Good alerts of a partly bad
// payload are kept, each bad one is named by its JSON Pointer. Nothing is guessed: an unknown
// status is bad, a bad time becomes "not known".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"
#include "services/tickets/fingerprint.h"
#include "watchbell/tickets/v1/ticket.pb.h"

namespace watchbell::tickets {

struct JsonText;

inline constexpr size_t kMaxAlerts = 10'000;  // in one payload
// Limits of one alert.
inline constexpr size_t kMaxLabels = 100;
inline constexpr size_t kMaxLabelName = 256;    // bytes
inline constexpr size_t kMaxLabelValue = 4096;  // bytes

struct ParsedAlert {
  std::string path;        // JSON Pointer, "/alerts/3"
  std::string error;       // "REASON: sentence" of a bad one; nothing else is set then
  std::string error_path;  // JSON Pointer of what is bad about it

  bool firing = false;
  Labels labels;        // without empty values
  Labels identity;      // what makes its fingerprint; never empty
  Labels group_labels;  // what it shares a ticket with; never empty
  std::string summary;  // one line, 1 to 200 characters
  std::string description;
  v1::Impact impact = v1::IMPACT_UNSPECIFIED;  // from the severity
  v1::Urgency urgency = v1::URGENCY_UNSPECIFIED;
  std::string config_item;  // what it is about, "" if nothing says
  std::optional<absl::Time> starts_at;
  std::optional<absl::Time> ends_at;
  // The source names no start: starts_at is when it sent this, and it may have fired before.
  bool start_is_sending = false;
};

// What is known of a payload beside its text.
struct Sending {
  // The alerts of the version 2 array carry no status: they are over if they end by then.
  absl::Time sent_at = absl::InfinitePast();
  std::optional<absl::Time> dated;  // when the source says it sent it
  std::string subject;              // what it is about, "" if not known
};

// The webhook or the array. INVALID_ARGUMENT naming `payload`, described as "REASON: sentence", if
// it is no such payload at all. The envelope's status is not looked at: the alert's own decides.
absl::StatusOr<std::vector<ParsedAlert>> ParseAlertmanager(
    absl::string_view payload, absl::Time sent_at = absl::InfinitePast());

// Any of the three: `body` at the JSON Pointer `path` of `text`. Errors as above.
absl::StatusOr<std::vector<ParsedAlert>> ReadAlerts(const JsonText& text,
                                                    const nlohmann::json& body,
                                                    const std::string& path,
                                                    const Sending& sending);

}  // namespace watchbell::tickets
