// Addresses as settings give them. One that cannot work is INVALID_ARGUMENT that names its key, the
// form it must have, and what was given.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace watchbell::config {

struct HostPort {
  std::string host;  // an IPv6 address without its brackets
  int port = 0;
};

// HOST:PORT to listen on; port 0 means any.
absl::StatusOr<HostPort> ParseListen(absl::string_view key, absl::string_view text);

// HOST:PORT where something answers.
absl::Status CheckAddress(absl::string_view key, absl::string_view text);
// HOST:PORT,HOST:PORT.
absl::Status CheckAddresses(absl::string_view key, absl::string_view text);
// A gRPC target: HOST:PORT, dns:///NAME:PORT, ipv4:ADDRESS:PORT,ADDRESS:PORT, ipv6:[ADDRESS]:PORT.
absl::Status CheckTarget(absl::string_view key, absl::string_view text);

}  // namespace watchbell::config
