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
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/clock/clock.h"
#include "common/rpc/channel_client.h"
#include "common/rpc/service.h"
#include "common/rpc/status.h"

namespace watchbell::rpc {
namespace {

using Wire = google::protobuf::MessageLite;
using grpc::internal::RpcMethod;

constexpr int kMaxResponseBytes = 64 << 20;

// What is tried again, and how long, is each call's own choice (CallOptions::patient): tried again
// by the library, a call that fails says nothing but that its time is up.
constexpr char kServiceConfig[] = R"json({"loadBalancingConfig": [{"round_robin": {}}]})json";

// Pauses of a patient call.
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

// What is left of a patient call's time, and its pauses.
class Patience {
 public:
  explicit Patience(const CallOptions& options)
      : options_(options), began_(clock_.Steady()), pause_(kFirstPause) {}

  // Options of the next attempt.
  CallOptions Attempt() {
    CallOptions attempt = options_;
    attempt.timeout = Left();
    return attempt;
  }
  // True, after a pause, if a call that ended so should be tried again. Otherwise `status` is what
  // the caller is told: that the other side was away, if that is what used the time up.
  bool Again(absl::Status* status) {
    if (!options_.patient) return false;
    if (absl::IsDeadlineExceeded(*status) && !met_.ok()) *status = met_;
    if (!absl::IsUnavailable(*status)) return false;
    met_ = *status;
    if (Left() <= pause_) return false;
    if (!told_ && options_.on_wait != nullptr) options_.on_wait(*status);
    told_ = true;
    Mutex mu;
    CondVar never;
    MutexLock lock(mu);
    clock_.WaitUntil(mu, never, clock_.Now() + pause_);
    pause_ = std::min(pause_ * 2, kLongestPause);
    return true;
  }

 private:
  absl::Duration Left() { return options_.timeout - (clock_.Steady() - began_); }

  SystemClock clock_;
  const CallOptions& options_;
  const absl::Duration began_;
  absl::Duration pause_;
  absl::Status met_;  // the last UNAVAILABLE
  bool told_ = false;
};

// The request itself, or a copy with a request_id if it could have one and has none.
const google::protobuf::Message& Repeatable(const google::protobuf::Message& request,
                                            std::unique_ptr<google::protobuf::Message>* copy) {
  const auto* field = RequestIdField(*request.GetDescriptor());
  if (field == nullptr || !RequestIdOf(request).empty()) return request;
  copy->reset(request.New());
  (*copy)->CopyFrom(request);
  SystemIdSource ids;
  SystemClock clock;
  request.GetReflection()->SetString(copy->get(), field, ids.NewUuid(clock.Now()));
  return **copy;
}

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
    if (!options.patient) return CallOnce(method, request, response, options);
    std::unique_ptr<google::protobuf::Message> copy;
    const google::protobuf::Message& repeatable = Repeatable(request, &copy);
    Patience patience(options);
    for (;;) {
      absl::Status called = CallOnce(method, repeatable, response, patience.Attempt());
      if (!patience.Again(&called)) return called;
    }
  }

  absl::Status CallOnce(const std::string& method, const google::protobuf::Message& request,
                        google::protobuf::Message* response, const CallOptions& options) {
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
    Patience patience(options);
    bool came = false;
    for (;;) {
      absl::Status ended = StreamOnce(method, request, scratch, patience.Attempt(), [&] {
        came = true;
        return on_message();
      });
      if (came || !patience.Again(&ended)) return ended;
    }
  }

  absl::Status StreamOnce(const std::string& method, const google::protobuf::Message& request,
                          google::protobuf::Message* scratch, const CallOptions& options,
                          const std::function<bool()>& on_message) {
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

void KeepCallbackThreads() {
  // A channel that leads nowhere, and a call that fails at once: it takes part in the threads.
  struct Keeper {
    Keeper() : stub(grpc::CreateCustomChannel("nowhere", nullptr, grpc::ChannelArguments())) {
      stub.UnaryCall(&context, "/nowhere/Nothing", grpc::StubOptions(), &request, &response,
                     [](const grpc::Status&) {});
    }
    grpc::ClientContext context;
    const grpc::Slice nothing{"", 0};
    grpc::ByteBuffer request{&nothing, 1};
    grpc::ByteBuffer response;
    grpc::GenericStub stub;
  };
  // Volatile: kept where leak checkers find it.
  static Keeper* volatile const keeper = new Keeper();
  (void)keeper;
}

grpc::ChannelArguments ClientArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A process that was restarted is found again within a second, one that froze is noticed.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);  // time a connection may take
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
  return arguments;
}

std::unique_ptr<Client> MakeChannelClient(std::shared_ptr<grpc::Channel> channel) {
  KeepCallbackThreads();
  return std::make_unique<ChannelClient>(std::move(channel));
}

std::unique_ptr<Client> Connect(const std::string& target) {
  return MakeChannelClient(
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), ClientArguments()));
}

}  // namespace watchbell::rpc
