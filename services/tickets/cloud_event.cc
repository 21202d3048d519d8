#include "services/tickets/cloud_event.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/errors.h"
#include "common/base/payload_path.h"
#include "common/base/status_macros.h"
#include "common/telemetry/trace.h"
#include "services/tickets/json_text.h"

namespace watchbell::tickets {
namespace {

using Json = nlohmann::json;
using Mode = CloudEvent::Mode;

constexpr size_t kMaxTenant = 63;
constexpr size_t kMaxSource = 200;  // bytes: it is part of keys

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return WithReason(absl::StatusCode::kInvalidArgument, reason, message);
}

// Of what has this name in the document; `message` goes on after its JSON Pointer.
absl::Status BadAt(absl::string_view reason, absl::string_view name, absl::string_view message) {
  const std::string step = Step(name);
  return AtPath(Bad(reason, absl::StrCat("/", Shown(step), message)), absl::StrCat("/", step));
}

bool IsAttributeName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c);
  });
}

// A URI reference, so ASCII without spaces.
bool IsSource(absl::string_view text) {
  return text.size() <= kMaxSource && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isgraph(static_cast<unsigned char>(c));
         });
}

bool IsAttributeText(absl::string_view text) {
  return IsUtf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

// "application/json; charset=utf-8" to "application/json"; "" if it names a charset we do not read.
std::string MediaType(absl::string_view content_type) {
  const std::vector<std::string> parts = absl::StrSplit(absl::AsciiStrToLower(content_type), ';');
  for (size_t i = 1; i < parts.size(); ++i) {
    absl::string_view parameter = absl::StripAsciiWhitespace(parts[i]);
    if (!absl::ConsumePrefix(&parameter, "charset=")) continue;
    absl::ConsumePrefix(&parameter, "\"");
    absl::ConsumeSuffix(&parameter, "\"");
    if (parameter != "utf-8" && parameter != "utf8" && parameter != "us-ascii") return "";
  }
  return std::string(absl::StripAsciiWhitespace(parts[0]));
}

// Types that make no claim against JSON are read as JSON.
bool MayBeJson(absl::string_view type) {
  return type == "application/json" || type == "text/json" || type == "text/plain" ||
         type == "application/octet-stream" || absl::EndsWith(type, "+json");
}

absl::Status ReadContentType(const std::string& value, CloudEvent* event) {
  const std::string type = MediaType(value);
  if (absl::StartsWith(type, "application/cloudevents")) {
    event->mode = Mode::kStructured;
    if (type == "application/cloudevents" || type == "application/cloudevents+json") {
      return absl::OkStatus();
    }
  } else if (MayBeJson(type)) {
    return absl::OkStatus();
  }
  return Bad("UNSUPPORTED_CONTENT_TYPE", "header content-type: only JSON in UTF-8 is understood");
}

// One attribute, wherever it stood. "" or what is wrong with it.
absl::string_view Take(absl::string_view name, const std::string& value, CloudEvent* event) {
  if (name == "source") {
    if (!IsSource(value)) return "is no URI reference of at most 200 characters";
    event->source = value;
  } else if (name == "subject") {
    event->subject = value;
  } else if (name == "tenant") {
    if (!IsTenant(value)) return "must be 1 to 63 of a-z, 0-9 and '-' inside";
    event->tenant = value;
  } else if (name == "time") {
    // An alert matters more than its clock: a bad time is not known.
    event->time = TimeOf(value);
  } else if (name == "traceparent") {
    // A trace that cannot be read is no trace (W3C).
    if (telemetry::IsTraceparent(value)) event->traceparent = value;
  }
  return "";
}

bool IsRequired(absl::string_view name) {
  return name == "id" || name == "source" || name == "type";
}

struct Attributes {
  std::set<std::string> names;
  std::string version;
};

// Attribute headers begin with "ce_".
absl::Status ReadAttributeHeader(absl::string_view header, const std::string& value,
                                 Attributes* seen, CloudEvent* event) {
  const absl::string_view name = absl::StripPrefix(header, "ce_");
  if (!IsAttributeName(name)) {
    return Bad("INVALID_ATTRIBUTE_NAME",
               "a header that begins with ce_ goes on with other than a-z and 0-9");
  }
  if (!seen->names.emplace(name).second) {
    return Bad("REPEATED_HEADER", absl::StrCat("header ", Shown(header), " stands twice"));
  }
  absl::string_view fault;
  if (!IsAttributeText(value)) {
    fault = "holds a control character or is no UTF-8";
  } else if (value.empty() && IsRequired(name)) {
    fault = "is empty";
  } else {
    fault = Take(name, value, event);
  }
  if (!fault.empty()) return Bad("BAD_HEADER", absl::StrCat("header ", Shown(header), " ", fault));
  if (name == "specversion") seen->version = value;
  return absl::OkStatus();
}

absl::Status CheckBinary(const Attributes& seen) {
  if (seen.version != "1.0") {
    return Bad("UNSUPPORTED_VERSION", "header ce_specversion: only CloudEvents 1.0 is understood");
  }
  for (const char* name : {"id", "source", "type"}) {
    if (seen.names.count(name) > 0) continue;
    return Bad("MISSING_HEADER", absl::StrCat("header ce_", name, " is missing"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsTenant(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxTenant && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

absl::StatusOr<CloudEvent> ReadHeaders(const bus::Record& record) {
  CloudEvent event;
  Attributes seen;
  int content_types = 0;
  std::string hop;  // the last hop's trace, should the event have none of its own
  int hops = 0;
  for (const auto& [header, value] : record.headers) {
    if (absl::EqualsIgnoreCase(header, "content-type")) {
      if (++content_types > 1) return Bad("REPEATED_HEADER", "header content-type stands twice");
      if (!value.empty()) RETURN_IF_ERROR(ReadContentType(value, &event));
    } else if (header == "traceparent") {
      ++hops;
      hop = value;
    } else if (absl::StartsWith(header, "ce_")) {
      RETURN_IF_ERROR(ReadAttributeHeader(header, value, &seen, &event));
    }
  }
  if (event.mode == Mode::kUnknown && seen.names.count("specversion") > 0) {
    event.mode = Mode::kBinary;
    RETURN_IF_ERROR(CheckBinary(seen));
  }
  if (event.traceparent.empty() && hops == 1 && telemetry::IsTraceparent(hop)) {
    event.traceparent = hop;
  }
  return event;
}

absl::Status ReadStructured(const Json& document, CloudEvent* event) {
  if (!document.is_object()) return Bad("BAD_CLOUDEVENT", "is no JSON object");
  const std::string version = TextAt(document, "specversion");
  if (version.empty()) return BadAt("BAD_CLOUDEVENT", "specversion", " is missing");
  if (version != "1.0") {
    return BadAt("UNSUPPORTED_VERSION", "specversion", ": only CloudEvents 1.0 is understood");
  }
  for (const auto& [name, value] : document.items()) {
    if (name == "data" || name == "data_base64") continue;
    if (!IsAttributeName(name)) {
      return BadAt("INVALID_ATTRIBUTE_NAME", name, " has other than a-z and 0-9 in its name");
    }
    if (!value.is_string()) continue;  // numbers and truth values mean nothing to us
    const auto& text = value.get_ref<const std::string&>();
    const absl::string_view fault =
        IsAttributeText(text) ? Take(name, text, event) : "holds a control character";
    if (!fault.empty()) return BadAt("BAD_CLOUDEVENT", name, absl::StrCat(" ", fault));
  }
  for (const char* name : {"id", "source", "type"}) {
    if (!TextAt(document, name).empty()) continue;
    return BadAt("BAD_CLOUDEVENT", name, " is missing, empty or no text");
  }
  const std::string type = TextAt(document, "datacontenttype");
  if (!type.empty() && !MayBeJson(MediaType(type))) {
    return BadAt("UNSUPPORTED_CONTENT_TYPE", "datacontenttype",
                 ": only JSON in UTF-8 is understood");
  }
  const bool data = document.contains("data");
  const bool base64 = document.contains("data_base64");
  if (data && base64) return Bad("BAD_CLOUDEVENT", "has both /data and /data_base64");
  if (!data && !base64) return Bad("NO_ALERT", "carries no data");
  return absl::OkStatus();
}

}  // namespace watchbell::tickets
