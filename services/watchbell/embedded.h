// Files compiled into the binary, so that it works alone: demo_data/* and the protos of the
// services (for their help).
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"

namespace watchbell::cli {

struct EmbeddedFile {
  absl::string_view name;  // without folders
  absl::string_view content;
};

absl::Span<const EmbeddedFile> EmbeddedFiles();  // generated

// The content of a file that is known to be there; ends the program if it is not.
absl::string_view Embedded(absl::string_view name);

// Parses a JSON file of the above into a message; ends the program if it does not fit (a test reads
// them all).
void ParseEmbedded(absl::string_view name, google::protobuf::Message* message);

template <typename T>
T EmbeddedMessage(absl::string_view name) {
  T message;
  ParseEmbedded(name, &message);
  return message;
}

}  // namespace watchbell::cli
