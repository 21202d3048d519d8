#include "services/tickets/alert_payload.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/blank.h"
#include "common/base/status_macros.h"
#include "services/tickets/alert_severity.h"
#include "services/tickets/json_text.h"

namespace watchbell::tickets {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxTitle = 200;  // characters
constexpr size_t kMaxKey = 255;    // bytes of an alert_key
constexpr char kKeyField[] = "alert_key";

void Refuse(const Fault& fault, ParsedAlert* parsed) {
  parsed->error = fault.text;
  parsed->error_path = fault.path;
}

// Label sets: nothing, or why they are bad.
Fault ReadLabels(const Json& object, const std::string& path, Labels* labels) {
  if (!object.is_object()) return Fault("WRONG_TYPE", absl::StrCat(path, " is no object"), path);
  if (object.size() > kMaxLabels) {
    return Fault("TOO_MANY_LABELS", absl::StrCat(path, " has more than ", kMaxLabels), path);
  }
  for (const auto& [name, value] : object.items()) {
    const auto said = [&path, &label = name] {
      return absl::StrCat(path, "/", Shown(Step(label)));
    };
    if (name.size() > kMaxLabelName)
      return Fault("FIELD_TOO_LARGE", absl::StrCat("the name of ", said()), path);
    const std::string where = absl::StrCat(path, "/", Step(name));
    if (!value.is_string()) {
      return Fault("WRONG_TYPE", absl::StrCat(said(), " is no string"), where);
    }
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMaxLabelValue) {
      return Fault("FIELD_TOO_LARGE",
                   absl::StrCat(said(), " has more than ", kMaxLabelValue, " bytes"), where);
    }
    if (!text.empty()) labels->emplace(name, text);
  }
  return {};
}

std::string LabelOf(const Labels& labels, const char* name) {
  const auto it = labels.find(name);
  return it == labels.end() ? "" : it->second;
}

std::string ConfigItem(const Labels& labels) {
  for (const char* name : {"instance", "pod", "service", "host"}) {
    if (std::string value = LabelOf(labels, name); !value.empty()) return OneLine(value, 256);
  }
  return "";
}

// What stands in for a title: what is left of `text` on one line, never only blanks.
std::string TitleOr(absl::string_view text, std::string other) {
  std::string title = OneLine(text, kMaxTitle);
  return IsBlank(title) ? std::move(other) : std::move(title);
}

void Describe(const Json& alert, ParsedAlert* parsed) {
  const auto it = alert.find("annotations");
  const Json annotations = it != alert.end() && it->is_object() ? *it : Json::object();
  parsed->summary = TitleOr(TextAt(annotations, "summary"),
                            TitleOr(LabelOf(parsed->labels, "alertname"), "Alert without a name"));
  std::vector<std::string> parts;
  if (std::string text = TextAt(alert, "description"); !text.empty())
    parts.push_back(std::move(text));
  for (const char* name : {"description", "runbook_url"}) {
    if (std::string text = TextAt(annotations, name); !text.empty())
      parts.push_back(std::move(text));
  }
  if (std::string url = TextAt(alert, "generatorURL"); !url.empty())
    parts.push_back(std::move(url));
  parts.push_back(absl::StrJoin(parsed->labels, "\n", absl::PairFormatter("=")));
  parsed->description = absl::StrJoin(parts, "\n\n");
}

void SetSeverity(absl::string_view label, ParsedAlert* parsed) {
  const Severity severity = SeverityOf(label);
  parsed->impact = severity.impact;
  parsed->urgency = severity.urgency;
}

// Its status, if it carries one.
void ReadStatus(const Json& alert, ParsedAlert* parsed) {
  const std::string status = TextAt(alert, "status");
  if (status != "firing" && status != "resolved") {
    const std::string path = absl::StrCat(parsed->path, "/status");
    Refuse(Fault("UNKNOWN_ENUM", absl::StrCat(path, " is neither firing nor resolved"), path),
           parsed);
  }
  parsed->firing = status == "firing";
}

