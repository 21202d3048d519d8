#include "common/rpc/server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <thread>

#include "common/telemetry/trace.h"
#include "google/protobuf/wrappers.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/rpc/fixture.h"

namespace watchbell::rpc {
namespace {

using ::testing::HasSubstr;

class ServerTest : public RpcTest {
 protected:
  // Both ways in: they share no transport.
  std::vector<Client*> Clients() { return {client_.get(), in_process_.get()}; }
};

bool HasRetryInfo(const absl::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(SerializeRpcStatus(status));
  google::rpc::RetryInfo retry;
  return std::any_of(details.details().begin(), details.details().end(),
                     [&](const auto& any) { return any.UnpackTo(&retry); });
}

TEST_F(ServerTest, QueryAndAsyncAnswer) {
  StartServer();
  for (Client* client : Clients()) {
    ListRequest request;
    request.set_service("tickets");
    ListResponse response;
    ASSERT_TRUE(client->Call(kList, request, &response).ok());
    ASSERT_EQ(response.dead_letters_size(), 1);
    EXPECT_EQ(response.dead_letters(0).service(), "tickets");
    admin::v1::DeadLetter letter;
    ASSERT_TRUE(client->Call(kRetry, RetryRequest(), &letter).ok());
    EXPECT_EQ(letter.dead_letter_id(), "dl-1");
  }
}

// A caller that is gone before its message came leaves such a call behind.
TEST_F(ServerTest, ACallThatEndsBeforeItsRequestCameIsNoBadRequest) {
  StartServer();
  const grpc::Status status = CallWithoutRequest(server_->port(), kList);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED) << status.error_message();
  EXPECT_EQ(Reports(1)[0].code, static_cast<int>(absl::StatusCode::kCancelled));
}

TEST_F(ServerTest, HeadersThatCannotBeSentAreRefusedBeforeTheCall) {
  StartServer();
  for (Client* client : Clients()) {
    CallOptions options;
    options.metadata["x-watchbell-tenant"] = "b \xc3\xa4";
    ListResponse response;
    const absl::Status status = client->Call(kList, ListRequest(), &response, options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    ASSERT_EQ(FieldViolations(status).size(), 1u);
    EXPECT_EQ(FieldViolations(status)[0].field, "x-watchbell-tenant");
  }
}

TEST_F(ServerTest, HandlerSeesWhoCallsAndTheTrace) {
  std::optional<CallContext> seen;
  list_ = [&](const CallContext& call, const ListRequest&) {
    seen = call;
    return ListResponse();
  };
  StartServer();
  constexpr char kTrace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  CallOptions options;
  options.timeout = absl::Seconds(50);
  options.metadata = {{"x-watchbell-tenant", "acme"},
                      {"x-watchbell-subject", "mia"},
                      {"x-watchbell-roles", "agent"},
                      {"traceparent", kTrace}};
  ListResponse response;
  ASSERT_TRUE(client_->Call(kList, ListRequest(), &response, options).ok());
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->identity.tenant, "acme");
  EXPECT_EQ(seen->identity.subject, "mia");
  EXPECT_EQ(seen->traceparent, kTrace);
  EXPECT_LE(seen->deadline, seen->received_at + absl::Seconds(51));
  EXPECT_GT(seen->deadline, seen->received_at + absl::Seconds(20));

  options.metadata["traceparent"] = "nonsense";
  ASSERT_TRUE(client_->Call(kList, ListRequest(), &response, options).ok());
  EXPECT_TRUE(telemetry::IsTraceparent(seen->traceparent));
}

TEST_F(ServerTest, CallsWithoutADeadlineGetTheDefaultOne) {
  std::optional<CallContext> seen;
  list_ = [&](const CallContext& call, const ListRequest&) {
    seen = call;
    return ListResponse();
  };
  options_.default_deadline = absl::Seconds(7);
  StartServer();
  CallOptions options;
  options.timeout = absl::InfiniteDuration();
  ListResponse response;
  ASSERT_TRUE(client_->Call(kList, ListRequest(), &response, options).ok());
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->deadline - seen->received_at, absl::Seconds(7));
}

