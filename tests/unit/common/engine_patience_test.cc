// Events nobody waits for wait for others to be stored with, and hold up nothing.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/engine/dead_letters.h"
#include "tests/unit/common/engine_fixture.h"

namespace watchbell {
namespace {

class EnginePatienceTest : public test::EngineTest {
 protected:
  static constexpr absl::Duration kPatience = absl::Milliseconds(100);

  void SetUp() override {
    patience_ = kPatience;
    EngineTest::SetUp();
  }
  void BumpAndStore(const std::string& thing, const std::string& what = "") {
    ASSERT_TRUE(Submit(*toy_, Bump(thing, what)).ok());
    toy_->engine().RunOnce();
  }
  void BootPatient() {
    all_patient_ = true;
    Boot();
  }
  int Seen(const std::string& thing) { return State(*follower_, thing).reopen_count(); }
};

TEST_F(EnginePatienceTest, APatientServiceTakesEventsTogetherWhenTheFirstHasWaited) {
  BootPatient();
  BumpAndStore("a");
  engine::Step step = follower_->engine().RunOnce();
  EXPECT_EQ(step.applied, 0);
  EXPECT_FALSE(step.more);
  EXPECT_EQ(step.next, kStart + kPatience);
  clock_.Advance(absl::Milliseconds(60));
  BumpAndStore("b");
  EXPECT_EQ(follower_->engine().RunOnce().next, kStart + kPatience) << "the first decides";
  EXPECT_EQ(Seen("a"), 0);
  clock_.Set(kStart + kPatience);
  EXPECT_EQ(follower_->engine().RunOnce().applied, 2);
  EXPECT_EQ(Seen("a"), 1);
  EXPECT_EQ(Seen("b"), 1);
}

TEST_F(EnginePatienceTest, OnlyEventsWithoutWorkWaitInOtherServices) {
  BumpAndStore("a", "idle");
  EXPECT_EQ(follower_->engine().RunOnce().applied, 0);
  BumpAndStore("b");
  EXPECT_EQ(follower_->engine().RunOnce().applied, 2) << "the one takes the other along";
  EXPECT_EQ(Seen("b"), 1);
  Boot();
  BumpAndStore("a");
  Settle();
  EXPECT_EQ(Seen("a"), 1) << "the idle one was counted: there is no hole";
  EXPECT_TRUE(engine::ListDeadLetters(*follower_db_, "", false)->empty());
}

TEST_F(EnginePatienceTest, ACommandTakesWhatWaitsAlong) {
  BootPatient();
  BumpAndStore("a");
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  EXPECT_EQ(follower_->engine().RunOnce().applied, 2);
  EXPECT_EQ(Seen("a"), 1);
}

TEST_F(EnginePatienceTest, ADueTimerSeesWhatWaits) {
  BootPatient();
  ASSERT_TRUE(Submit(*follower_, Bump("a", "arm:60")).ok());
  Settle();
  clock_.Set(kStart + absl::Seconds(60) - absl::Milliseconds(1));
  BumpAndStore("a");
  EXPECT_EQ(follower_->engine().RunOnce().applied, 0);
  EXPECT_LE(follower_->engine().RunOnce().next, kStart + absl::Seconds(60) + absl::Microseconds(1));
  clock_.Set(kStart + absl::Seconds(60) + absl::Microseconds(1));
  Settle();
  EXPECT_EQ(State(*follower_, "a").resolver(), "1");
}

TEST_F(EnginePatienceTest, ManyDoNotWait) {
  BootPatient();
  for (int i = 0; i < 300; ++i) BumpAndStore(absl::StrCat("t", i));
  EXPECT_EQ(follower_->engine().RunOnce().applied, 256);
}

TEST_F(EnginePatienceTest, AClockThatGoesBackKeepsNothingWaiting) {
  BootPatient();
  BumpAndStore("a");
  EXPECT_EQ(follower_->engine().RunOnce().applied, 0);
  clock_.Set(kStart - absl::Hours(1));
  EXPECT_EQ(follower_->engine().RunOnce().applied, 1);
}

}  // namespace
}  // namespace watchbell
