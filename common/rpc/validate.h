// Checks a request against the rules its fields carry (watchbell.api.v1.rules), and against unknown
// enum values.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace watchbell::rpc {

// OK, or INVALID_ARGUMENT with one BadRequest entry per violation, by field path
// ("setup.rotas[0].people").
absl::Status Validate(const google::protobuf::Message& request);

// Parses `bytes` into `request`; INVALID_ARGUMENT that names the field when a string holds invalid
// UTF-8.
absl::Status ParseRequest(absl::string_view bytes, google::protobuf::Message* request);

}  // namespace watchbell::rpc
