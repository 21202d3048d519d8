// Messages as protobuf JSON.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace watchbell::cli {

// INVALID_ARGUMENT that says what is wrong and where, on one line. Names that are no fields of the
// message are wrong too.
absl::Status ParseJson(absl::string_view json, google::protobuf::Message* message);

}  // namespace watchbell::cli