TEST_F(ServerTest, ErrorsKeepTheirDetails) {
  list_ = [](const CallContext&, const ListRequest& request) -> absl::StatusOr<ListResponse> {
    if (request.all()) return ForbiddenMove("TICKET_CLOSED", "tickets/inc-1", "it is closed");
    return InvalidFields({{"a.b", "is wrong"}, {"c[2]", "is worse"}});
  };
  StartServer();
  for (Client* client : Clients()) {
    ListResponse response;
    absl::Status status = client->Call(kList, ListRequest(), &response);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
    const auto violations = FieldViolations(status);
    ASSERT_EQ(violations.size(), 2u);
    EXPECT_EQ(violations[1].field, "c[2]");
    EXPECT_EQ(violations[1].description, "is worse");
    ListRequest all;
    all.set_all(true);
    status = client->Call(kList, all, &response);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ErrorReason(status), "TICKET_CLOSED");
    EXPECT_THAT(std::string(status.message()), HasSubstr("it is closed"));
  }
}

TEST_F(ServerTest, HugeErrorsStillArriveWithTheirReason) {
  list_ = [](const CallContext&, const ListRequest&) -> absl::StatusOr<ListResponse> {
    std::vector<FieldViolation> many;
    for (int i = 0; i < 500; ++i)
      many.push_back({absl::StrCat("field[", i, "]"), "ist völlig falsch"});
    return InvalidFields(std::move(many));
  };
  StartServer();
  for (Client* client : Clients()) {
    ListResponse response;
    const absl::Status status = client->Call(kList, ListRequest(), &response);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
    EXPECT_GT(FieldViolations(status).size(), 5u);
  }
}

TEST_F(ServerTest, MissingRoleIsRefused) {
  StartServer();
  CallOptions options;
  options.metadata = {{"x-watchbell-roles", "agent"}};
  admin::v1::SkipDeadLetterRequest request;  // also invalid: the role is looked at first
  admin::v1::DeadLetter letter;
  const absl::Status status = client_->Call(kSkip, request, &letter, options);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrorReason(status), "ROLE_MISSING");
}

TEST_F(ServerTest, MalformedIdentityIsRefused) {
  StartServer();
  CallOptions options;
  options.metadata = {{"x-watchbell-tenant", "No Tenant"}};
  ListResponse response;
  const absl::Status status = client_->Call(kList, ListRequest(), &response, options);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ErrorReason(status), "IDENTITY_MALFORMED");
}

TEST_F(ServerTest, RequestsAreCheckedBeforeTheHandler) {
  std::atomic<int> handled{0};
  retry_ = [&](const CallContext&, MessagePtr, const Method::Done& done) {
    ++handled;
    done(engine::Reply());
  };
  StartServer();
  admin::v1::DeadLetter letter;
  absl::Status status = client_->Call(kRetry, admin::v1::RetryDeadLetterRequest(), &letter);
  ASSERT_EQ(FieldViolations(status).size(), 2u) << status;
  EXPECT_EQ(FieldViolations(status)[0].field, "service");

  // BytesValue has the wire form of a message whose first field is text.
  google::protobuf::BytesValue not_utf8;
  not_utf8.set_value("\xff\xfe");
  status = client_->Call(kRetry, not_utf8, &letter);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(FieldViolations(status).size(), 1u) << status;
  EXPECT_EQ(FieldViolations(status)[0].field, "service");
  EXPECT_EQ(FieldViolations(status)[0].description, "is not valid UTF-8");
  EXPECT_EQ(handled, 0);
}

TEST_F(ServerTest, UnknownMethodsAreUnimplemented) {
  StartServer();
  ListResponse response;
  EXPECT_EQ(
      client_->Call("watchbell.admin.v1.AdminService/Nothing", ListRequest(), &response).code(),
      absl::StatusCode::kUnimplemented);
}

TEST_F(ServerTest, FullExecutorRefusesAtOnce) {
  options_.query_threads = 1;
  options_.query_queue_limit = 1;
  Gate started;
  Gate release;
  list_ = [&](const CallContext&, const ListRequest&) {
    started.Open();
    EXPECT_TRUE(release.Wait());
    return ListResponse();
  };
  StartServer();
  ListResponse responses[3];
  absl::Status statuses[3];
  Gate answered;
  Gate refused;
  const auto call = [&](int i) {
    client_->CallAsync(kList, ListRequest(), &responses[i], {}, [&, i](absl::Status status) {
      statuses[i] = std::move(status);
      if (!statuses[i].ok()) refused.Open();
      answered.Open();
    });
  };
  call(0);
  ASSERT_TRUE(started.Wait());  // runs; of the next two one waits and the other does not fit
  call(1);
  call(2);
  ASSERT_TRUE(refused.Wait());
  release.Open();
  ASSERT_TRUE(answered.Wait(3));
  EXPECT_TRUE(statuses[0].ok());
  EXPECT_NE(statuses[1].ok(), statuses[2].ok());
  const absl::Status& full = statuses[1].ok() ? statuses[2] : statuses[1];
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(full), "QUEUE_FULL");
  EXPECT_TRUE(HasRetryInfo(full));
}

