// What happens to every call before its handler runs, and what all calls of a server share.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/clock/clock.h"
#include "common/rpc/calls_under_way.h"
#include "common/rpc/executor.h"
#include "common/rpc/identity.h"
#include "common/rpc/server.h"
#include "common/rpc/service.h"
#include "common/rpc/watch_registry.h"

namespace watchbell::rpc {

// Outlives every call.
struct Shared {
  const ServerOptions& options;
  const IdentityProvider& identity;
  Clock& clock;
  IdSource& ids;
  Executor& executor;
  WatchRegistry& watches;
  CallsUnderWay& calls;
};

// A call whose caller is gone before its message came has none, which must not be used.
absl::Status CheckCame(const grpc::ByteBuffer& bytes);

// In this order: trace context, caller, role, parsing, rules, repetition, deadline. `context` is
// filled as far as it got, so that a refused call can be logged.
absl::Status Admit(const Shared& shared, const grpc::CallbackServerContext& call,
                   const Method& method, const grpc::ByteBuffer& bytes, CallContext* context,
                   MessagePtr* request);

// Tells ServerOptions::on_call about a finished call. A name is "package.Service/Method".
void Report(const Shared& shared, const Method& method, const CallContext& context,
            const absl::Status& status);
void Report(const Shared& shared, const std::string& name, const CallContext& context,
            const absl::Status& status);

// The message as it goes on the wire.
grpc::ByteBuffer ToBuffer(const std::string& bytes);

}  // namespace watchbell::rpc
