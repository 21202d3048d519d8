// Records as strangers put them on the raw alert topic.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "protos/watchbell/events/v1/topics.h"
#include "services/tickets/raw_alert.h"

namespace watchbell::tickets {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr char kAlert[] =
    R"({"status":"firing","labels":{"alertname":"Disk","host":"a"},"startsAt":"2025-12-31T23:00:00Z"})";
inline constexpr char kTrace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
inline constexpr char kOtherTrace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

inline std::string Webhook(const std::string& alerts = kAlert) {
  return absl::StrCat(R"({"version":"4","alerts":[)", alerts, "]}");
}
inline std::string Array(const std::string& ends = "") {
  return absl::StrCat(
      R"([{"labels":{"alertname":"Disk","host":"a"},"startsAt":"2025-12-31T23:00:00Z","endsAt":")",
      ends, "\"}]");
}
inline std::string Keyed(const std::string& status = "firing") {
  return absl::StrCat(
      R"({"alert_key":"rack-14/pdu-b","title":"PDU B at 97%","severity":"critical",)",
      R"("status":")", status, R"(","labels":{"rack":"14"}})");
}

inline bus::Record Record(const std::string& value, Headers headers = {}) {
  bus::Record record;
  record.topic = events::kRawAlertsTopic;
  record.offset = 7;
  record.headers = std::move(headers);
  record.value = value;
  return record;
}

// Headers of a good event in binary mode, then more.
inline Headers Binary(Headers more = {}) {
  Headers headers = {{"ce_specversion", "1.0"},
                     {"ce_id", "1"},
                     {"ce_source", "//prom/fra"},
                     {"ce_type", "alert.v1"}};
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

// A good event in structured mode around `data`, then more members.
inline std::string Structured(const std::string& data, const std::string& more = "") {
  return absl::StrCat(R"({"specversion":"1.0","id":"1","source":"//prom/fra","type":"alert.v1")",
                      more, data, "}");
}
inline std::string Data(const std::string& body) { return absl::StrCat(R"(,"data":)", body); }
inline const Headers kStructured = {
    {"content-type", "application/cloudevents+json; charset=UTF-8"}};

inline absl::StatusOr<engine::RawInput> Read(const bus::Record& record) {
  return ReadRawAlert(record, "default");
}
inline const state::v1::RawAlerts& RawOf(const engine::RawInput& input) {
  return static_cast<const state::v1::RawAlerts&>(*input.message);
}
// "" if it is taken whole.
inline std::string ReasonOf(const bus::Record& record) {
  const auto input = Read(record);
  return ErrorReason(input.ok() ? input->bad_part : input.status());
}

}  // namespace watchbell::tickets
