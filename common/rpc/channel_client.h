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

// gRPC 1.51 ends its callback threads with the last channel whose calls they served. A call holds
// its channel until it is over: if that is the last hold, the channel goes on one of these threads,
// which would then wait for itself, and the process aborts. After this, which every maker of
// channels calls, they stay until the process ends.
void KeepCallbackThreads();

std::unique_ptr<Client> MakeChannelClient(std::shared_ptr<grpc::Channel> channel);

}  // namespace watchbell::rpc
