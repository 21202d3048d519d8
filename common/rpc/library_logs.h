// What gRPC and protobuf have to say, as log lines of ours.
#pragma once

#include <string>

namespace watchbell::rpc {

// Process-wide; once, at the start of main.
void RouteLibraryLogs();

// Version of the gRPC library in use.
std::string GrpcVersion();

}  // namespace watchbell::rpc
