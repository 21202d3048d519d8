// A proto service as gRPC wants it, made from its descriptor at run time (ADR 002).
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <deque>
#include <optional>
#include <string>

#include "common/rpc/admission.h"
#include "common/rpc/forward.h"
#include "common/rpc/service.h"
#include "google/protobuf/descriptor.h"

namespace watchbell::rpc {

// One of three kinds: served from the beginning, served as soon as its table is given, or passed on
// to another process. Each method is set up as the generated WithRawCallbackMethod_* classes do it:
// the handler sees bytes, the adapter parses them by descriptor.
class DynamicService : public grpc::Service {
 public:
  // Served once Provide was called; calls before that are UNAVAILABLE.
  DynamicService(const google::protobuf::ServiceDescriptor& descriptor, const Shared& shared);
  // Passed on.
  DynamicService(const google::protobuf::ServiceDescriptor& descriptor, const Shared& shared,
                 Route route);

  // Thread-safe; once. `service` outlives this. Methods it lacks are UNIMPLEMENTED.
  void Provide(const rpc::Service& service);

  const std::string& full_name() const { return descriptor_.full_name(); }

 private:
  struct Slot {
    std::string path;  // gRPC keeps a pointer into it
    std::string name;  // without the slash
    std::atomic<const Method*> method{nullptr};
  };

  void AddUnary(Slot& slot);
  void AddStream(Slot& slot);
  void Add(Slot& slot, grpc::internal::RpcMethod::RpcType type,
           grpc::internal::MethodHandler* handler);
  absl::Status Missing(const Slot& slot) const;

  const google::protobuf::ServiceDescriptor& descriptor_;
  const Shared& shared_;
  const std::optional<Route> route_;
  std::deque<Slot> slots_;
  std::atomic<bool> provided_{false};
};

}  // namespace watchbell::rpc
