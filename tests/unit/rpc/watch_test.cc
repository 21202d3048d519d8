#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "tests/unit/rpc/fixture.h"
#include "watchbell/tickets/v1/ticket_service.pb.h"

namespace watchbell::rpc {
namespace {

using tickets::v1::WatchTicketsRequest;
using tickets::v1::WatchTicketsResponse;

constexpr char kWatch[] = "watchbell.tickets.v1.TicketService/WatchTickets";

// What a journal is to a real source: a growing list of names.
struct Feed {
  std::mutex mu;
  std::vector<std::string> names;
  absl::Status error;
  Gate source_gone;

  void Add(const std::string& name) {
    const std::lock_guard<std::mutex> lock(mu);
    names.push_back(name);
  }
};

class FeedSource final : public WatchSource {
 public:
  FeedSource(Feed& feed, size_t after) : feed_(feed), at_(after) {}
  ~FeedSource() override { feed_.source_gone.Open(); }

  absl::StatusOr<std::vector<MessagePtr>> Next(int max) override {
    const std::lock_guard<std::mutex> lock(feed_.mu);
    if (!feed_.error.ok()) return feed_.error;
    std::vector<MessagePtr> next;
    while (at_ < feed_.names.size() && next.size() < static_cast<size_t>(max)) {
      next.push_back(Make(feed_.names[at_++]));
    }
    return next;
  }
  MessagePtr Bookmark() override { return Make(""); }

 private:
  MessagePtr Make(const std::string& name) const {
    auto message = std::make_shared<WatchTicketsResponse>();
    message->set_resume_token(absl::StrCat(at_));
    if (!name.empty()) message->mutable_ticket()->set_name(name);
    return message;
  }

  Feed& feed_;
  size_t at_;
};

class WatchTest : public RpcTest {
 protected:
  WatchTest() : tickets_("watchbell.tickets.v1.TicketService") {
    tickets_.Watch("WatchTickets", hub_,
                   [this](const CallContext&, const google::protobuf::Message& message)
                       -> absl::StatusOr<std::unique_ptr<WatchSource>> {
                     const auto& request = static_cast<const WatchTicketsRequest&>(message);
                     if (request.resume_token() == "bad") {
                       return InvalidField("resume_token", "is none of ours");
                     }
                     return std::make_unique<FeedSource>(feed_, 0);
                   });
  }

  static CallOptions Forever() {
    CallOptions options;
    options.timeout = absl::InfiniteDuration();
    return options;
  }

  Feed feed_;
  WatchHub hub_;
  Service tickets_;
  WatchTicketsResponse message_;
};

TEST_F(WatchTest, BookmarkFirstWhenThereIsNothingToSend) {
  StartServer({&tickets_});
  std::vector<std::string> first;
  const auto look = [&] {
    first.push_back(message_.ticket().name());
    return false;
  };
  EXPECT_TRUE(client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), look).ok());
  feed_.Add("tickets/inc-1");
  EXPECT_TRUE(client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), look).ok());
  EXPECT_TRUE(in_process_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), look).ok());
  EXPECT_THAT(first, ::testing::ElementsAre("", "tickets/inc-1", "tickets/inc-1"));
}

TEST_F(WatchTest, NotifyWakesTheStream) {
  StartServer({&tickets_});
  std::vector<std::string> names;
  const absl::Status status =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [&] {
        names.push_back(message_.ticket().name());
        feed_.Add(absl::StrCat("tickets/inc-", names.size()));
        hub_.Notify();
        return names.size() < 4;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(names, ::testing::ElementsAre("", "tickets/inc-1", "tickets/inc-2", "tickets/inc-3"));
}

TEST_F(WatchTest, NothingIsLostOrRepeatedUnderAStormOfWakeUps) {
  constexpr int kCount = 1000;
  StartServer({&tickets_});
  std::thread writer([&] {
    for (int i = 0; i < kCount; ++i) {
      feed_.Add(absl::StrCat("tickets/inc-", i));
      hub_.Notify();
    }
  });
  int next = 0;
  const absl::Status status =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [&] {
        if (!message_.has_ticket()) return true;
        EXPECT_EQ(message_.ticket().name(), absl::StrCat("tickets/inc-", next));
        return ++next < kCount;
      });
  writer.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(next, kCount);
}

