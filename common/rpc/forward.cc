#include "common/rpc/forward.h"

#include <grpc/support/time.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel_client.h"
#include "common/rpc/status.h"
#include "common/telemetry/log.h"

namespace watchbell::rpc {
namespace {

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

// What belongs to the caller's own connection, not to the call.
bool StaysHere(absl::string_view name) {
  if (name == "grpc-previous-rpc-attempts") return false;  // a repeated call stays one
  return absl::StartsWith(name, "grpc-") || absl::StartsWith(name, ":") || name == "user-agent" ||
         name == "host" || name == "te" || name == "content-type";
}

// What the report says of the caller; the call itself is judged where it is answered.
void Describe(const grpc::CallbackServerContext& call, CallContext* context) {
  const auto& metadata = call.client_metadata();
  if (const auto trace = metadata.find("traceparent"); trace != metadata.end()) {
    context->traceparent = std::string(View(trace->second));
  }
  if (const auto tenant = metadata.find("x-watchbell-tenant"); tenant != metadata.end()) {
    context->identity.tenant = std::string(View(tenant->second));
  }
}

absl::Status Unreachable(const Route& route) {
  return Unavailable("PEER_UNAVAILABLE",
                     absl::StrCat("the service ", route.peer,
                                  ", which answers this, is not reachable just now; try again"),
                     absl::Seconds(1));
}

// gRPC ends the process of who sends a message that is none.
absl::Status NoAnswer(const Route& route) {
  return absl::InternalError(
      absl::StrCat("the service ", route.peer, " answered without a message"));
}

// What both kinds of calls begin and end with.
class Passage {
 public:
  Passage(const Shared& shared, const Route& route, std::string method)
      : shared_(shared), route_(route), method_(std::move(method)) {
    context_.received_at = shared_.clock.Now();
  }

  // Fills the outgoing context; an error if the call must not be passed on.
  absl::Status Prepare(const grpc::CallbackServerContext& call, const grpc::ByteBuffer& request,
                       bool stream) {
    Describe(call, &context_);
    RETURN_IF_ERROR(CheckCame(request));
    for (const auto& [name, value] : call.client_metadata()) {
      if (View(name) == kForwardedHeader) {
        return WithReason(
            absl::StatusCode::kUnimplemented, "WRONG_PEER",
            absl::StrCat(method_, " is answered by the service ", route_.peer,
                         "; the process that passed this call on took this one for it (peers.",
                         route_.peer, ")"));
      }
      if (!StaysHere(View(name))) {
        client_.AddMetadata(std::string(View(name)), std::string(View(value)));
      }
    }
    client_.AddMetadata(kForwardedHeader, "1");
    const gpr_timespec deadline = call.raw_deadline();
    if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) != 0) {
      client_.set_deadline(deadline);
    } else if (!stream) {
      client_.set_deadline(gpr_time_add(
          gpr_now(GPR_CLOCK_MONOTONIC),
          gpr_time_from_millis(absl::ToInt64Milliseconds(shared_.options.default_deadline),
                               GPR_TIMESPAN)));
    }
    return absl::OkStatus();
  }

  // The peer's word, or ours if it could not be asked.
  grpc::Status Outcome(const grpc::Status& status) {
    status_ = FromGrpc(status);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || !status.error_details().empty()) {
      return status;
    }
    telemetry::Log(telemetry::Level::kWarning, "a service cannot be reached",
                   {{"peer", route_.peer}, {"error", status.error_message()}});
    status_ = Unreachable(route_);
    return ToGrpc(status_);
  }
  grpc::Status Refuse(absl::Status status) {
    status_ = std::move(status);
    return ToGrpc(status_);
  }

  void Done() {
    Report(shared_, method_, context_, status_);
    shared_.calls.Ended();
  }

  const Shared& shared() const { return shared_; }
  const Route& route() const { return route_; }
  const std::string& method() const { return method_; }
  grpc::ClientContext& client() { return client_; }

 private:
  const Shared& shared_;
  const Route& route_;
  const std::string method_;
  grpc::ClientContext client_;
  CallContext context_;
  absl::Status status_;
};

