// Calls that one process passes on to another.
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>

#include <thread>

#include "common/telemetry/trace.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/rpc/fixture.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tickets::v1::WatchTicketsRequest;
using tickets::v1::WatchTicketsResponse;

constexpr char kTickets[] = "watchbell.tickets.v1.TicketService";
constexpr char kWatch[] = "watchbell.tickets.v1.TicketService/WatchTickets";
constexpr char kTrace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// Numbers, as fast as they are taken, until `last`; then quiet.
class Counting final : public WatchSource {
 public:
  explicit Counting(int last) : last_(last) {}
  absl::StatusOr<std::vector<MessagePtr>> Next(int max) override {
    std::vector<MessagePtr> next;
    while (at_ < last_ && static_cast<int>(next.size()) < max) {
      auto message = std::make_shared<WatchTicketsResponse>();
      message->set_resume_token(absl::StrCat(++at_));
      next.push_back(std::move(message));
    }
    return next;
  }
  MessagePtr Bookmark() override {
    auto message = std::make_shared<WatchTicketsResponse>();
    message->set_resume_token(absl::StrCat("bookmark ", at_));
    return message;
  }

 private:
  const int last_;
  int at_ = 0;
};

// The fixture's server answers; `front_` has nothing of its own.
class ForwardTest : public RpcTest {
 protected:
  ForwardTest() : tickets_(kTickets) {
    tickets_.Watch(
        "WatchTickets", hub_,
        [this](const CallContext&,
               const google::protobuf::Message&) -> absl::StatusOr<std::unique_ptr<WatchSource>> {
          return std::make_unique<Counting>(last_);
        });
  }
  void TearDown() override {
    through_.reset();
    front_.reset();
    RpcTest::TearDown();
  }

  void StartFront(const std::string& target) {
    ServerOptions options;
    options.forwards = {{kAdmin, "things", target}, {kTickets, "things", target}};
    auto server = Server::Start(options, {}, *identity_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    front_ = *std::move(server);
    through_ = Connect(absl::StrCat("127.0.0.1:", front_->port()));
  }
  void StartBoth() {
    StartServer({&tickets_});
    StartFront(absl::StrCat("127.0.0.1:", server_->port()));
  }
  // Watches through the front; `server` drains once the first message is here.
  absl::Status WatchUntilDrained(Server& server, std::vector<std::string>& tokens) {
    std::thread drain;
    WatchTicketsResponse message;
    CallOptions options;
    options.timeout = absl::InfiniteDuration();
    const absl::Status status =
        through_->Stream(kWatch, WatchTicketsRequest(), &message, options, [&] {
          tokens.push_back(message.resume_token());
          if (tokens.size() == 1) {
            // A long grace: the streams must not use it up.
            drain = std::thread([&] { server.Drain(absl::ZeroDuration(), absl::Minutes(5)); });
          }
          return true;
        });
    if (drain.joinable()) drain.join();
    return status;
  }

  int last_ = 0;
  WatchHub hub_;
  Service tickets_;
  std::unique_ptr<Server> front_;
  std::unique_ptr<Client> through_;
};

// Answers OK and nothing else.
class Mute final : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    struct Reactor final : grpc::ServerGenericBidiReactor {
      Reactor() { Finish(grpc::Status::OK); }
      void OnDone() override { delete this; }
    };
    return new Reactor;
  }
};

TEST_F(ForwardTest, ACallThatEndsBeforeItsRequestCameIsNotPassedOn) {
  StartBoth();
  for (const char* const method : {kList, kWatch}) {
    const grpc::Status status = CallWithoutRequest(front_->port(), method);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED) << status.error_message();
  }
}

TEST_F(ForwardTest, AnAnswerWithoutAMessageIsAnError) {
  Mute mute;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&mute);
  const std::unique_ptr<grpc::Server> peer = builder.BuildAndStart();
  StartFront(absl::StrCat("127.0.0.1:", port));
  ListResponse response;
  const absl::Status status = through_->Call(kList, ListRequest(), &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("answered without a message"));
  through_.reset();
  front_.reset();
  peer->Shutdown();
}

TEST_F(ForwardTest, ACallArrivesAsItWasMade) {
  CallContext seen;
  list_ = [&](const CallContext& call, const ListRequest& request) {
    seen = call;
    ListResponse response;
    response.add_dead_letters()->set_service(request.service());
    return response;
  };
  StartBoth();
  CallOptions options;
  options.timeout = absl::Seconds(77);
  options.metadata = {{"x-watchbell-tenant", "acme"},
                      {"x-watchbell-subject", "ada"},
                      {"x-watchbell-roles", "agent"},
                      {"traceparent", kTrace}};
  ListRequest request;
  request.set_service("a thing");
  ListResponse response;
  ASSERT_TRUE(through_->Call(kList, request, &response, options).ok());
  EXPECT_EQ(response.dead_letters(0).service(), "a thing");
  EXPECT_EQ(seen.identity.tenant, "acme");
  EXPECT_EQ(seen.identity.subject, "ada");
  EXPECT_TRUE(seen.identity.Has("agent"));
  EXPECT_FALSE(seen.identity.Has("operator"));
  EXPECT_EQ(seen.traceparent, kTrace);
  EXPECT_EQ(seen.metadata.count(kForwardedHeader), 1u);
  // gRPC rounds it up on each way.
  EXPECT_LT(seen.deadline - seen.received_at, absl::Seconds(80));
  EXPECT_GT(seen.deadline - seen.received_at, absl::Seconds(40));
}

