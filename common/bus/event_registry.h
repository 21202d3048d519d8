// From a CloudEvents type to the protobuf message that carries it, and back, by the option
// watchbell.events.v1.event_type. Knows every event compiled into the program.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace watchbell::bus {

// The event type of a message; "" if it is no event.
const std::string& EventTypeOf(const google::protobuf::Descriptor& descriptor);

// What ce_dataschema says of an event type: an absolute URI with the message's full name and the
// revision (a hash) of the file that declares it. "" for a type not compiled in.
const std::string& DataSchemaOf(const std::string& type);

// Decodes a payload. UNIMPLEMENTED (UNKNOWN_TYPE) for a type not compiled in, INVALID_ARGUMENT
// (BAD_PAYLOAD) for bytes that are no such message.
absl::StatusOr<std::shared_ptr<const google::protobuf::Message>> DecodeEvent(
    const std::string& type, const std::string& payload);

}  // namespace watchbell::bus
