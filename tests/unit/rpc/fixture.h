// A server over a few methods of real proto services, with handlers a test may swap, and clients of
// both kinds.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "common/rpc/identity.h"
#include "common/rpc/server.h"
#include "common/rpc/service.h"
#include "tests/unit/rpc/gate.h"
#include "watchbell/admin/v1/admin_service.pb.h"

namespace watchbell::rpc {

inline constexpr char kAdmin[] = "watchbell.admin.v1.AdminService";
inline constexpr char kList[] = "watchbell.admin.v1.AdminService/ListDeadLetters";   // a query
inline constexpr char kRetry[] = "watchbell.admin.v1.AdminService/RetryDeadLetter";  // asynchronous
inline constexpr char kSkip[] =
    "watchbell.admin.v1.AdminService/SkipDeadLetter";  // needs "operator"

// What a caller hears that sends no message, as one that goes away leaves a call behind. `method`
// is "package.Service/Method".
inline grpc::Status CallWithoutRequest(int port, const std::string& method) {
  grpc::GenericStub stub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  auto call = stub.PrepareCall(&context, absl::StrCat("/", method), &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  EXPECT_TRUE(queue.Next(&tag, &ok) && ok);
  call->WritesDone(nullptr);
  EXPECT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::Status status;
  call->Finish(&status, nullptr);
  EXPECT_TRUE(queue.Next(&tag, &ok) && ok);
  return status;
}

class RpcTest : public ::testing::Test {
 protected:
  using ListRequest = admin::v1::ListDeadLettersRequest;
  using ListResponse = admin::v1::ListDeadLettersResponse;

  RpcTest() : admin_(kAdmin), identity_(MakeDevelopmentIdentity()) {
    admin_.Query<ListRequest, ListResponse>(
        "ListDeadLetters", [this](const CallContext& call, const ListRequest& request) {
          return list_(call, request);
        });
    admin_.Async("RetryDeadLetter", [this](const CallContext& call, MessagePtr request,
                                           Method::Done done) { retry_(call, request, done); });
    admin_.Async(
        "SkipDeadLetter",
        [](const CallContext&, MessagePtr, Method::Done done) { done(engine::Reply()); },
        "operator");
    options_.on_call = [this](const CallReport& report) {
      const std::lock_guard<std::mutex> lock(mu_);
      reports_.push_back(report);
      reported_.Open();
    };
  }

  void TearDown() override {
    in_process_.reset();
    server_.reset();
  }

  void StartServer(std::vector<Service*> more = {}) {
    std::vector<Service*> services = {&admin_};
    services.insert(services.end(), more.begin(), more.end());
    auto server = Server::Start(options_, services, *identity_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = Connect(absl::StrCat("127.0.0.1:", server_->port()));
    in_process_ = server_->InProcessClient();
  }

  static admin::v1::RetryDeadLetterRequest RetryRequest() {
    admin::v1::RetryDeadLetterRequest request;
    request.set_service("sla");
    request.set_dead_letter_id("dl-1");
    return request;
  }

  std::vector<CallReport> Reports(int wait_for) {
    EXPECT_TRUE(reported_.Wait(wait_for));
    const std::lock_guard<std::mutex> lock(mu_);
    return reports_;
  }

  SystemClock clock_;
  Service admin_;
  std::unique_ptr<IdentityProvider> identity_;
  ServerOptions options_;
  std::function<absl::StatusOr<ListResponse>(const CallContext&, const ListRequest&)> list_ =
      [](const CallContext&, const ListRequest& request) {
        ListResponse response;
        response.add_dead_letters()->set_service(request.service());
        return response;
      };
  std::function<void(const CallContext&, MessagePtr, Method::Done)> retry_ =
      [](const CallContext&, MessagePtr, const Method::Done& done) {
        admin::v1::DeadLetter letter;
        letter.set_dead_letter_id("dl-1");
        done(engine::Reply{letter.SerializeAsString()});
      };
  Gate reported_;
  std::mutex mu_;
  std::vector<CallReport> reports_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Client> in_process_;
};

}  // namespace watchbell::rpc