// The peer's answer finishes it, and nothing else: a cancellation is passed on and comes back.
class UnaryPassage final : public grpc::ServerUnaryReactor,
                           public std::enable_shared_from_this<UnaryPassage> {
 public:
  UnaryPassage(const Shared& shared, const Route& route, const std::string& method)
      : passage_(shared, route, method), stub_(route.channel) {}

  void Run(const grpc::CallbackServerContext& call, const grpc::ByteBuffer& request,
           grpc::ByteBuffer* response) {
    self_ = shared_from_this();
    if (absl::Status prepared = passage_.Prepare(call, request, false); !prepared.ok()) {
      return Finish(passage_.Refuse(std::move(prepared)));
    }
    request_ = request;  // shares the bytes
    path_ = "/" + passage_.method();
    stub_.UnaryCall(&passage_.client(), path_, grpc::StubOptions(), &request_, response,
                    [self = shared_from_this(), response](grpc::Status status) {
                      self->Finish(status.ok() && !response->Valid()
                                       ? self->passage_.Refuse(NoAnswer(self->passage_.route()))
                                       : self->passage_.Outcome(status));
                    });
  }

 private:
  void OnCancel() override { passage_.client().TryCancel(); }
  void OnDone() override {
    passage_.Done();
    self_.reset();
  }

  Passage passage_;
  grpc::GenericStub stub_;
  std::string path_;
  grpc::ByteBuffer request_;
  std::shared_ptr<UnaryPassage> self_;  // until OnDone
};

// One message at a time: read from the peer, written to the caller, then the next is read. The
// stream towards the peer holds itself open as long as a read may still be begun from the caller's
// side.
class StreamPassage final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                            public Watcher,
                            public std::enable_shared_from_this<StreamPassage> {
 public:
  StreamPassage(const Shared& shared, const Route& route, const std::string& method)
      : passage_(shared, route, method), stub_(route.channel), peer_(*this) {}

  void Run(const grpc::CallbackServerContext& call, const grpc::ByteBuffer& request) {
    self_ = shared_from_this();
    absl::Status begun = passage_.Prepare(call, request, true);
    if (begun.ok()) begun = passage_.shared().watches.Add(shared_from_this());
    if (!begun.ok()) return Finish(passage_.Refuse(std::move(begun)));
    request_ = request;
    path_ = "/" + passage_.method();
    peer_self_ = shared_from_this();
    stub_.PrepareBidiStreamingCall(&passage_.client(), path_, grpc::StubOptions(), &peer_);
    peer_.AddHold();
    peer_.StartWriteLast(&request_, grpc::WriteOptions());
    peer_.StartRead(&message_);
    peer_.StartCall();
  }

  void Tick(absl::Time) override {}
  // The server stops. Once; the peer's stream ends by it, and then ours.
  void End(const absl::Status& status) override {
    {
      MutexLock lock(mu_);
      ending_ = status;
    }
    passage_.client().TryCancel();
  }

 private:
  class Peer final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Peer(StreamPassage& stream) : stream_(stream) {}

   private:
    void OnReadDone(bool ok) override {
      if (!ok) return RemoveHold();
      stream_.StartWrite(&stream_.message_);
    }
    void OnDone(const grpc::Status& status) override { stream_.PeerDone(status); }

    StreamPassage& stream_;
  };

  void PeerDone(const grpc::Status& status) {
    absl::Status ending;
    {
      MutexLock lock(mu_);
      ending = ending_;
    }
    const auto keep = std::move(peer_self_);
    Finish(ending.ok() ? passage_.Outcome(status) : passage_.Refuse(std::move(ending)));
  }

  void OnWriteDone(bool ok) override {
    if (ok) return peer_.StartRead(&message_);
    passage_.client().TryCancel();
    peer_.RemoveHold();
  }
  void OnCancel() override { passage_.client().TryCancel(); }
  void OnDone() override {
    passage_.shared().watches.Remove(this);
    passage_.Done();
    self_.reset();
  }

  Passage passage_;
  grpc::GenericStub stub_;
  std::string path_;
  Peer peer_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer message_;  // lives until OnWriteDone
  Mutex mu_;
  absl::Status ending_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<StreamPassage> self_;       // until OnDone
  std::shared_ptr<StreamPassage> peer_self_;  // until the peer's stream is done
};

}  // namespace

std::shared_ptr<grpc::Channel> ForwardChannel(const std::string& target) {
  KeepCallbackThreads();
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), ClientArguments());
}

grpc::ServerUnaryReactor* ForwardUnary(const Shared& shared, const Route& route,
                                       const std::string& method,
                                       const grpc::CallbackServerContext& call,
                                       const grpc::ByteBuffer& request,
                                       grpc::ByteBuffer* response) {
  auto passage = std::make_shared<UnaryPassage>(shared, route, method);
  passage->Run(call, request, response);
  return passage.get();  // gRPC cannot be done with it before it was given it
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ForwardStream(const Shared& shared, const Route& route,
                                                          const std::string& method,
                                                          const grpc::CallbackServerContext& call,
                                                          const grpc::ByteBuffer& request) {
  auto passage = std::make_shared<StreamPassage>(shared, route, method);
  passage->Run(call, request);
  return passage.get();
}

}  // namespace watchbell::rpc
