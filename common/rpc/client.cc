#include "common/rpc/client.h"

#include <grpc/support/time.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel_client.h"
#include "common/rpc/status.h"

namespace watchbell::rpc {
namespace {

using Wire = google::protobuf::MessageLite;
using grpc::internal::RpcMethod;

constexpr int kMaxResponseBytes = 64 << 20;

// gRPC adds jitter to the pauses by itself.
constexpr char kServiceConfig[] = R"json({
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 4,
      "initialBackoff": "0.1s",
      "maxBackoff": "2s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }],
  "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}
})json";

// gRPC ends the program on a header it cannot send.
absl::Status Prepare(const CallOptions& options, grpc::ClientContext* context) {
  for (const auto& [name, value] : options.metadata) {
    const bool sendable =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
    if (!sendable) return InvalidField(name, "must be printable ASCII");
  }
  for (const auto& [name, value] : options.metadata) context->AddMetadata(name, value);
  if (options.timeout != absl::InfiniteDuration()) {
    context->set_deadline(gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC),
        gpr_time_from_millis(absl::ToInt64Milliseconds(options.timeout), GPR_TIMESPAN)));
  }
  return absl::OkStatus();
}

class ChannelClient final : public Client {
 public:
  explicit ChannelClient(std::shared_ptr<grpc::Channel> channel)
      : channel_(std::move(channel)), stub_(channel_) {}

  absl::Status Call(const std::string& method, const google::protobuf::Message& request,
                    google::protobuf::Message* response, const CallOptions& options) override {
    const std::string path = "/" + method;
    grpc::ClientContext context;
    RETURN_IF_ERROR(Prepare(options, &context));
    return FromGrpc(grpc::internal::BlockingUnaryCall<Wire, Wire, Wire, Wire>(
        channel_.get(), RpcMethod(path.c_str(), RpcMethod::NORMAL_RPC), &context, request,
        response));
  }

  void CallAsync(const std::string& method, const google::protobuf::Message& request,
                 google::protobuf::Message* response, const CallOptions& options,
                 std::function<void(absl::Status)> done) override {
    auto context = std::make_shared<grpc::ClientContext>();
    if (absl::Status prepared = Prepare(options, context.get()); !prepared.ok()) {
      return done(std::move(prepared));
    }
    stub_.UnaryCall(
        context.get(), "/" + method, grpc::StubOptions(), &request, response,
        [context, done = std::move(done)](grpc::Status status) { done(FromGrpc(status)); });
  }

  absl::Status Stream(const std::string& method, const google::protobuf::Message& request,
                      google::protobuf::Message* scratch, const CallOptions& options,
                      const std::function<bool()>& on_message) override {
    const std::string path = "/" + method;
    grpc::ClientContext context;
    RETURN_IF_ERROR(Prepare(options, &context));
    const std::unique_ptr<grpc::ClientReader<Wire>> reader(
        grpc::internal::ClientReaderFactory<Wire>::Create<Wire>(
            channel_.get(), RpcMethod(path.c_str(), RpcMethod::SERVER_STREAMING), &context,
            request));
    while (reader->Read(scratch)) {
      if (on_message()) continue;
      context.TryCancel();
      while (reader->Read(scratch)) {
      }
      reader->Finish();
      return absl::OkStatus();
    }
    return FromGrpc(reader->Finish());
  }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::TemplatedGenericStub<Wire, Wire> stub_;
};

}  // namespace

grpc::ChannelArguments ClientArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  arguments.SetServiceConfigJSON(kServiceConfig);
  return arguments;
}

std::unique_ptr<Client> MakeChannelClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<ChannelClient>(std::move(channel));
}

std::unique_ptr<Client> Connect(const std::string& target) {
  return MakeChannelClient(
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), ClientArguments()));
}

}  // namespace watchbell::rpc
