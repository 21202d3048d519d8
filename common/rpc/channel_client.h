// The client over a gRPC channel of any kind.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>

#include "common/rpc/client.h"

namespace watchbell::rpc {

// Message limits, keepalive, how soon a lost connection is made anew. Nothing is tried again by the
// library.
grpc::ChannelArguments ClientArguments();

std::unique_ptr<Client> MakeChannelClient(std::shared_ptr<grpc::Channel> channel);

}  // namespace watchbell::rpc