TEST_F(WatchTest, QuietStreamsGetBookmarks) {
  options_.bookmark_every = absl::Milliseconds(5);
  StartServer({&tickets_});
  int bookmarks = 0;
  const absl::Status status =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [&] {
        EXPECT_EQ(message_.resume_token(), "0");
        EXPECT_FALSE(message_.has_ticket());
        return ++bookmarks < 3;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(bookmarks, 3);
}

TEST_F(WatchTest, DrainEndsStreamsWithTheirNewestToken) {
  feed_.Add("tickets/inc-1");
  StartServer({&tickets_});
  std::thread drain;
  std::vector<WatchTicketsResponse> seen;
  const absl::Status status =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [&] {
        seen.push_back(message_);
        // A long grace: the streams must not use it up.
        if (seen.size() == 1) {
          drain = std::thread([&] { server_->Drain(absl::ZeroDuration(), absl::Minutes(5)); });
        }
        return true;
      });
  drain.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(status), "STOPPING");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].ticket().name(), "tickets/inc-1");
  EXPECT_FALSE(seen[1].has_ticket());
  EXPECT_EQ(seen[1].resume_token(), "1");
}

TEST_F(WatchTest, AStreamCutOffInAChunkGetsNoTokenFromBehindIt) {
  // More than a connection holds while nobody reads.
  constexpr size_t kCount = 64;
  for (size_t i = 0; i < kCount; ++i) feed_.Add(std::string(250000, 'x'));
  StartServer({&tickets_});
  std::thread drain;
  size_t seen = 0;
  std::string token;
  const absl::Status status =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [&] {
        if (message_.has_ticket()) ++seen;
        token = message_.resume_token();
        if (drain.joinable()) return true;
        drain = std::thread([&] { server_->Drain(absl::ZeroDuration(), absl::Minutes(5)); });
        WatchTicketsResponse next;
        while (
            client_->Stream(kWatch, WatchTicketsRequest(), &next, Forever(), [] { return false; })
                .ok()) {
          std::this_thread::yield();  // until no new ones are let in
        }
        return true;
      });
  drain.join();
  EXPECT_EQ(ErrorReason(status), "STOPPING");
  EXPECT_LT(seen, kCount);
  EXPECT_EQ(token, absl::StrCat(seen));
}

TEST_F(WatchTest, ErrorsOfTheSourceEndTheStream) {
  StartServer({&tickets_});
  int messages = 0;
  const absl::Status status =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [&] {
        ++messages;
        {
          const std::lock_guard<std::mutex> lock(feed_.mu);
          feed_.error = WithReason(absl::StatusCode::kOutOfRange, "TOKEN_TOO_OLD", "list again");
        }
        hub_.Notify();
        return true;
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ErrorReason(status), "TOKEN_TOO_OLD");
  EXPECT_EQ(messages, 1);
}

TEST_F(WatchTest, RefusedBeforeItBegins) {
  StartServer({&tickets_});
  WatchTicketsRequest request;
  request.set_resume_token("bad");
  const auto no_message = [] {
    ADD_FAILURE();
    return false;
  };
  absl::Status status = client_->Stream(kWatch, request, &message_, Forever(), no_message);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  request.set_resume_token(std::string(101, 'x'));
  status = client_->Stream(kWatch, request, &message_, Forever(), no_message);
  EXPECT_EQ(FieldViolations(status).size(), 1u) << status;
}

TEST_F(WatchTest, ACallerWhoLeavesFreesTheStream) {
  StartServer({&tickets_});
  const absl::Status status =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [] { return false; });
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(feed_.source_gone.Wait());
  EXPECT_EQ(Reports(1)[0].code, static_cast<int>(absl::StatusCode::kCancelled));
}

TEST_F(WatchTest, TheNumberOfStreamsIsBounded) {
  options_.watch_limit = 1;
  StartServer({&tickets_});
  absl::Status second;
  const absl::Status first =
      client_->Stream(kWatch, WatchTicketsRequest(), &message_, Forever(), [&] {
        WatchTicketsResponse other;
        second = in_process_->Stream(kWatch, WatchTicketsRequest(), &other, Forever(),
                                     [] { return false; });
        return false;
      });
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(second.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(second), "QUEUE_FULL");
}

TEST(WatchHubTest, WakesWhoIsRegistered) {
  WatchHub hub;
  int woken = 0;
  std::shared_ptr<void> handle = hub.Register([&] { ++woken; });
  hub.Notify();
  handle.reset();
  hub.Notify();
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace watchbell::rpc
