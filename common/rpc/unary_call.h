// One unary call, from admission to its report.
#pragma once

#include <atomic>
#include <memory>

#include "absl/status/statusor.h"
#include "common/rpc/admission.h"

namespace watchbell::rpc {

// A reactor that answers exactly once: whichever comes first of the handler's answer, the caller's
// cancellation and the server's end. It lives until gRPC is done with it and the handler has let go
// of it.
class UnaryCall final : public grpc::ServerUnaryReactor,
                        public std::enable_shared_from_this<UnaryCall> {
 public:
  // Begins a call that shared.calls counts. `request` and `response` are gRPC's and live until
  // OnDone.
  static grpc::ServerUnaryReactor* Start(const Shared& shared, const Method& method,
                                         const grpc::CallbackServerContext& call,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response);

  UnaryCall(const Shared& shared, const Method& method, grpc::ByteBuffer* response)
      : shared_(shared), method_(method), response_(response) {}

 private:
  void Run(const grpc::CallbackServerContext& call, const grpc::ByteBuffer& request);
  void RunAsync();
  void RunOnExecutor();
  void Complete(absl::StatusOr<engine::Reply> reply);

  void OnCancel() override;
  void OnDone() override;

  const Shared& shared_;
  const Method& method_;
  grpc::ByteBuffer* const response_;
  CallContext context_;
  MessagePtr request_;
  std::atomic<bool> finished_{false};
  absl::Status status_;              // written by the one who finishes
  std::shared_ptr<UnaryCall> self_;  // until OnDone
};

}  // namespace watchbell::rpc
