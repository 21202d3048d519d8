// Dead letters of a whole installation, asked of a process that has none of its own.
#include <gmock/gmock.h>

#include "common/base/proto_time.h"
#include "common/runtime/admin_service.h"
#include "tests/unit/rpc/fixture.h"

namespace watchbell::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The fixture's server is the peer "things".
class AdminPeersTest : public RpcTest {
 protected:
  void SetUp() override {
    StartServer();
    peers_.Add("things", Connect(absl::StrCat("127.0.0.1:", server_->port())));
    service_ = runtime::MakeAdminService({}, clock_, peers_);
    auto server = Server::Start(ServerOptions(), {service_.get()}, *identity_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    front_ = *std::move(server);
    through_ = Connect(absl::StrCat("127.0.0.1:", front_->port()));
  }
  void TearDown() override {
    through_.reset();
    front_.reset();
    RpcTest::TearDown();
  }
  absl::StatusOr<ListResponse> List(const std::string& service, const CallOptions& options = {}) {
    ListRequest request;
    request.set_service(service);
    ListResponse response;
    const absl::Status status = through_->Call(kList, request, &response, options);
    if (!status.ok()) return status;
    return response;
  }

  runtime::Peers peers_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Server> front_;
  std::unique_ptr<Client> through_;
};

TEST_F(AdminPeersTest, PeersAreAskedUnderTheCallersName) {
  std::vector<std::string> tenants;
  list_ = [&](const CallContext& call, const ListRequest&) {
    tenants.push_back(call.identity.tenant);
    EXPECT_EQ(call.metadata.count(kForwardedHeader), 1u);
    ListResponse response;
    for (const int second : {30, 10}) {
      auto* letter = response.add_dead_letters();
      letter->set_dead_letter_id(absl::StrCat("dl-", second));
      *letter->mutable_first_seen_at() = ToProto(absl::FromUnixSeconds(second));
    }
    return response;
  };
  CallOptions options;
  options.metadata = {{"x-watchbell-tenant", "acme"}};
  for (const char* service : {"", "things"}) {
    const auto listed = List(service, options);
    ASSERT_TRUE(listed.ok()) << listed.status();
    ASSERT_EQ(listed->dead_letters_size(), 2);
    EXPECT_EQ(listed->dead_letters(0).dead_letter_id(), "dl-10");  // oldest first
  }
  EXPECT_THAT(tenants, ElementsAre("acme", "acme"));
}

TEST_F(AdminPeersTest, AReleaseGoesToTheServiceItNames) {
  admin::v1::RetryDeadLetterRequest request = RetryRequest();
  request.set_service("things");
  admin::v1::DeadLetter letter;
  ASSERT_TRUE(through_->Call(kRetry, request, &letter).ok());
  EXPECT_EQ(letter.dead_letter_id(), "dl-1");
  request.set_service("others");
  EXPECT_EQ(ErrorReason(through_->Call(kRetry, request, &letter)), "NOT_FOUND");
}

TEST_F(AdminPeersTest, WhatWasPassedOnIsNotPassedOnAgain) {
  CallOptions options;
  options.metadata = {{kForwardedHeader, "1"}};
  const auto all = List("", options);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->dead_letters_size(), 0);
  EXPECT_EQ(ErrorReason(List("things", options).status()), "NOT_FOUND");
}

TEST_F(AdminPeersTest, AListThatWouldLackAServiceIsNone) {
  server_->Drain(absl::ZeroDuration(), absl::Seconds(5));
  const auto listed = List("");
  EXPECT_EQ(listed.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(listed.status()), "PEER_UNAVAILABLE");
  EXPECT_THAT(std::string(listed.status().message()), HasSubstr("things"));
}

}  // namespace
}  // namespace watchbell::rpc