TEST_F(ServerTest, ACallWhoseDeadlinePassedWhileItWaitedDoesNoWork) {
  options_.query_threads = 1;
  Gate started;
  Gate release;
  std::atomic<int> handled{0};
  list_ = [&](const CallContext&, const ListRequest&) {
    ++handled;
    started.Open();
    EXPECT_TRUE(release.Wait());
    return ListResponse();
  };
  StartServer();
  std::thread first([&] {
    ListResponse response;
    EXPECT_TRUE(client_->Call(kList, ListRequest(), &response).ok());
  });
  ASSERT_TRUE(started.Wait());
  ListResponse response;
  CallOptions options;
  options.timeout = absl::Milliseconds(20);
  EXPECT_EQ(client_->Call(kList, ListRequest(), &response, options).code(),
            absl::StatusCode::kDeadlineExceeded);
  // The server has noticed too, by its own clock or by the caller's hanging up, before the thread
  // is free again.
  EXPECT_NE(Reports(1)[0].code, 0);
  release.Open();
  first.join();
  server_->Drain(absl::ZeroDuration(), absl::Seconds(5));
  EXPECT_EQ(handled, 1);
}

TEST_F(ServerTest, DrainLetsCallsFinish) {
  Gate started;
  Gate release;
  list_ = [&](const CallContext&, const ListRequest&) {
    started.Open();
    EXPECT_TRUE(release.Wait());
    return ListResponse();
  };
  StartServer();
  Gate answered;
  absl::Status status;
  ListResponse response;
  client_->CallAsync(kList, ListRequest(), &response, {}, [&](absl::Status s) {
    status = std::move(s);
    answered.Open();
  });
  ASSERT_TRUE(started.Wait());
  std::thread drain([&] { server_->Drain(absl::ZeroDuration(), absl::Seconds(20)); });
  release.Open();
  drain.join();
  ASSERT_TRUE(answered.Wait());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(ServerTest, DrainCutsCallsThatNeverEnd) {
  Gate started;
  Method::Done never;
  retry_ = [&](const CallContext&, MessagePtr, const Method::Done& done) {
    never = done;
    started.Open();
  };
  StartServer();
  Gate answered;
  absl::Status status;
  admin::v1::DeadLetter letter;
  client_->CallAsync(kRetry, RetryRequest(), &letter, {}, [&](absl::Status s) {
    status = std::move(s);
    answered.Open();
  });
  ASSERT_TRUE(started.Wait());
  server_->Drain(absl::ZeroDuration(), absl::Milliseconds(10));
  ASSERT_TRUE(answered.Wait());
  EXPECT_FALSE(status.ok());
  in_process_.reset();
  server_.reset();
  never(engine::Reply());  // the engine answers at last: nobody listens, nothing breaks
}

TEST_F(ServerTest, CallsAreReported) {
  StartServer();
  CallOptions options;
  options.metadata = {{"x-watchbell-tenant", "acme"}};
  ListResponse response;
  admin::v1::DeadLetter letter;
  EXPECT_TRUE(client_->Call(kList, ListRequest(), &response, options).ok());
  Reports(1);  // a report follows the answer: wait, so that they come in order
  EXPECT_FALSE(client_->Call(kRetry, admin::v1::RetryDeadLetterRequest(), &letter, options).ok());
  const std::vector<CallReport> reports = Reports(2);
  EXPECT_EQ(reports[0].method, kList);
  EXPECT_EQ(reports[0].code, 0);
  EXPECT_EQ(reports[0].tenant, "acme");
  EXPECT_TRUE(telemetry::IsTraceparent(reports[0].traceparent));
  EXPECT_EQ(reports[1].method, kRetry);
  EXPECT_EQ(reports[1].code, static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(reports[1].message, HasSubstr("service: is required"));
}

TEST_F(ServerTest, ATakenPortIsAnErrorThatNamesIt) {
  StartServer();
  ServerOptions options;
  options.listen = absl::StrCat("127.0.0.1:", server_->port());
  const auto second = Server::Start(options, {&admin_}, *identity_, clock_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(options.listen));
}

}  // namespace
}  // namespace watchbell::rpc
