#include "services/watchbell/message_json.h"

#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "google/protobuf/descriptor.h"

namespace watchbell::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// Of the status's payload, which holds the lines themselves.
constexpr char kWhatFits[] = "watchbell.cli/what-fits";

// All but the first, which says "unspecified" and is refused.
std::string ValuesOf(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return absl::StrJoin(names, ", ");
}

// What the parser's words are about, "(policy_set.targets[0]) time: Cannot find field." for
// example: the message or enum at that path, of the whole if there is none. Nothing for text and
// numbers, nor for messages that have a form of their own in JSON, as times have.
std::string WhatFitsThere(absl::string_view words, const Descriptor& whole) {
  absl::string_view path;
  if (absl::ConsumePrefix(&words, "(")) {
    path = words.substr(0, words.find(')'));
  } else if (!absl::StrContains(words, ": Cannot find field")) {
    return "";
  }
  const Descriptor* type = &whole;
  for (const absl::string_view part : absl::StrSplit(path, '.', absl::SkipEmpty())) {
    const std::string name(part.substr(0, part.find('[')));
    const FieldDescriptor* field = type == nullptr ? nullptr : type->FindFieldByName(name);
    if (field == nullptr) return "";
    if (field->enum_type() != nullptr) {
      return absl::StrCat("Values of ", field->enum_type()->name(), ": ",
                          ValuesOf(*field->enum_type()), "\n");
    }
    type = field->message_type();
  }
  const bool own_form = type == nullptr || absl::StartsWith(type->full_name(), "google.protobuf.");
  return own_form ? "" : FieldsOf(*type);
}

}  // namespace

std::string FieldsOf(const Descriptor& type) {
  if (type.field_count() == 0) return absl::StrCat(type.name(), " has no fields.\n");
  std::string text = absl::StrCat("Fields of ", type.name(), ":\n");
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    absl::StrAppend(&text, "  ", field.name(),
                    field.enum_type() == nullptr ? "" : ": " + ValuesOf(*field.enum_type()), "\n");
  }
  return text;
}

std::string WhatFits(const absl::Status& error) {
  const absl::optional<absl::Cord> lines = error.GetPayload(kWhatFits);
  return lines.has_value() ? std::string(*lines) : "";
}

absl::Status ParseJson(absl::string_view json, google::protobuf::Message* message) {
  const auto parsed =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  if (parsed.ok()) return absl::OkStatus();
  // What is wrong, then the place on a line of its own, then a mark below it.
  const std::vector<std::string> lines =
      absl::StrSplit(std::string(parsed.message()), absl::ByAnyChar("\r\n"));
  const std::string place = lines.size() > 1 ? lines[1] : "";
  absl::Status error = absl::InvalidArgumentError(
      absl::StrCat("the JSON is not a ", message->GetDescriptor()->name(), ": ", lines[0],
                   place.empty() ? "" : absl::StrCat(" Near: ", place)));
  if (std::string fits = WhatFitsThere(lines[0], *message->GetDescriptor()); !fits.empty()) {
    error.SetPayload(kWhatFits, absl::Cord(std::move(fits)));
  }
  return error;
}

absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path, ": it is a folder"));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  std::ostringstream json;
  json << in.rdbuf();
  if (const absl::Status parsed = ParseJson(json.str(), message); !parsed.ok()) {
    absl::Status named = absl::InvalidArgumentError(absl::StrCat(path, ": ", parsed.message()));
    parsed.ForEachPayload(
        [&](absl::string_view url, const absl::Cord& payload) { named.SetPayload(url, payload); });
    return named;
  }
  return absl::OkStatus();
}

}  // namespace watchbell::cli
