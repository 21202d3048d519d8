#include "services/tickets/raw_alert.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/errors.h"
#include "common/base/payload_path.h"
#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "services/tickets/cloud_event.h"
#include "services/tickets/json_text.h"

namespace watchbell::tickets {
namespace {

using Json = nlohmann::json;

constexpr char kTenantKey[] = "alerts.raw.tenant";
constexpr char kNoIntegration[] = "raw";
constexpr char kSpecVersion[] = "specversion";
constexpr size_t kMaxPayload = 1024 * 1024;  // bytes; the same as by rpc
constexpr int kMaxNamed = 20;                // bad alerts named in one reason

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return WithReason(absl::StatusCode::kInvalidArgument, reason, message);
}

// "REASON: sentence" as an error with that reason.
absl::Status BadFault(absl::string_view fault, absl::string_view before = "") {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(fault, absl::MaxSplits(": ", 1));
  return Bad(parts.first, absl::StrCat(before, parts.second));
}

// The error of a payload, with its reason where a dead letter shows it.
absl::Status WithItsReason(const absl::Status& status) {
  const std::vector<FieldViolation> violations = FieldViolations(status);
  return violations.empty() ? status : AtPath(BadFault(violations[0].description), PathOf(status));
}

absl::StatusOr<std::vector<ParsedAlert>> ReadBase64(const Json& data, const std::string& path,
                                                    const Sending& sending) {
  std::string decoded;
  if (!data.is_string() || !absl::Base64Unescape(data.get_ref<const std::string&>(), &decoded)) {
    return BadPayload(Fault("BAD_CLOUDEVENT", absl::StrCat(path, " is no base64"), path));
  }
  ASSIGN_OR_RETURN(const JsonText inner, ParseJsonText(decoded));
  return ReadAlerts(inner, inner.document, "", sending);
}

absl::StatusOr<std::vector<ParsedAlert>> ReadBody(const JsonText& text,
                                                  const state::v1::RawAlerts& raw,
                                                  const Sending& sending) {
  if (!raw.structured()) return ReadAlerts(text, text.document, "", sending);
  const auto base64 = text.document.find("data_base64");
  if (base64 != text.document.end()) return ReadBase64(*base64, "/data_base64", sending);
  return ReadAlerts(text, text.document.at("data"), "/data", sending);
}

// OK, or what is bad about some of them: the first one's reason and path, and all in words.
absl::Status BadPart(const std::vector<ParsedAlert>& alerts) {
  const auto bad = [](const ParsedAlert& alert) { return !alert.error.empty(); };
  const auto count = std::count_if(alerts.begin(), alerts.end(), bad);
  if (count == 0) return absl::OkStatus();
  const ParsedAlert& first = *std::find_if(alerts.begin(), alerts.end(), bad);
  std::string others;
  int named = 0;
  for (const ParsedAlert& alert : alerts) {
    if (!bad(alert) || &alert == &first || ++named >= kMaxNamed) continue;
    absl::StrAppend(&others, "; ", alert.error);
  }
  if (count > kMaxNamed) absl::StrAppend(&others, "; and ", count - kMaxNamed, " more");
  const absl::Status status =
      BadFault(first.error, absl::StrCat(count, " of ", alerts.size(), " alerts bad: "));
  return AtPath(Bad(ErrorReason(status), absl::StrCat(status.message(), others)), first.error_path);
}

std::shared_ptr<state::v1::RawAlerts> MakeRaw(const bus::Record& record, const CloudEvent& event) {
  auto raw = std::make_shared<state::v1::RawAlerts>();
  raw->set_payload(record.value);
  raw->set_structured(event.mode == CloudEvent::Mode::kStructured);
  raw->set_integration(event.source.empty() ? kNoIntegration : event.source);
  raw->set_subject(event.subject);
  if (event.time.has_value()) {
    *raw->mutable_sent_at() = ToProto(*event.time);
  } else if (record.written_at.has_value() && *record.written_at > absl::UnixEpoch()) {
    *raw->mutable_sent_at() = ToProto(*record.written_at);
  }
  return raw;
}

Sending SendingOf(const state::v1::RawAlerts& raw, absl::Time now) {
  Sending sending;
  sending.subject = raw.subject();
  sending.sent_at = now;
  if (raw.has_sent_at()) {
    sending.dated = FromProto(raw.sent_at());
    sending.sent_at = std::min(*sending.dated, now);
  }
  return sending;
}

}  // namespace

std::vector<config::Key> RawAlertKeys() {
  return {{kTenantKey, "default", "tenant of alerts on the raw topic that name none"}};
}

std::string RawAlertTenant(const config::Config& config) { return config.Get(kTenantKey); }

absl::Status CheckRawAlertTenant(const config::Config& config) {
  const std::string tenant = RawAlertTenant(config);
  if (IsTenant(tenant)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      kTenantKey, " must be 1 to 63 of a-z, 0-9 and '-' inside, not \"", tenant, "\""));
}

absl::StatusOr<engine::RawInput> ReadRawAlert(const bus::Record& record,
                                              const std::string& default_tenant) {
  if (record.null_value) return Bad("NO_VALUE", "the record has no value");
  if (record.value.size() > kMaxPayload) {
    return Bad("PAYLOAD_TOO_LARGE", absl::StrCat("has more than ", kMaxPayload, " bytes"));
  }
  ASSIGN_OR_RETURN(CloudEvent event, ReadHeaders(record));
  const absl::StatusOr<JsonText> text = ParseJsonText(record.value);
  if (!text.ok()) return WithItsReason(text.status());
  const Json& document = text->document;
  if (event.mode == CloudEvent::Mode::kUnknown && document.is_object() &&
      document.contains(kSpecVersion)) {
    event.mode = CloudEvent::Mode::kStructured;
  }
  if (event.mode == CloudEvent::Mode::kStructured) {
    RETURN_IF_ERROR(ReadStructured(document, &event));
  }
  engine::RawInput input;
  input.identity.tenant = event.tenant.empty() ? default_tenant : event.tenant;
  if (!IsTenant(input.identity.tenant)) {
    return Bad("BAD_TENANT", absl::StrCat(kTenantKey, " must be 1 to 63 of a-z, 0-9 and '-'"));
  }
  const auto raw = MakeRaw(record, event);
  const absl::StatusOr<std::vector<ParsedAlert>> alerts =
      ReadBody(*text, *raw, SendingOf(*raw, absl::InfinitePast()));
  if (!alerts.ok()) return WithItsReason(alerts.status());
  input.bad_part = BadPart(*alerts);
  const bool any_good = std::any_of(alerts->begin(), alerts->end(),
                                    [](const ParsedAlert& alert) { return alert.error.empty(); });
  if (!input.bad_part.ok() && !any_good) return input.bad_part;
  input.identity.subject = absl::StrCat("monitoring:", raw->integration());
  input.traceparent = event.traceparent;
  input.message = raw;
  return input;
}

absl::StatusOr<std::vector<ParsedAlert>> ParseRawAlerts(const state::v1::RawAlerts& raw,
                                                        absl::Time now) {
  ASSIGN_OR_RETURN(const JsonText text, ParseJsonText(raw.payload()));
  return ReadBody(text, raw, SendingOf(raw, now));
}

}  // namespace watchbell::tickets