// What both of Alertmanager's forms say alike.
void ReadLabelled(const Json& alert, const Labels& group, ParsedAlert* parsed) {
  const std::string labels_path = absl::StrCat(parsed->path, "/labels");
  const auto labels = alert.find("labels");
  if (labels == alert.end()) {
    Refuse(Fault("MISSING_FIELD", labels_path, labels_path), parsed);
    return;
  }
  Refuse(ReadLabels(*labels, labels_path, &parsed->labels), parsed);
  if (!parsed->error.empty()) return;
  if (parsed->labels.empty()) {
    Refuse(Fault("EMPTY_LABELS", absl::StrCat(labels_path, " would make every such alert one"),
                 labels_path),
           parsed);
    return;
  }
  parsed->identity = parsed->labels;
  parsed->group_labels = group;
  if (group.empty()) {
    const std::string name = LabelOf(parsed->labels, "alertname");
    parsed->group_labels = name.empty() ? parsed->labels : Labels{{"alertname", name}};
  }
  SetSeverity(LabelOf(parsed->labels, "severity"), parsed);
  parsed->config_item = ConfigItem(parsed->labels);
  parsed->starts_at = TimeOf(TextAt(alert, "startsAt"));
  parsed->ends_at = TimeOf(TextAt(alert, "endsAt"));
  Describe(alert, parsed);
}

// The alerts in `array`, each read by `read`. A name that comes twice within an alert makes only
// that one bad.
template <typename Read>
absl::StatusOr<std::vector<ParsedAlert>> ReadEach(const JsonText& text, const Json& array,
                                                  const std::string& path, Read read) {
  if (array.size() > kMaxAlerts) {
    return BadPayload(Fault("TOO_MANY_ALERTS",
                            absl::StrCat(path, " has more than ", kMaxAlerts, " alerts"), path));
  }
  std::vector<ParsedAlert> alerts;
  alerts.reserve(array.size());
  std::map<std::string, std::string> twice = text.twice;
  for (const Json& alert : array) {
    ParsedAlert parsed;
    parsed.path = absl::StrCat(path, "/", alerts.size());
    if (const auto name = twice.extract(parsed.path); !name.empty()) {
      Refuse(Fault("DUPLICATE_KEY",
                   absl::StrCat("\"", Shown(name.mapped()), "\" comes twice in ", parsed.path),
                   parsed.path),
             &parsed);
    } else if (!alert.is_object()) {
      Refuse(Fault("WRONG_TYPE", absl::StrCat(parsed.path, " is no object"), parsed.path), &parsed);
    } else {
      read(alert, &parsed);
    }
    alerts.push_back(std::move(parsed));
  }
  // What is left lies outside the alerts: nobody knows what the sender meant.
  if (!twice.empty()) {
    return BadPayload(
        Fault("DUPLICATE_KEY", absl::StrCat("\"", Shown(twice.begin()->second), "\" comes twice")));
  }
  return alerts;
}

absl::StatusOr<std::vector<ParsedAlert>> ReadWebhook(const JsonText& text, const Json& body,
                                                     const std::string& path) {
  const auto version = body.find("version");
  if (version != body.end() && *version != "4" && *version != 4) {
    return BadPayload(Fault("UNSUPPORTED_VERSION", "only version 4 of the webhook format is known",
                            absl::StrCat(path, "/version")));
  }
  const std::string alerts_path = absl::StrCat(path, "/alerts");
  const auto alerts = body.find("alerts");
  if (alerts == body.end()) return BadPayload(Fault("MISSING_FIELD", alerts_path, alerts_path));
  if (!alerts->is_array()) {
    return BadPayload(
        Fault("WRONG_TYPE", absl::StrCat(alerts_path, " must be an array"), alerts_path));
  }
  Labels group;
  if (const auto it = body.find("groupLabels"); it != body.end() && !it->is_null()) {
    const Fault fault = ReadLabels(*it, absl::StrCat(path, "/groupLabels"), &group);
    if (!fault.text.empty()) return BadPayload(fault);
  }
  return ReadEach(text, *alerts, alerts_path, [&](const Json& alert, ParsedAlert* parsed) {
    ReadStatus(alert, parsed);
    if (parsed->error.empty()) ReadLabelled(alert, group, parsed);
  });
}

