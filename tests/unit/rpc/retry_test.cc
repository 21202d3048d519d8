// What happens to calls while a server goes and comes: the published service config, patient calls,
// repeated mutations.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/validate_service_config.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "common/rpc/channel_client.h"
#include "tests/unit/rpc/fixture.h"
#include "watchbell/sla/v1/sla_service.pb.h"

namespace watchbell::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string PublishedConfig() {
  std::ifstream file(std::string(WATCHBELL_SOURCE_DIR) + "/deploy/client/service_config.json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A client of any make that follows the published service config.
std::unique_ptr<Client> PublishedClient(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(PublishedConfig());
  return MakeChannelClient(
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
}

class RetryTest : public RpcTest {
 protected:
  void Stop() {
    client_.reset();
    in_process_.reset();
    server_->Drain(absl::ZeroDuration(), absl::Seconds(20));
    server_.reset();
  }
  // Once more, where clients expect it.
  void StartAt(const std::string& target) {
    options_.listen = target;
    auto server = Server::Start(options_, {&admin_}, *identity_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::string Target() const { return absl::StrCat("127.0.0.1:", server_->port()); }
  // The call of that number succeeds; attempts_ holds what each said of those before it.
  void RefuseUntilAttempt(size_t number) {
    retry_ = [this, number](const CallContext& call, MessagePtr, const Method::Done& done) {
      {
        const std::lock_guard<std::mutex> lock(mu_);
        const auto found = call.metadata.find("grpc-previous-rpc-attempts");
        attempts_.push_back(found == call.metadata.end() ? "" : found->second);
        if (attempts_.size() < number) {
          return done(Unavailable("STOPPING", "later", absl::Seconds(1)));
        }
      }
      done(engine::Reply());
    };
  }

  std::mutex mu_;
  std::vector<std::string> attempts_;
};

TEST_F(RetryTest, ThePublishedConfigIsOne) {
  EXPECT_THAT(PublishedConfig(), HasSubstr("UNAVAILABLE"));
  EXPECT_EQ(grpc::experimental::ValidateServiceConfigJSON(PublishedConfig()), "");
}

TEST_F(RetryTest, RestartsUnderLoadAreNotSeenByItsClients) {
  constexpr int kCallers = 8;
  constexpr int kRestarts = 5;
  constexpr int kCallsBetween = 200;
  StartServer();
  const std::string target = Target();
  std::atomic<bool> over{false};
  std::atomic<int> calls{0};
  std::mutex mu;
  std::vector<std::string> errors;
  Gate some;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      const auto client = PublishedClient(target);
      while (!over) {
        ListResponse response;
        const absl::Status status = client->Call(kList, ListRequest(), &response);
        if (!status.ok()) {
          const std::lock_guard<std::mutex> lock(mu);
          errors.push_back(status.ToString());
        }
        if (++calls % kCallsBetween == 0) some.Open();
      }
    });
  }
  for (int i = 1; i <= kRestarts; ++i) {
    ASSERT_TRUE(some.Wait(i));
    Stop();
    StartAt(target);
  }
  EXPECT_TRUE(some.Wait(calls / kCallsBetween + 1));
  over = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(errors, IsEmpty());
}

TEST_F(RetryTest, AnIdleConnectionDoesNotHoldAStopUp) {
  StartServer();
  ListResponse response;
  EXPECT_TRUE(client_->Call(kList, ListRequest(), &response).ok());
  // A grace far over any test's limit: it is not used up.
  server_->Drain(absl::ZeroDuration(), absl::Hours(1));
  EXPECT_FALSE(client_->Call(kList, ListRequest(), &response).ok());
}

TEST_F(RetryTest, TheLibrarySaysThatACallWasTriedBefore) {
  RefuseUntilAttempt(3);
  StartServer();
  const auto client = PublishedClient(Target());
  admin::v1::DeadLetter letter;
  EXPECT_TRUE(client->Call(kRetry, RetryRequest(), &letter).ok());
  EXPECT_THAT(attempts_, ElementsAre("", "1", "2"));
}

TEST_F(RetryTest, ACallPassedOnIsNotMadeToLookNew) {
  RefuseUntilAttempt(2);
  StartServer();
  ServerOptions options;
  options.forwards = {{kAdmin, "things", Target()}};
  auto front = Server::Start(options, {}, *identity_, clock_);
  ASSERT_TRUE(front.ok()) << front.status();
  const auto client = PublishedClient(absl::StrCat("127.0.0.1:", (*front)->port()));
  admin::v1::DeadLetter letter;
  EXPECT_TRUE(client->Call(kRetry, RetryRequest(), &letter).ok());
  EXPECT_THAT(attempts_, ElementsAre("", "1"));  // and the front itself tried nothing again
}

TEST_F(RetryTest, APatientCallRidesOutARestart) {
  StartServer();
  const std::string target = Target();
  Stop();
  Gate waiting;
  std::atomic<int> told{0};
  CallOptions options;
  options.patient = true;
  options.on_wait = [&](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    ++told;
    waiting.Open();
  };
  ListResponse response;
  absl::Status status;
  std::thread caller(
      [&] { status = Connect(target)->Call(kList, ListRequest(), &response, options); });
  ASSERT_TRUE(waiting.Wait());
  StartAt(target);
  caller.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(told, 1);
}

TEST_F(RetryTest, APatientCallEndsAtItsTimeout) {
  StartServer();
  const std::string target = Target();
  Stop();
  CallOptions options;
  options.patient = true;
  options.timeout = absl::Milliseconds(500);
  ListResponse response;
  EXPECT_EQ(Connect(target)->Call(kList, ListRequest(), &response, options).code(),
            absl::StatusCode::kUnavailable);
}

// A mutation with a request_id in its message, answered by a test.
class MutationTest : public RpcTest {
 protected:
  static constexpr char kActivate[] = "watchbell.sla.v1.SlaService/ActivatePolicySet";

  MutationTest() : sla_("watchbell.sla.v1.SlaService") {
    sla_.Async("ActivatePolicySet",
               [this](const CallContext&, const MessagePtr& request, const Method::Done& done) {
                 ids_.push_back(RequestIdOf(*request));
                 if (ids_.size() < 3) {
                   return done(Unavailable("STOPPING", "later", absl::Seconds(1)));
                 }
                 done(engine::Reply());
               });
  }

  Service sla_;
  std::vector<std::string> ids_;
};

TEST_F(MutationTest, APatientMutationHasOneRequestIdForAllAttempts) {
  StartServer({&sla_});
  CallOptions options;
  options.patient = true;
  sla::v1::ActivatePolicySetRequest request;
  request.set_policy_set_id("gold");
  sla::v1::PolicyVersion response;
  ASSERT_TRUE(client_->Call(kActivate, request, &response, options).ok());
  ASSERT_EQ(ids_.size(), 3u);
  EXPECT_TRUE(IsUuid(ids_[0]));
  EXPECT_EQ(ids_[1], ids_[0]);
  EXPECT_EQ(ids_[2], ids_[0]);
  EXPECT_EQ(request.request_id(), "");
}

}  // namespace
}  // namespace watchbell::rpc
