// Messages as protobuf JSON.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace watchbell::cli {

// INVALID_ARGUMENT that says what is wrong and where, on one line. Names that are no fields of the
// message are wrong too.
absl::Status ParseJson(absl::string_view json, google::protobuf::Message* message);

// The same of a file, which is named; an error of the file system if it cannot be read.
absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message);

}  // namespace watchbell::cli
