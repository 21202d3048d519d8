// Calls that another process answers, passed on byte by byte: any process of an installation is an
// entry to all of it. Metadata, deadline, cancellation, answers, errors with their details and
// streams come through as they are.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

#include "common/rpc/admission.h"

namespace watchbell::rpc {

// Where the calls of one proto service go. Outlives every call.
struct Route {
  std::string peer;  // for messages
  std::shared_ptr<grpc::Channel> channel;
};

// A channel to a peer. It never tries again by itself: that is the first caller's to decide, who
// alone knows what may be repeated.
std::shared_ptr<grpc::Channel> ForwardChannel(const std::string& target);

// Begin a call that shared.calls counts. `method` is "package.Service/Method". `request` and
// `response` are gRPC's and live until the call is done.
grpc::ServerUnaryReactor* ForwardUnary(const Shared& shared, const Route& route,
                                       const std::string& method,
                                       const grpc::CallbackServerContext& call,
                                       const grpc::ByteBuffer& request, grpc::ByteBuffer* response);
grpc::ServerWriteReactor<grpc::ByteBuffer>* ForwardStream(const Shared& shared, const Route& route,
                                                          const std::string& method,
                                                          const grpc::CallbackServerContext& call,
                                                          const grpc::ByteBuffer& request);

}  // namespace watchbell::rpc
