#include "common/rpc/dynamic_service.h"

#include <grpcpp/impl/codegen/server_callback_handlers.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/rpc/status.h"
#include "common/rpc/unary_call.h"
#include "common/rpc/watch_call.h"

namespace watchbell::rpc {
namespace {

using Bytes = grpc::ByteBuffer;
using Type = grpc::internal::RpcMethod;

// Answers at once and is gone.
class RefusedUnary final : public grpc::ServerUnaryReactor {
 public:
  explicit RefusedUnary(const absl::Status& status) { Finish(ToGrpc(status)); }

 private:
  void OnDone() override { delete this; }
};

class RefusedStream final : public grpc::ServerWriteReactor<Bytes> {
 public:
  explicit RefusedStream(const absl::Status& status) { Finish(ToGrpc(status)); }

 private:
  void OnDone() override { delete this; }
};

absl::Status Stopping() {
  return Unavailable("STOPPING", "the server is stopping; nothing was done; try again",
                     absl::Seconds(1));
}

}  // namespace

DynamicService::DynamicService(const google::protobuf::ServiceDescriptor& descriptor,
                               const Shared& shared)
    : DynamicService(descriptor, shared, Route()) {}

DynamicService::DynamicService(const google::protobuf::ServiceDescriptor& descriptor,
                               const Shared& shared, Route route)
    : descriptor_(descriptor),
      shared_(shared),
      route_(route.channel == nullptr ? std::nullopt : std::optional<Route>(std::move(route))) {
  for (int i = 0; i < descriptor.method_count(); ++i) {
    const google::protobuf::MethodDescriptor& method = *descriptor.method(i);
    if (method.client_streaming()) continue;  // none of ours does
    Slot& slot = slots_.emplace_back();
    slot.name = absl::StrCat(descriptor.full_name(), "/", method.name());
    slot.path = "/" + slot.name;
    if (method.server_streaming()) {
      AddStream(slot);
    } else {
      AddUnary(slot);
    }
  }
}

void DynamicService::Provide(const rpc::Service& service) {
  for (Slot& slot : slots_) {
    const auto found = service.methods().find(slot.name.substr(full_name().size() + 1));
    if (found != service.methods().end()) slot.method = &found->second;
  }
  provided_ = true;
}

absl::Status DynamicService::Missing(const Slot& slot) const {
  if (provided_) return absl::UnimplementedError(absl::StrCat(slot.name, " is not served here"));
  return Unavailable("STARTING", "the service is starting and waits for its storage; try again",
                     absl::Seconds(1));
}

void DynamicService::AddUnary(Slot& slot) {
  Add(slot, Type::NORMAL_RPC,
      new grpc::internal::CallbackUnaryHandler<Bytes, Bytes>(
          [this, &slot](grpc::CallbackServerContext* call, const Bytes* request,
                        Bytes* response) -> grpc::ServerUnaryReactor* {
            const Method* method = slot.method;
            if (method == nullptr && !route_.has_value()) return new RefusedUnary(Missing(slot));
            if (!shared_.calls.Begin()) return new RefusedUnary(Stopping());
            if (route_.has_value()) {
              return ForwardUnary(shared_, *route_, slot.name, *call, *request, response);
            }
            return UnaryCall::Start(shared_, *method, *call, *request, response);
          }));
}

void DynamicService::AddStream(Slot& slot) {
  Add(slot, Type::SERVER_STREAMING,
      new grpc::internal::CallbackServerStreamingHandler<Bytes, Bytes>(
          [this, &slot](grpc::CallbackServerContext* call,
                        const Bytes* request) -> grpc::ServerWriteReactor<Bytes>* {
            const Method* method = slot.method;
            if (method == nullptr && !route_.has_value()) return new RefusedStream(Missing(slot));
            if (!shared_.calls.Begin()) return new RefusedStream(Stopping());
            if (route_.has_value()) {
              return ForwardStream(shared_, *route_, slot.name, *call, *request);
            }
            return WatchCall::Start(shared_, *method, *call, *request);
          }));
}

void DynamicService::Add(Slot& slot, Type::RpcType type, grpc::internal::MethodHandler* handler) {
  AddMethod(new grpc::internal::RpcServiceMethod(slot.path.c_str(), type, nullptr));
  MarkMethodRawCallback(static_cast<int>(slots_.size()) - 1, handler);
}

}  // namespace watchbell::rpc
