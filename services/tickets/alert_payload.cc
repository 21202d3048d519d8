#include "services/tickets/alert_payload.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/time/rfc3339.h"
#include "nlohmann/json.hpp"
#include "services/tickets/alert_severity.h"

namespace watchbell::tickets {
namespace {

using Json = nlohmann::json;

constexpr char kField[] = "payload";
constexpr size_t kMaxTitle = 200;  // characters

// Watches the parser for what the finished document no longer shows: nesting too deep, names that
// come twice.
class Watcher {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& value) {
    if (depth > kMaxDepth) too_deep_ = true;
    const bool begins = event == Json::parse_event_t::object_start ||
                        event == Json::parse_event_t::array_start ||
                        event == Json::parse_event_t::value;
    if (in_alerts_ && depth == 2 && begins) ++alert_;
    switch (event) {
      case Json::parse_event_t::object_start:
        names_.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        if (!names_.empty()) names_.pop_back();
        break;
      case Json::parse_event_t::array_end:
        if (depth == 1) in_alerts_ = false;
        break;
      case Json::parse_event_t::key: {
        const std::string& name = value.get_ref<const std::string&>();
        if (names_.size() == 1) in_alerts_ = name == "alerts";
        if (!names_.empty() && !names_.back().insert(name).second) {
          (in_alerts_ && names_.size() > 1 ? bad_alerts_[alert_] : twice_) = name;
        }
        break;
      }
      default:
        break;
    }
    return !too_deep_;
  }

  bool too_deep() const { return too_deep_; }
  // A name that comes twice outside the alerts.
  const std::string& twice() const { return twice_; }
  // By index of the alert: a name that comes twice in it.
  const std::map<int, std::string>& bad_alerts() const { return bad_alerts_; }

 private:
  bool too_deep_ = false;
  bool in_alerts_ = false;
  int alert_ = -1;
  std::vector<std::set<std::string>> names_;
  std::string twice_;
  std::map<int, std::string> bad_alerts_;
};

absl::Status BadPayload(absl::string_view reason, absl::string_view why) {
  return InvalidField(kField, absl::StrCat(reason, ": ", why));
}

// The sentence in "[json.exception.parse_error.101] parse error at line 1, column 2: <why>; last
// read: '<input>'". The input is left out: it may be long, and no UTF-8.
absl::string_view ReasonOf(absl::string_view what) {
  const size_t begin = what.find("] ");
  if (begin != absl::string_view::npos) what.remove_prefix(begin + 2);
  return what.substr(0, what.find("; last read"));
}

// Throws nothing: the library's exceptions end here.
absl::StatusOr<Json> ParseJson(absl::string_view text, Watcher* watcher) {
  try {
    return Json::parse(text.begin(), text.end(), std::ref(*watcher));
  } catch (const Json::exception& error) {
    const absl::string_view why = ReasonOf(error.what());
    return BadPayload(absl::StrContains(why, "UTF-8") ? "INVALID_UTF8" : "MALFORMED_JSON", why);
  }
}

// A name as a step of a JSON Pointer.
std::string Step(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"~", "~0"}, {"/", "~1"}});
}

std::string TextAt(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// Absent, zero (Alertmanager's year 1) and unreadable times are all "not known".
std::optional<absl::Time> TimeAt(const Json& object, const char* name) {
  constexpr int64_t kYearTwo = -62'104'060'800;
  const std::optional<absl::Time> time = ParseRfc3339(TextAt(object, name));
  return time.has_value() && absl::ToUnixSeconds(*time) >= kYearTwo ? time : std::nullopt;
}

// Label sets: "" or why they are bad.
std::string ReadLabels(const Json& object, const std::string& path, Labels* labels) {
  if (!object.is_object()) return absl::StrCat("WRONG_TYPE: ", path, " is no object");
  if (object.size() > kMaxLabels) {
    return absl::StrCat("TOO_MANY_LABELS: ", path, " has more than ", kMaxLabels);
  }
  for (const auto& [name, value] : object.items()) {
    const std::string where = absl::StrCat(path, "/", Step(name.substr(0, kMaxLabelName)));
    if (name.size() > kMaxLabelName) return absl::StrCat("FIELD_TOO_LARGE: the name of ", where);
    if (!value.is_string()) return absl::StrCat("WRONG_TYPE: ", where, " is no string");
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMaxLabelValue) {
      return absl::StrCat("FIELD_TOO_LARGE: ", where, " has more than ", kMaxLabelValue, " bytes");
    }
    if (!text.empty()) labels->emplace(name, text);
  }
  return "";
}

// At most `characters` code points of UTF-8, as one line.
std::string OneLine(absl::string_view text, size_t characters) {
  std::string line;
  size_t count = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && ++count > characters) break;
    line.push_back(absl::ascii_iscntrl(static_cast<unsigned char>(c)) ? ' ' : c);
  }
  return std::string(absl::StripAsciiWhitespace(line));
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

