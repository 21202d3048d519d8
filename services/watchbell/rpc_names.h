// The rpcs this program knows, by name: for `watchbell call`. Read from the descriptors that are
// linked in.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"

namespace watchbell::cli {

// Every service of watchbell, by full name.
std::vector<const google::protobuf::ServiceDescriptor*> KnownServices();

// SERVICE/METHOD (or SERVICE.METHOD) to its method. SERVICE may be shortened from the left at its
// dots: TicketService, tickets.v1.TicketService, watchbell.tickets.v1.TicketService. NOT_FOUND
// names the nearest, INVALID_ARGUMENT what a short name could mean.
absl::StatusOr<const google::protobuf::MethodDescriptor*> FindMethod(const std::string& name);

// The same for a service alone.
absl::StatusOr<const google::protobuf::ServiceDescriptor*> FindService(const std::string& name);

// The first sentence of the comment above the rpc in its proto; "" if there is none.
std::string HelpOf(const google::protobuf::MethodDescriptor& method);

}  // namespace watchbell::cli
