#include "common/rpc/unary_call.h"

#include <utility>

#include "common/base/deadline.h"
#include "common/base/errors.h"
#include "common/rpc/status.h"

namespace watchbell::rpc {

grpc::ServerUnaryReactor* UnaryCall::Start(const Shared& shared, const Method& method,
                                           const grpc::CallbackServerContext& call,
                                           const grpc::ByteBuffer& request,
                                           grpc::ByteBuffer* response) {
  auto unary = std::make_shared<UnaryCall>(shared, method, response);
  unary->self_ = unary;
  unary->Run(call, request);
  return unary.get();  // gRPC cannot be done with it before it was given it
}

void UnaryCall::Run(const grpc::CallbackServerContext& call, const grpc::ByteBuffer& request) {
  absl::Status admitted = Admit(shared_, call, method_, request, &context_, &request_);
  if (!admitted.ok()) return Complete(std::move(admitted));
  if (method_.kind == Method::Kind::kAsync && method_.prepare == nullptr) return RunAsync();
  if (!shared_.executor.TryPost([self = shared_from_this()] { self->RunOnExecutor(); })) {
    Complete(Overloaded("too many calls wait already", absl::Seconds(1)));
  }
}

void UnaryCall::RunAsync() {
  method_.async(context_, request_,
                [self = shared_from_this()](absl::StatusOr<engine::Reply> reply) {
                  self->Complete(std::move(reply));
                });
}

void UnaryCall::RunOnExecutor() {
  if (finished_.load()) return;  // cancelled while it waited
  if (context_.deadline <= shared_.clock.Now()) {
    return Complete(WithReason(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                               "the deadline passed while the call waited; nothing was done"));
  }
  if (method_.kind == Method::Kind::kAsync) {
    absl::StatusOr<MessagePtr> prepared = method_.prepare(request_);
    if (!prepared.ok()) return Complete(prepared.status());
    request_ = *std::move(prepared);
    return RunAsync();
  }
  const ScopedDeadline deadline(context_.deadline);
  absl::StatusOr<std::string> bytes = method_.query(context_, *request_);
  if (!bytes.ok()) return Complete(bytes.status());
  Complete(engine::Reply{*std::move(bytes)});
}

void UnaryCall::Complete(absl::StatusOr<engine::Reply> reply) {
  if (finished_.exchange(true)) return;
  status_ = reply.status();
  if (reply.ok()) *response_ = ToBuffer(reply->bytes);
  Finish(ToGrpc(Disclosed(status_)));  // the report keeps what was said
}

void UnaryCall::OnCancel() {
  // Does not wait for the handler: a server that stops must be able to cut its calls.
  if (context_.deadline <= shared_.clock.Now()) {
    return Complete(WithReason(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                               "the deadline passed while the call was under way"));
  }
  Complete(absl::CancelledError("the caller is gone"));
}

void UnaryCall::OnDone() {
  Report(shared_, method_, context_, status_);
  shared_.calls.Ended();
  self_.reset();
}

}  // namespace watchbell::rpc