absl::StatusOr<std::vector<ParsedAlert>> ReadArray(const JsonText& text, const Json& body,
                                                   const std::string& path, absl::Time sent_at) {
  return ReadEach(text, body, path, [&](const Json& alert, ParsedAlert* parsed) {
    ReadLabelled(alert, {}, parsed);
    parsed->firing = !parsed->ends_at.has_value() || *parsed->ends_at > sent_at;
  });
}

// {"alert_key", "status", "title", "severity", "labels"}: the key alone is who it is.
void ReadKeyed(const Json& body, const Sending& sending, ParsedAlert* parsed) {
  const std::string key = TextAt(body, kKeyField);
  const std::string key_path = absl::StrCat(parsed->path, "/", kKeyField);
  if (key.empty()) {
    Refuse(Fault("WRONG_TYPE", absl::StrCat(key_path, " is no text, or empty"), key_path), parsed);
  } else if (key.size() > kMaxKey) {
    Refuse(Fault("FIELD_TOO_LARGE", absl::StrCat(key_path, " has more than ", kMaxKey, " bytes"),
                 key_path),
           parsed);
  } else {
    ReadStatus(body, parsed);
  }
  if (!parsed->error.empty()) return;
  if (const auto labels = body.find("labels"); labels != body.end() && !labels->is_null()) {
    Refuse(ReadLabels(*labels, absl::StrCat(parsed->path, "/labels"), &parsed->labels), parsed);
    if (!parsed->error.empty()) return;
  }
  parsed->identity = {{kKeyField, key}};
  parsed->group_labels = parsed->identity;
  SetSeverity(TextAt(body, "severity"), parsed);
  parsed->config_item = OneLine(sending.subject, 256);
  if (parsed->config_item.empty()) parsed->config_item = ConfigItem(parsed->labels);
  parsed->start_is_sending = true;
  parsed->starts_at = parsed->firing ? sending.dated : std::nullopt;
  parsed->ends_at = parsed->firing ? std::nullopt : sending.dated;
  Describe(body, parsed);
  parsed->summary = TitleOr(TextAt(body, "title"), TitleOr(key, "Alert without a name"));
}

}  // namespace

absl::StatusOr<std::vector<ParsedAlert>> ParseAlertmanager(absl::string_view payload,
                                                           absl::Time sent_at) {
  ASSIGN_OR_RETURN(const JsonText text, ParseJsonText(payload));
  if (text.document.is_array()) return ReadArray(text, text.document, "", sent_at);
  if (text.document.is_object()) return ReadWebhook(text, text.document, "");
  return BadPayload(Fault("WRONG_TYPE", "must be a JSON object or array"));
}

absl::StatusOr<std::vector<ParsedAlert>> ReadAlerts(const JsonText& text, const Json& body,
                                                    const std::string& path,
                                                    const Sending& sending) {
  if (body.is_array()) return ReadArray(text, body, path, sending.sent_at);
  if (body.is_object() && body.contains("alerts")) return ReadWebhook(text, body, path);
  if (body.is_object() && body.contains(kKeyField)) {
    if (!text.twice.empty()) {
      return BadPayload(Fault("DUPLICATE_KEY", absl::StrCat("\"", Shown(text.twice.begin()->second),
                                                            "\" comes twice")));
    }
    std::vector<ParsedAlert> alerts(1);
    alerts[0].path = path;
    ReadKeyed(body, sending, &alerts[0]);
    return alerts;
  }
  return BadPayload(Fault(
      "NO_ALERT",
      absl::StrCat(path, path.empty() ? "" : " ",
                   "is no array of alerts and has neither \"alerts\" nor \"", kKeyField, "\""),
      path));
}

}  // namespace watchbell::tickets