TEST_F(ForwardTest, ErrorsKeepTheirDetails) {
  list_ = [](const CallContext&, const ListRequest&) {
    return InvalidFields({{"service", "is unknown"}, {"all", "is too much"}});
  };
  StartBoth();
  ListResponse response;
  const absl::Status status = through_->Call(kList, ListRequest(), &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
  ASSERT_EQ(FieldViolations(status).size(), 2u);
  EXPECT_EQ(FieldViolations(status)[1].field, "all");
  admin::v1::DeadLetter letter;
  CallOptions options;
  options.metadata = {{"x-watchbell-roles", "agent"}};
  EXPECT_EQ(ErrorReason(through_->Call(kSkip, RetryRequest(), &letter, options)), "ROLE_MISSING");
}

TEST_F(ForwardTest, ACallerThatGoesAwayEndsTheCallBehind) {
  Gate started;
  Method::Done never;
  retry_ = [&](const CallContext&, MessagePtr, const Method::Done& done) {
    never = done;
    started.Open();
  };
  StartBoth();
  CallOptions options;
  options.timeout = absl::Milliseconds(300);
  admin::v1::DeadLetter letter;
  EXPECT_EQ(through_->Call(kRetry, RetryRequest(), &letter, options).code(),
            absl::StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(started.Wait());
  EXPECT_NE(Reports(1)[0].code, 0);  // the server behind has let go of it
  never(engine::Reply());
}

TEST_F(ForwardTest, StreamsComeThroughInOrder) {
  last_ = 1000;
  StartBoth();
  int next = 0;
  WatchTicketsResponse message;
  CallOptions options;
  options.timeout = absl::InfiniteDuration();
  const absl::Status status =
      through_->Stream(kWatch, WatchTicketsRequest(), &message, options, [&] {
        EXPECT_EQ(message.resume_token(), absl::StrCat(++next));
        return next < last_;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(next, last_);
  Reports(1);  // the stream behind has ended, too
}

TEST_F(ForwardTest, TheFrontsDrainEndsItsStreams) {
  StartBoth();
  std::vector<std::string> tokens;
  const absl::Status status = WatchUntilDrained(*front_, tokens);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(status), "STOPPING");
  EXPECT_THAT(tokens, ElementsAre("bookmark 0"));
  EXPECT_NE(Reports(1)[0].code, 0);
}

TEST_F(ForwardTest, TheDrainBehindEndsStreamsWithItsOwnWord) {
  StartBoth();
  std::vector<std::string> tokens;
  const absl::Status status = WatchUntilDrained(*server_, tokens);
  EXPECT_EQ(ErrorReason(status), "STOPPING");
  EXPECT_EQ(tokens.size(), 2u);  // the second is the farewell's
}

TEST_F(ForwardTest, APeerThatIsAwayIsUnavailableWithAReason) {
  StartServer();
  const std::string target = absl::StrCat("127.0.0.1:", server_->port());
  client_.reset();
  in_process_.reset();
  server_.reset();
  StartFront(target);
  ListResponse response;
  const absl::Status status = through_->Call(kList, ListRequest(), &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(status), "PEER_UNAVAILABLE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("things"));
  EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr(target)));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(SerializeRpcStatus(status)));
  google::rpc::RetryInfo retry;
  EXPECT_TRUE(std::any_of(details.details().begin(), details.details().end(),
                          [&](const auto& any) { return any.UnpackTo(&retry); }));
  WatchTicketsResponse message;
  const absl::Status stream =
      through_->Stream(kWatch, WatchTicketsRequest(), &message, {}, [] { return true; });
  EXPECT_EQ(ErrorReason(stream), "PEER_UNAVAILABLE");
}

TEST_F(ForwardTest, ACallIsPassedOnOnceOnly) {
  StartServer();
  StartFront(absl::StrCat("127.0.0.1:", server_->port()));
  const std::unique_ptr<Server> middle = std::move(front_);
  StartFront(absl::StrCat("127.0.0.1:", middle->port()));
  ListResponse response;
  const absl::Status status = through_->Call(kList, ListRequest(), &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ErrorReason(status), "WRONG_PEER");
}

TEST_F(ForwardTest, WhatComesLaterIsUnavailableUntilThen) {
  options_.later = {kAdmin, kTickets};
  auto server = Server::Start(options_, {}, *identity_, clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  client_ = Connect(absl::StrCat("127.0.0.1:", server_->port()));
  ListResponse response;
  const absl::Status before = client_->Call(kList, ListRequest(), &response);
  EXPECT_EQ(before.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(before), "STARTING");
  WatchTicketsResponse message;
  EXPECT_EQ(ErrorReason(
                client_->Stream(kWatch, WatchTicketsRequest(), &message, {}, [] { return true; })),
            "STARTING");
  server_->Provide({&admin_, &tickets_});
  EXPECT_TRUE(client_->Call(kList, ListRequest(), &response).ok());
  EXPECT_TRUE(
      client_->Stream(kWatch, WatchTicketsRequest(), &message, {}, [] { return false; }).ok());
}

}  // namespace
}  // namespace watchbell::rpc
