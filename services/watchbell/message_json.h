// Messages as protobuf JSON.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace watchbell::cli {

// INVALID_ARGUMENT that says what is wrong and where, on one line; WhatFits has more. Names that
// are no fields of the message are wrong too.
absl::Status ParseJson(absl::string_view json, google::protobuf::Message* message);

// Of an error of ParseJson or ReadJsonFile: lines with the fields of the message that it is about,
// or the values of the enum. "" if the error names neither, and of any other status.
std::string WhatFits(const absl::Status& error);

// Lines: the message's fields, with the values of its enums.
std::string FieldsOf(const google::protobuf::Descriptor& type);

// As ParseJson, of a file, which is named; an error of the file system if it cannot be read.
absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message);

}  // namespace watchbell::cli
