#include "common/bus/kafka/heads.h"

#include <string>
#include <vector>

#include "common/base/errors.h"
#include "common/clock/clock.h"
#include "gtest/gtest.h"

namespace watchbell::bus::kafka {
namespace {

// Answers at once, as it is told.
class Producer : public JournalSource {
 public:
  void ReadShard(const std::string&, int, int64_t, int, Done) override { FAIL(); }
  void ReadStream(const std::string&, const std::string&, const std::string&, int64_t, int,
                  Done) override {
    FAIL();
  }
  void ReadHeads(const std::string&, const std::vector<int>&, HeadsDone done) override {
    done(answer);
  }
  absl::StatusOr<std::vector<int64_t>> answer = std::vector<int64_t>{7};
};

class HeadsTest : public testing::Test {
 protected:
  Heads::Head Ask() {
    heads_.Ask(place_, clock_.Now());
    const auto head = heads_.Since(place_, clock_.Now());
    EXPECT_TRUE(head.has_value());
    return head.value_or(Heads::Head{});
  }

  const TopicShard place_{"widgets", 3};
  FakeClock clock_{absl::FromUnixSeconds(1'767'225'600)};
  Producer producer_;
  int answered_ = 0;
  Heads heads_{producer_, clock_, [this] { ++answered_; }};
};

TEST_F(HeadsTest, AProducerThatSaysWhyItCannotLookIsThere) {
  for (const char* reason :
       {"STORAGE_UNAVAILABLE", "DEADLINE_EXCEEDED", "QUEUE_FULL", "STARTING", "STOPPING"}) {
    producer_.answer = WithReason(absl::StatusCode::kUnavailable, reason, "not now");
    const Heads::Head head = Ask();
    EXPECT_FALSE(head.sequence.has_value()) << reason;
    EXPECT_TRUE(head.blind) << reason;
  }
  EXPECT_EQ(answered_, 0);
}

TEST_F(HeadsTest, AnotherCannotBeReached) {
  producer_.answer = absl::UnavailableError("connection refused");
  EXPECT_FALSE(Ask().blind);
  producer_.answer = WithReason(absl::StatusCode::kUnavailable, "PEER_UNKNOWN", "who?");
  EXPECT_FALSE(Ask().blind);
  producer_.answer = std::vector<int64_t>{9};
  EXPECT_EQ(Ask().sequence, 9);
  EXPECT_EQ(answered_, 3);
}

}  // namespace
}  // namespace watchbell::bus::kafka