void Describe(const Json& alert, ParsedAlert* parsed) {
  const auto it = alert.find("annotations");
  const Json annotations = it != alert.end() && it->is_object() ? *it : Json::object();
  parsed->summary = OneLine(TextAt(annotations, "summary"), kMaxTitle);
  if (parsed->summary.empty()) {
    parsed->summary = OneLine(LabelOf(parsed->labels, "alertname"), kMaxTitle);
  }
  if (parsed->summary.empty()) parsed->summary = "Alert without a name";
  std::vector<std::string> parts;
  for (const char* name : {"description", "runbook_url"}) {
    if (std::string text = TextAt(annotations, name); !text.empty())
      parts.push_back(std::move(text));
  }
  if (std::string url = TextAt(alert, "generatorURL"); !url.empty())
    parts.push_back(std::move(url));
  parts.push_back(absl::StrJoin(parsed->labels, "\n", absl::PairFormatter("=")));
  parsed->description = absl::StrJoin(parts, "\n\n");
}

void ReadAlert(const Json& alert, const Labels& group, ParsedAlert* parsed) {
  if (!alert.is_object()) {
    parsed->error = absl::StrCat("WRONG_TYPE: ", parsed->path, " is no object");
    return;
  }
  const std::string status = TextAt(alert, "status");
  if (status != "firing" && status != "resolved") {
    parsed->error =
        absl::StrCat("UNKNOWN_ENUM: ", parsed->path, "/status is neither firing nor resolved");
    return;
  }
  const std::string labels_path = absl::StrCat(parsed->path, "/labels");
  const auto labels = alert.find("labels");
  if (labels == alert.end()) {
    parsed->error = absl::StrCat("MISSING_FIELD: ", labels_path);
    return;
  }
  parsed->error = ReadLabels(*labels, labels_path, &parsed->labels);
  if (!parsed->error.empty()) return;
  if (parsed->labels.empty()) {
    parsed->error = absl::StrCat("EMPTY_LABELS: ", labels_path, " would make every such alert one");
    return;
  }
  parsed->firing = status == "firing";
  parsed->group_labels = group;
  if (group.empty()) {
    const std::string name = LabelOf(parsed->labels, "alertname");
    parsed->group_labels = name.empty() ? parsed->labels : Labels{{"alertname", name}};
  }
  const Severity severity = SeverityOf(LabelOf(parsed->labels, "severity"));
  parsed->impact = severity.impact;
  parsed->urgency = severity.urgency;
  parsed->config_item = ConfigItem(parsed->labels);
  parsed->starts_at = TimeAt(alert, "startsAt");
  parsed->ends_at = TimeAt(alert, "endsAt");
  Describe(alert, parsed);
}

absl::Status CheckEnvelope(const Json& document) {
  if (!document.is_object()) return BadPayload("WRONG_TYPE", "must be a JSON object");
  const auto version = document.find("version");
  if (version != document.end() && *version != "4" && *version != 4) {
    return BadPayload("UNSUPPORTED_VERSION", "only version 4 of the webhook format is known");
  }
  const auto alerts = document.find("alerts");
  if (alerts == document.end()) return BadPayload("MISSING_FIELD", "/alerts");
  if (!alerts->is_array()) return BadPayload("WRONG_TYPE", "/alerts must be an array");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ParsedAlert>> ParseAlertmanager(absl::string_view payload) {
  if (absl::StripAsciiWhitespace(payload).empty()) return BadPayload("EMPTY_BODY", "is empty");
  Watcher watcher;
  const absl::StatusOr<Json> parsed = ParseJson(payload, &watcher);
  if (watcher.too_deep()) {
    return BadPayload("TOO_DEEP", absl::StrCat("is nested deeper than ", kMaxDepth));
  }
  if (!parsed.ok()) return parsed.status();
  if (!watcher.twice().empty()) {
    return BadPayload("DUPLICATE_KEY", absl::StrCat("\"", watcher.twice(), "\" comes twice"));
  }
  const Json& document = *parsed;
  RETURN_IF_ERROR(CheckEnvelope(document));
  Labels group;
  if (const auto it = document.find("groupLabels"); it != document.end() && !it->is_null()) {
    const std::string error = ReadLabels(*it, "/groupLabels", &group);
    if (!error.empty()) return InvalidField(kField, error);
  }
  std::vector<ParsedAlert> alerts;
  int index = -1;
  for (const Json& alert : document["alerts"]) {
    ParsedAlert& read = alerts.emplace_back();
    read.path = absl::StrCat("/alerts/", ++index);
    const auto twice = watcher.bad_alerts().find(index);
    if (twice != watcher.bad_alerts().end()) {
      read.error =
          absl::StrCat("DUPLICATE_KEY: \"", twice->second, "\" comes twice in ", read.path);
    } else {
      ReadAlert(alert, group, &read);
    }
  }
  return alerts;
}

}  // namespace watchbell::tickets
